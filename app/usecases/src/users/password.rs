//! What a password must be like.

use domain::{Failure, Fault};
use ports::driven::Secret;

/// 8 to 1024 characters, as NIST SP 800-63B asks; no rules on what they are.
pub(crate) fn check_password(password: &Secret) -> Result<(), Failure> {
    let length = password.expose().chars().count();
    if (8..=1024).contains(&length) {
        return Ok(());
    }
    Err(Fault::new("/password", "must have 8 to 1024 characters").into())
}
