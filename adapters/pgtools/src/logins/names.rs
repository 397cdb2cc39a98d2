//! Names by which a role is known as a login of one branch or of one branch's database, whichever instance made it. Such logins go with what they are for:
//! what names them is no copy's.

use crate::database::tag::short;
use uuid::Uuid;

/// What the names of this instance's begin with.
pub(crate) fn prefix(instance: Uuid) -> String {
    format!("fluxbase_{}_", short(instance))
}

/// By what PostgreSQL knows such a name, whoever's it is: a regular expression.
pub(crate) const OF_BRANCHES: &str = "^fluxbase_[0-9a-f]{8}_(b_[0-9a-f]{8}|(user|service|builder)_[0-9a-f]{12})$";

/// Whether a role of this name is one. Such names are never quoted.
pub(crate) fn is_of_a_branch(role: &str) -> bool {
    let parts = || {
        let (instance, rest) = role.strip_prefix("fluxbase_")?.split_once('_')?;
        let (purpose, number) = rest.split_once('_')?;
        Some((instance, purpose, number))
    };
    parts().is_some_and(|(instance, purpose, number)| {
        let digits = match purpose {
            "b" => 8,
            "user" | "service" | "builder" => 12,
            _ => return false,
        };
        is_hex(instance, 8) && is_hex(number, digits)
    })
}

/// Whether it is so many digits as we write them.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::is_of_a_branch;

    #[test]
    fn logins_of_branches_are_known_by_their_names() {
        for name in ["fluxbase_0a1b2c3d_b_deadbeef", "fluxbase_0a1b2c3d_builder_0123456789ab", "fluxbase_0a1b2c3d_user_0123456789ab"] {
            assert!(is_of_a_branch(name), "{name}");
        }
        let others = [
            "anon",
            "fluxbase_branch_owner",
            "fluxbase_0a1b2c3d_builder",
            "fluxbase_0a1b2c3d_boss_0123456789ab",
            "fluxbase_0a1b2c3d_b_deadbeef1",
            "fluxbase_0A1b2c3d_b_deadbeef",
            "\"fluxbase_0a1b2c3d_b_deadbeef\"",
        ];
        for name in others {
            assert!(!is_of_a_branch(name), "{name}");
        }
    }
}
