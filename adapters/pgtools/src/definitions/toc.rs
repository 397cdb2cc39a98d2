//! A dump's table of contents: which of its entries are restored, when, and with whose rights.

use super::{
    left_behind::LeftBehind,
    needs_superuser::{By, Privileged},
};
use crate::schema::archive::{ALONG, BEFORE_ROWS, Entry};
use std::collections::HashSet;

/// Entries that a branch must not restore, or that we write ourselves: extensions are there already, made by the admin; grants and default grants would name
/// the parent's owners; user mappings hold passwords of other servers, on which a branch must not act. The last are the dump's own.
const LEFT_OUT: [&str; 14] = [
    "EXTENSION",
    "EVENT TRIGGER",
    "PUBLICATION",
    "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA",
    "SUBSCRIPTION",
    "USER MAPPING",
    "ACL",
    "DEFAULT ACL",
    "DATABASE",
    "DATABASE PROPERTIES",
    "ENCODING",
    "STDSTRINGS",
    "SEARCHPATH",
];

/// And the comments that go with them.
const COMMENTS_LEFT_OUT: [&str; 2] = ["EXTENSION ", "EVENT TRIGGER "];

/// Policies come last: with `FORCE ROW LEVEL SECURITY` they would filter what the owner itself reads while it fills materialised views.
const POLICY_KINDS: [&str; 2] = ["ROW SECURITY", "POLICY"];

/// Entries that follow each other and are restored with the same rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) by: By,
    /// Their numbers.
    pub(crate) ids: Vec<i64>,
    /// What the admin does to what it restored: it is to be the owner's.
    pub(crate) then: Vec<String>,
}

/// The numbers of the entries to restore before there are rows, after that, and after the materialised views are filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) before_rows: Vec<Run>,
    pub(crate) after_rows: Vec<i64>,
    /// What comes after those, made by the admin: triggers whose function the owner may not execute.
    pub(crate) by_admin: Vec<i64>,
    pub(crate) policies: Vec<i64>,
    /// How many entries there are in all.
    pub(crate) entries: u64,
}

impl Contents {
    /// Sorts a dump's entries. `schemas` are those that exist in the target already, beside `public`.
    pub(crate) fn sort(entries: &[Entry], schemas: &[&str], (privileged, left): (&Privileged, &LeftBehind)) -> Self {
        let mut contents = Self::default();
        let gone = left.entries(entries);
        let mut section = BEFORE_ROWS;
        let mut kept = HashSet::new();
        for entry in entries {
            if entry.section != ALONG {
                section = entry.section;
            }
            if is_left_out(entry, schemas) || gone.contains(&entry.id) {
                continue;
            }
            contents.entries += 1;
            if is_policy(entry) {
                contents.policies.push(entry.id);
            } else if section == BEFORE_ROWS {
                if privileged.keeps(entry) {
                    kept.insert(entry.id);
                }
                let of_kept = entry.kind == "COMMENT" && entry.requires.iter().any(|id| kept.contains(id));
                let by = if of_kept { By::Admin } else { privileged.by(entry) };
                contents.add_before_rows(entry.id, by, privileged.then(entry));
            } else if privileged.by(entry) == By::Admin || entry.requires.iter().any(|id| contents.by_admin.contains(id)) {
                contents.by_admin.push(entry.id);
            } else {
                contents.after_rows.push(entry.id);
            }
        }
        contents
    }

    fn add_before_rows(&mut self, id: i64, by: By, then: Option<&str>) {
        if self.before_rows.last().is_none_or(|run| run.by != by) {
            self.before_rows.push(Run { by, ids: Vec::new(), then: Vec::new() });
        }
        let run = self.before_rows.last_mut().expect("there is one by now");
        run.ids.push(id);
        run.then.extend(then.map(str::to_owned));
    }
}

fn is_left_out(entry: &Entry, schemas: &[&str]) -> bool {
    match entry.kind.as_str() {
        "SCHEMA" => entry.tag == "public" || schemas.contains(&entry.tag.as_str()),
        "COMMENT" => COMMENTS_LEFT_OUT.iter().any(|kind| entry.tag.starts_with(kind)),
        kind => LEFT_OUT.contains(&kind),
    }
}

fn is_policy(entry: &Entry) -> bool {
    POLICY_KINDS.contains(&entry.kind.as_str()) || (entry.kind == "COMMENT" && entry.tag.starts_with("POLICY "))
}

#[cfg(test)]
mod tests {
    use super::{By, Contents};
    use crate::definitions::{left_behind::LeftBehind, needs_superuser::Privileged};
    use crate::schema::archive::{ALONG, BEFORE_ROWS, Entry};

    fn entry(id: i64, kind: &str, tag: &str, section: i64) -> Entry {
        Entry { id, kind: kind.to_owned(), tag: tag.to_owned(), section, object: u32::try_from(id).unwrap(), class: 1, ..Entry::default() }
    }

    #[test]
    fn entries_go_where_they_belong() {
        const AFTER: i64 = BEFORE_ROWS + 2;
        let entries = [
            entry(1, "ENCODING", "ENCODING", BEFORE_ROWS),
            entry(2, "EXTENSION", "vector", BEFORE_ROWS),
            entry(3, "COMMENT", "EXTENSION vector", ALONG),
            entry(4, "SCHEMA", "extensions", BEFORE_ROWS),
            entry(5, "SCHEMA", "extensions too", BEFORE_ROWS),
            entry(6, "SCHEMA", "public", BEFORE_ROWS),
            entry(7, "COMMENT", "SCHEMA public", ALONG),
            entry(8, "TABLE", "notes", BEFORE_ROWS),
            entry(9, "ACL", "TABLE notes", BEFORE_ROWS),
            entry(10, "ROW SECURITY", "notes", AFTER),
            entry(11, "POLICY", "notes own_rows", AFTER),
            entry(12, "COMMENT", "POLICY own_rows ON notes", ALONG),
            entry(13, "FK CONSTRAINT", "notes notes_fkey", AFTER),
            entry(14, "USER MAPPING", "USER MAPPING bob SERVER other", BEFORE_ROWS),
            entry(15, "EVENT TRIGGER", "told", AFTER),
        ];
        let contents = Contents::sort(&entries, &["extensions"], (&Privileged::default(), &LeftBehind::default()));
        let [run] = &contents.before_rows[..] else { panic!("{contents:?}") };
        assert_eq!((run.by, &run.ids[..]), (By::Owner, &[5, 7, 8][..]));
        assert_eq!((&contents.after_rows[..], &contents.policies[..]), (&[13][..], &[10, 11, 12][..]));
        assert_eq!(contents.entries, 7);
    }

    #[test]
    fn what_needs_a_superuser_is_restored_in_its_turn_and_given_to_the_owner() {
        let entries = [
            entry(1, "FUNCTION", "a()", BEFORE_ROWS),
            entry(2, "FUNCTION", "in_c()", BEFORE_ROWS),
            entry(3, "FUNCTION", "leakproof()", BEFORE_ROWS),
            entry(4, "SHELL TYPE", "small", BEFORE_ROWS),
            entry(5, "TABLE", "t", BEFORE_ROWS),
            entry(6, "FUNCTION", "kept()", BEFORE_ROWS),
            Entry { requires: vec![6], ..entry(7, "COMMENT", "FUNCTION kept()", ALONG) },
            Entry { requires: vec![2], ..entry(8, "COMMENT", "FUNCTION in_c()", ALONG) },
            entry(9, "TRIGGER", "t kept", BEFORE_ROWS + 2),
            Entry { requires: vec![9], ..entry(10, "COMMENT", "TRIGGER kept ON t", ALONG) },
            entry(11, "INDEX", "of_t", BEFORE_ROWS + 2),
        ];
        let revoke = "revoke all on routine kept() from public";
        let privileged = Privileged::of(&[
            (1, 2, Some("alter routine in_c() owner to o"), None),
            (1, 3, None, None),
            (1, 6, Some(revoke), Some("kept()")),
            (1, 9, None, None),
        ]);
        let contents = Contents::sort(&entries, &[], (&privileged, &LeftBehind::default()));
        let runs: Vec<_> = contents.before_rows.iter().map(|run| (run.by, &run.ids[..], run.then.len())).collect();
        let expected: [(By, &[i64], usize); 5] =
            [(By::Owner, &[1], 0), (By::Admin, &[2, 3, 4], 1), (By::Owner, &[5], 0), (By::Admin, &[6, 7], 1), (By::Owner, &[8], 0)];
        assert_eq!(runs, expected);
        assert_eq!((&contents.after_rows[..], &contents.by_admin[..]), (&[11][..], &[9, 10][..]));
    }
}
