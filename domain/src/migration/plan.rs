//! Which files are to be applied, and what stands in the way.

use super::{
    file::{MigrationFile, MigrationVersion},
    ledger::LedgerEntry,
    refusal::Refusal,
    way_back::WayBack,
};
use crate::operation::NamedText;
use std::collections::BTreeMap;

/// What migrating would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be applied, in order. Files without a transaction that were begun go on where they ended.
    pub pending: Vec<MigrationFile>,
    /// What stands in the way of all of it.
    pub refusals: Vec<Refusal>,
}

/// How much of a project the files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All of its files, as a folder has them.
    Whole,
    /// Those that a request sent along: it need not repeat what came before the oldest of them.
    From,
}

impl Coverage {
    /// Of a request's files, which may say that they are the whole; where it sends none, the server's folder is read.
    pub fn of_request(files: &[NamedText], whole: bool) -> Self {
        if whole || files.is_empty() { Self::Whole } else { Self::From }
    }
}

/// Compares a project's files, in the order of their versions, with a database's ledger.
///
/// A file that was begun and not ended is pending whatever its text: whoever applies it checks that what has run is still what it begins with.
pub fn plan(files: &[MigrationFile], coverage: Coverage, ledger: &[LedgerEntry], allow_out_of_order: bool) -> Plan {
    let known: BTreeMap<MigrationVersion, &MigrationFile> = files.iter().map(|file| (file.version, file)).collect();
    let applied: BTreeMap<MigrationVersion, &LedgerEntry> = ledger.iter().map(|entry| (entry.version, entry)).collect();
    let oldest = known.keys().next().copied();
    let came_before = |entry: &LedgerEntry| coverage == Coverage::From && entry.is_applied() && oldest.is_some_and(|oldest| entry.version < oldest);
    let last = ledger.iter().filter(|entry| entry.is_applied()).max_by_key(|entry| entry.version);
    let mut plan = Plan::default();
    for entry in applied.values() {
        let (version, name) = (entry.version, entry.name.clone());
        match known.get(&version) {
            None if came_before(entry) => {}
            None if entry.is_applied() => plan.refusals.push(Refusal::FileMissing { version, name }),
            None => plan.refusals.push(Refusal::BegunMissing { version, name, done: entry.done(), statements: entry.statements }),
            Some(file) if entry.is_applied() && file.checksum != entry.checksum => {
                plan.refusals.push(Refusal::ChecksumChanged { version, name: file.name.clone() });
            }
            Some(_) => {}
        }
    }
    for (version, file) in known {
        let entry = applied.get(&version);
        if entry.is_some_and(|entry| entry.is_applied()) {
            continue;
        }
        plan.pending.push(file.clone());
        if let Some(back) = WayBack::of(file) {
            plan.refusals.push(Refusal::TakesItselfBack { version, name: file.name.clone(), back });
        }
        if let Some(last) = last.filter(|last| last.version > version && entry.is_none() && !allow_out_of_order) {
            plan.refusals.push(Refusal::OutOfOrder { version, name: file.name.clone(), after: last.name.clone() });
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::{super::file::Checksum, super::ledger::LedgerState, Coverage, LedgerEntry, MigrationFile, MigrationVersion, Refusal, plan};
    use std::time::Duration;
    use time::OffsetDateTime;

    fn file(version: i64, text: u8) -> MigrationFile {
        MigrationFile {
            version: MigrationVersion::new(version),
            name: format!("{version}_x.sql"),
            sql: "select 1".to_owned(),
            checksum: Checksum([text; 32]),
        }
    }

    fn entry(version: i64, text: u8, state: LedgerState) -> LedgerEntry {
        LedgerEntry {
            version: MigrationVersion::new(version),
            name: format!("{version}_x.sql"),
            checksum: Checksum([text; 32]),
            statements: 1,
            state,
            duration: Duration::ZERO,
            who: "fluxbase".to_owned(),
            fingerprint: None,
            applied_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn versions(files: &[MigrationFile]) -> Vec<i64> {
        files.iter().map(|file| file.version.number()).collect()
    }

    #[test]
    fn what_the_ledger_lacks_is_pending_in_order() {
        let planned = plan(&[file(1, 0), file(2, 0), file(10, 0)], Coverage::Whole, &[entry(1, 0, LedgerState::Applied)], false);
        assert_eq!((versions(&planned.pending), planned.refusals), (vec![2, 10], vec![]));
    }

    #[test]
    fn each_refusal_tells_its_way_out() {
        let ledger = [1, 3, 4].map(|version| entry(version, 0, LedgerState::Applied));
        let planned = plan(&[file(1, 9), file(2, 0), file(4, 0), file(5, 0)], Coverage::Whole, &ledger, false);
        let codes: Vec<_> = planned.refusals.iter().map(|refusal| (refusal.code(), refusal.version().number())).collect();
        assert_eq!(codes, [("migration_changed", 1), ("migration_missing", 3), ("migration_out_of_order", 2)]);
        let branch = "pr-1".parse().unwrap();
        let commands = planned.refusals.iter().map(|refusal| refusal.told(&branch).rsplit_once(": ").unwrap().1.to_owned());
        let expected = ["repair 1 accept --branch pr-1", "repair 3 forget --branch pr-1", "up --allow-out-of-order --branch pr-1"];
        assert_eq!(commands.collect::<Vec<_>>(), expected.map(|command| format!("fluxbase migrations {command}")));
        assert_eq!(versions(&planned.pending), [2, 5]);
        let allowed = plan(&[file(1, 0), file(2, 0), file(3, 0), file(4, 0)], Coverage::Whole, &ledger, true);
        assert_eq!((versions(&allowed.pending), allowed.refusals), (vec![2], vec![]));
    }

    #[test]
    fn a_request_need_not_repeat_what_came_before_its_oldest_file() {
        let ledger = [1, 2, 3].map(|version| entry(version, 0, LedgerState::Applied));
        let sent = plan(&[file(4, 0)], Coverage::From, &ledger, false);
        assert_eq!((versions(&sent.pending), sent.refusals), (vec![4], vec![]));
        let with_a_gap = plan(&[file(2, 0), file(4, 0)], Coverage::From, &ledger, false);
        assert!(matches!(with_a_gap.refusals.as_slice(), [Refusal::FileMissing { version, .. }] if version.number() == 3), "{with_a_gap:?}");
        let begun = [entry(1, 0, LedgerState::Failed { done: 1, message: "x".to_owned() })];
        assert_eq!(plan(&[file(2, 0)], Coverage::From, &begun, false).refusals.len(), 1, "what was begun has to be ended first");
    }

    #[test]
    fn a_file_that_takes_itself_back_is_refused_unless_it_ran_already() {
        let both = MigrationFile { sql: "-- migrate:up\ncreate table a ();\n-- migrate:down\ndrop table a;".to_owned(), ..file(1, 0) };
        let told = plan(std::slice::from_ref(&both), Coverage::From, &[], false).refusals;
        assert_eq!(told.iter().map(Refusal::code).collect::<Vec<_>>(), ["migrations_invalid"]);
        let told = told[0].told(&"pr-1".parse().unwrap());
        assert!(told.contains("'1_x.sql'") && told.contains("line 3 on ('-- migrate:down')") && told.contains("delete what stands under"), "{told}");
        assert_eq!(plan(&[both], Coverage::From, &[entry(1, 0, LedgerState::Applied)], false).refusals, []);
    }

    #[test]
    fn a_file_that_was_begun_goes_on_even_when_it_was_mended() {
        let ledger = [entry(1, 0, LedgerState::Failed { done: 1, message: "x".to_owned() }), entry(2, 0, LedgerState::Applied)];
        let planned = plan(&[file(1, 9), file(2, 0)], Coverage::Whole, &ledger, false);
        assert_eq!((versions(&planned.pending), planned.refusals.as_slice()), (vec![1], [].as_slice()));
        let gone = plan(&[file(2, 0)], Coverage::Whole, &ledger, false);
        let told = gone.refusals[0].told(&"pr-1".parse().unwrap());
        assert_eq!((gone.refusals.len(), gone.refusals[0].code()), (1, "migration_missing"));
        assert!(told.contains("was begun here, stopped after 1 of its 1 statements") && told.contains("repair 1 forget"), "{told}");
    }
}
