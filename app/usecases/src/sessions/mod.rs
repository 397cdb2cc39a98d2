//! People who sign in.

mod current_user;
mod refresh;
mod sign_in;
mod sign_out;
mod sign_up;
mod tokens;

pub use current_user::GetCurrentUserUseCase;
pub use refresh::RefreshSessionUseCase;
pub use sign_in::SignInUseCase;
pub use sign_out::SignOutUseCase;
pub use sign_up::SignUpUseCase;
pub use tokens::{SessionPorts, SessionSettings};
