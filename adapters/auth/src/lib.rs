//! JSON Web Tokens, keys, passwords, cursors, and the encryption of secrets at rest.

mod cursor_seal;
mod database_logins;
mod key_mint;
mod passwords;
mod random;
mod refresh_tokens;
mod secret_box;
mod tokens;

pub use cursor_seal::HmacCursorSeal;
pub use database_logins::DerivedDatabaseLogins;
pub use key_mint::Sha256KeyMint;
pub use passwords::Argon2Passwords;
pub use refresh_tokens::RandomRefreshTokens;
pub use secret_box::{InvalidEncryptionKey, XChaChaSecretBox};
pub use tokens::{InvalidTokenSettings, JwtTokens, TokenSettings};
