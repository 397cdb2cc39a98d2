//! Grants of a dump, without what an owner grants to itself: that is the one thing that a branch and its parent may differ in.

use crate::{logins::names::is_of_a_branch, quoting::ident};
use domain::{
    branch::OWNER_ROLE,
    schema::{statements_of_grants, without_privileges},
};
use std::collections::BTreeMap;

/// The statements of a grants' entry, ordered by role, without those that speak of the owner; empty where no other role is spoken of. The owner of branches is
/// left out, too: in a branch it is granted what its parent's owner has without a grant, such as a foreign data wrapper while its servers are made. So are
/// logins of branches, which no copy grants anything.
pub(super) fn of_others(definition: &str, owner: &str) -> String {
    let mut by_grantee: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (grantee, statement) in statements_of_grants(definition) {
        // Who granted it is the owner in a branch.
        if statement.starts_with("SET SESSION AUTHORIZATION") || statement.starts_with("RESET SESSION AUTHORIZATION") {
            continue;
        }
        if !is(grantee, owner) && !is(grantee, OWNER_ROLE) && !is_of_a_branch(grantee) {
            by_grantee.entry(grantee).or_default().push(statement);
        }
    }
    by_grantee.into_values().flatten().flat_map(|statement| [statement, ";\n"]).collect()
}

/// The same without these privileges, which no copy grants.
pub(super) fn without(definition: &str, privileges: &[String], server_major: u32) -> String {
    let statements = statements_of_grants(definition).into_iter();
    statements.filter_map(|(_, statement)| without_privileges(statement, privileges, server_major)).map(|statement| statement + ";\n").collect()
}

/// Default grants as the reader's own: `FOR ROLE x` goes.
pub(super) fn defaults(definition: &str, owner: &str) -> String {
    let mut text = of_others(definition, owner);
    for written in [format!(" FOR ROLE {owner} "), format!(" FOR ROLE {} ", ident(owner))] {
        text = text.replace(&written, " ");
    }
    text
}

fn is(written: &str, role: &str) -> bool {
    written == role || written == ident(role)
}

#[cfg(test)]
mod tests {
    use super::{defaults, of_others};

    #[test]
    fn what_the_owner_has_of_itself_is_left_out() {
        let text = "REVOKE ALL ON TABLE public.t FROM \"Bob\";\nGRANT SELECT ON TABLE public.t TO \"Bob\";\nGRANT SELECT ON TABLE public.t TO z;\n\
                    SET SESSION AUTHORIZATION z;\nGRANT SELECT ON TABLE public.t TO anon;\nRESET SESSION AUTHORIZATION;\n";
        assert_eq!(of_others(text, "Bob"), "GRANT SELECT ON TABLE public.t TO anon;\nGRANT SELECT ON TABLE public.t TO z;\n");
        assert_eq!(of_others("REVOKE ALL ON TABLE public.t FROM bob;\n", "bob"), "");
        assert_eq!(of_others("GRANT SELECT ON TABLE public.t TO fluxbase_0a1b2c3d_builder_0123456789ab WITH GRANT OPTION;\n", "bob"), "");
        assert_eq!(of_others("GRANT ALL ON FOREIGN DATA WRAPPER w TO fluxbase_branch_owner;\n", "postgres"), "");
    }

    #[test]
    fn names_may_hold_the_end_of_a_line() {
        let text = "REVOKE ALL ON TABLE public.\"a\nb\" FROM \"o\nw\";\nGRANT SELECT ON TABLE public.\"a\nb\" TO anon;\n";
        assert_eq!(of_others(text, "o\nw"), "GRANT SELECT ON TABLE public.\"a\nb\" TO anon;\n");
    }

    #[test]
    fn default_grants_are_the_readers_own() {
        let text = "ALTER DEFAULT PRIVILEGES FOR ROLE bob IN SCHEMA public REVOKE ALL ON TABLES FROM bob;\n\
                    ALTER DEFAULT PRIVILEGES FOR ROLE bob IN SCHEMA public GRANT SELECT ON TABLES  TO anon;\n";
        assert_eq!(defaults(text, "bob"), "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES  TO anon;\n");
    }
}
