//! Logins of branch databases, derived from a secret of the instance.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::branch::DatabaseName;
use hmac::{Hmac, KeyInit, Mac};
use ports::driven::{DatabaseLogin, DatabaseLogins, LoginPurpose, Secret};
use sha2::Sha256;
use std::fmt::{self, Write};

/// Digits of a database in its logins' names: 48 bits, among the handful of databases of an instance.
const DIGEST_BYTES: usize = 6;

/// Derives names and passwords by HMAC-SHA256 with a secret of the instance, the same on every replica.
#[derive(Clone)]
pub struct DerivedDatabaseLogins {
    key: [u8; 32],
    user: String,
    service: String,
    builder: String,
}

impl DerivedDatabaseLogins {
    /// Logins that are images of the instance's own three.
    pub fn new(key: [u8; 32], user: impl Into<String>, service: impl Into<String>, builder: impl Into<String>) -> Self {
        Self { key, user: user.into(), service: service.into(), builder: builder.into() }
    }

    fn derive(&self, purpose: &str, of: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(of.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

impl fmt::Debug for DerivedDatabaseLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedDatabaseLogins").field("user", &self.user).finish_non_exhaustive()
    }
}

impl DatabaseLogins for DerivedDatabaseLogins {
    fn of(&self, purpose: LoginPurpose, database: &DatabaseName) -> DatabaseLogin {
        let mut name = format!("{}_", self.image(purpose));
        for byte in &self.derive("name", database.as_str())[..DIGEST_BYTES] {
            write!(name, "{byte:02x}").expect("a string takes everything");
        }
        let password = URL_SAFE_NO_PAD.encode(self.derive("password", &name));
        DatabaseLogin { name, password: Secret::new(password) }
    }

    fn image(&self, purpose: LoginPurpose) -> &str {
        match purpose {
            LoginPurpose::User => &self.user,
            LoginPurpose::Service => &self.service,
            LoginPurpose::Builder => &self.builder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DerivedDatabaseLogins;
    use domain::branch::DatabaseName;
    use ports::driven::{DatabaseLogins, LoginPurpose};

    #[test]
    fn every_database_and_every_purpose_has_its_own_and_always_the_same() {
        let logins = DerivedDatabaseLogins::new([7; 32], "fluxbase_0a1b2c3d_user", "fluxbase_0a1b2c3d_service", "fluxbase_0a1b2c3d_builder");
        let (a, b) = (DatabaseName::existing("a"), DatabaseName::existing("b"));
        let of_a = logins.of(LoginPurpose::User, &a);
        assert_eq!(of_a, logins.of(LoginPurpose::User, &a));
        assert!(of_a.name.starts_with("fluxbase_0a1b2c3d_user_") && of_a.name.len() <= DatabaseName::MAX_LEN);
        for other in [logins.of(LoginPurpose::User, &b), logins.of(LoginPurpose::Service, &a), logins.of(LoginPurpose::Builder, &a)] {
            assert_ne!(of_a.name, other.name);
            assert_ne!(of_a.password, other.password);
        }
        let of_another_instance = DerivedDatabaseLogins::new([8; 32], "fluxbase_0a1b2c3d_user", "", "").of(LoginPurpose::User, &a);
        assert_ne!(of_a.password, of_another_instance.password);
        assert!(!format!("{logins:?} {of_a:?}").contains(of_a.password.expose()));
    }
}
