//! A dump's table of contents: which of its entries are restored, and when.

/// Entries that a plain owner cannot or a branch must not restore. Extensions and schema `public` are there already, made by the admin; grants and
/// default grants are written by ourselves; user mappings hold passwords of other servers, on which a branch must not act.
const LEFT_OUT: [&str; 12] = [
    "EXTENSION ",
    "COMMENT - EXTENSION ",
    "EVENT TRIGGER ",
    "COMMENT - EVENT TRIGGER ",
    "PUBLICATION ",
    "PUBLICATION TABLE ",
    "PUBLICATION TABLES IN SCHEMA ",
    "SUBSCRIPTION ",
    "USER MAPPING ",
    "ACL ",
    "DEFAULT ACL ",
    "SCHEMA - public ",
];

/// Policies come last: with `FORCE ROW LEVEL SECURITY` they would filter what the owner itself reads while it fills materialised views.
const POLICY_KINDS: [&str; 2] = ["ROW SECURITY ", "POLICY "];

/// The entries to restore before and after the materialised views are filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) before_policies: String,
    pub(crate) policies: String,
    /// How many entries there are in all.
    pub(crate) entries: u64,
}

impl Contents {
    /// Sorts what `pg_restore --list` printed. `schemas` are those that exist in the target already.
    pub(crate) fn sort(list: &str, schemas: &[&str]) -> Self {
        let mut contents = Self { before_policies: String::new(), policies: String::new(), entries: 0 };
        for line in list.lines() {
            let Some(entry) = entry(line) else { continue };
            if LEFT_OUT.iter().any(|kind| entry.starts_with(kind)) || makes_schema(entry, schemas) {
                continue;
            }
            contents.entries += 1;
            let to = if is_policy(entry) { &mut contents.policies } else { &mut contents.before_policies };
            to.push_str(line);
            to.push('\n');
        }
        contents
    }
}

/// What stands behind `215; 1259 16401 ` in `215; 1259 16401 TABLE public users postgres`.
fn entry(line: &str) -> Option<&str> {
    let rest = line.split_once("; ")?.1;
    if line.starts_with(';') {
        return None;
    }
    let (_catalogue, rest) = rest.split_once(' ')?;
    let (_oid, rest) = rest.split_once(' ')?;
    Some(rest)
}

fn makes_schema(entry: &str, schemas: &[&str]) -> bool {
    schemas.iter().any(|schema| entry.strip_prefix("SCHEMA - ").and_then(|rest| rest.strip_prefix(schema)).is_some_and(|rest| rest.starts_with(' ')))
}

fn is_policy(entry: &str) -> bool {
    if POLICY_KINDS.iter().any(|kind| entry.starts_with(kind)) {
        return true;
    }
    // `COMMENT public POLICY own_rows ON notes postgres`
    entry.strip_prefix("COMMENT ").and_then(|rest| rest.split_once(' ')).is_some_and(|(_schema, rest)| rest.starts_with("POLICY "))
}

#[cfg(test)]
mod tests {
    use super::Contents;

    const LIST: &str = "\
;
; Archive created at 2026-01-01 00:00:00 UTC
;     dbname: app; public
;
3; 3079 16384 EXTENSION - vector 
3401; 0 0 COMMENT - EXTENSION vector 
6; 2615 16385 SCHEMA - extensions postgres
7; 2615 16386 SCHEMA - extensions_too postgres
5; 2615 2200 SCHEMA - public pg_database_owner
3402; 0 0 COMMENT - SCHEMA public pg_database_owner
215; 1259 16401 TABLE public notes postgres
3403; 0 0 ACL public TABLE notes postgres
2100; 826 16500 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES postgres
3300; 0 16401 ROW SECURITY public notes postgres
3301; 3256 16402 POLICY public notes own_rows postgres
3404; 0 0 COMMENT public POLICY own_rows ON notes postgres
3305; 2606 16410 FK CONSTRAINT public notes notes_fkey postgres
3500; 1418 16600 USER MAPPING - USER MAPPING bob SERVER other postgres
";

    #[test]
    fn entries_go_where_they_belong() {
        let contents = Contents::sort(LIST, &["extensions"]);
        let kinds = |list: &str| list.lines().map(|line| line.split(' ').skip(3).take(3).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
        assert_eq!(kinds(&contents.before_policies), ["SCHEMA - extensions_too", "COMMENT - SCHEMA", "TABLE public notes", "FK CONSTRAINT public"]);
        assert_eq!(kinds(&contents.policies), ["ROW SECURITY public", "POLICY public notes", "COMMENT public POLICY"]);
        assert_eq!(contents.entries, 7);
    }
}
