//! API keys and service keys.

mod create_api_key;
mod create_service_key;
mod list_keys;
mod revoke_key;
mod rules;

pub use create_api_key::CreateApiKeyUseCase;
pub use create_service_key::CreateServiceKeyUseCase;
pub use list_keys::ListKeysUseCase;
pub use revoke_key::RevokeKeyUseCase;
