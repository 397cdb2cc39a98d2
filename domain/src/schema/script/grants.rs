//! Grants: what is too much is taken back, then what is wanted is granted, role by role.

use crate::schema::sql::{AclStatement, acl_statements};

/// The statements that turn one entry's grants into another's, or into none. `None` where one is not understood.
pub(super) fn changes(old: &str, new: Option<&str>) -> Option<Vec<String>> {
    let before = acl_statements(old)?;
    let after = new.map_or(Some(Vec::new()), acl_statements)?;
    let of = |all: &[AclStatement], grantee: &str| -> Vec<AclStatement> { all.iter().filter(|one| one.grantee == grantee).cloned().collect() };
    let mut grantees: Vec<&str> = Vec::new();
    for statement in before.iter().chain(&after) {
        if !grantees.contains(&statement.grantee.as_str()) {
            grantees.push(&statement.grantee);
        }
    }
    let differs = |grantee: &str| of(&before, grantee) != of(&after, grantee);
    // Who may pass on what is taken back may have done so: that goes with it, whoever has it then, and all is granted anew. What somebody else was given by
    // them is theirs to take back, and nobody else's: it goes with what they have, too.
    let loses = |grantee: &str| before.iter().any(|statement| statement.grantee == grantee && statement.grants) && differs(grantee);
    let passed_on = before.iter().any(|statement| statement.with_option) && grantees.iter().any(|grantee| loses(grantee));
    let mut steps = Vec::new();
    for grantee in grantees.iter().filter(|grantee| passed_on || differs(grantee)) {
        let back = |statement: &AclStatement| format!("{}{}", statement.taken_back(), if statement.with_option { " CASCADE" } else { "" });
        steps.extend(of(&before, grantee).iter().rev().map(back));
        if !passed_on {
            steps.extend(of(&after, grantee).iter().map(AclStatement::written));
        }
    }
    if passed_on {
        steps.extend(grantees.iter().flat_map(|grantee| of(&after, grantee)).map(|statement| statement.written()));
    }
    Some(steps)
}

/// Whether taking an entry's grants back also takes those on columns.
pub(super) fn revokes(old: &str) -> bool {
    acl_statements(old).is_some_and(|all| all.iter().any(|statement| statement.grants))
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn only_roles_whose_grants_differ_are_touched() {
        let old = "GRANT SELECT ON TABLE t TO anon;\nGRANT ALL ON TABLE t TO bob;";
        let new = "GRANT SELECT ON TABLE t TO anon;\nGRANT SELECT ON TABLE t TO bob;\nGRANT INSERT ON TABLE t TO eve;";
        let expected = ["REVOKE ALL ON TABLE t FROM bob", "GRANT SELECT ON TABLE t TO bob", "GRANT INSERT ON TABLE t TO eve"];
        assert_eq!(changes(old, Some(new)).unwrap(), expected);
        let passed_on = "GRANT SELECT ON TABLE t TO bob WITH GRANT OPTION;\nGRANT SELECT ON TABLE t TO eve;";
        let expected = ["REVOKE SELECT ON TABLE t FROM bob CASCADE", "REVOKE SELECT ON TABLE t FROM eve", "GRANT SELECT ON TABLE t TO eve"];
        assert_eq!(changes(passed_on, Some("GRANT SELECT ON TABLE t TO eve;")).unwrap(), expected);
        // It may be bob's to take back.
        let by_bob = "GRANT SELECT ON TABLE t TO bob WITH GRANT OPTION;\nGRANT SELECT ON TABLE t TO eve;";
        let expected =
            ["REVOKE SELECT ON TABLE t FROM bob CASCADE", "REVOKE SELECT ON TABLE t FROM eve", "GRANT SELECT ON TABLE t TO bob WITH GRANT OPTION"];
        assert_eq!(changes(by_bob, Some("GRANT SELECT ON TABLE t TO bob WITH GRANT OPTION;")).unwrap(), expected);
        let more = "GRANT SELECT ON TABLE t TO bob WITH GRANT OPTION;\nGRANT SELECT ON TABLE t TO ann;\nGRANT SELECT ON TABLE t TO eve;";
        assert_eq!(changes(by_bob, Some(more)).unwrap(), ["GRANT SELECT ON TABLE t TO ann"]);
        assert_eq!(changes("REVOKE ALL ON FUNCTION f() FROM PUBLIC;", None).unwrap(), ["GRANT ALL ON FUNCTION f() TO PUBLIC"]);
    }
}
