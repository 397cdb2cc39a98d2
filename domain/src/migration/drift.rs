//! Drift: a schema that is another than the one that the files left.

use super::ledger::LedgerEntry;
use crate::schema::Fingerprint;

/// What a ledger says the schema is after its last file: the fingerprint that was recorded then. Of a file that ran over a schema that had drifted, a mark that no
/// schema fits, until a person accepts the schema as it is: what was changed beside the files is not forgotten with the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaMark(String);

/// Before the fingerprint of the schema that would be no drift, where that is known.
const DRIFTED: &str = "drifted:";

impl SchemaMark {
    /// A schema as its files left it.
    pub fn clean(fingerprint: &Fingerprint) -> Self {
        Self(fingerprint.as_str().to_owned())
    }

    /// A schema that was found changed, before the next file ran: it is no drift any more once it is what it was.
    #[must_use]
    pub fn drifted_from(self) -> Self {
        if self.is_drifted() { self } else { Self(format!("{DRIFTED}{}", self.0)) }
    }

    /// A schema after a file that ran over drift: nobody knows what it would be without.
    pub fn drifted() -> Self {
        Self(DRIFTED.to_owned())
    }

    /// What a ledger has after the last of its files; `None` where none was recorded, or a file came half way since.
    pub fn of_ledger(ledger: &[LedgerEntry]) -> Option<Self> {
        if ledger.iter().any(LedgerEntry::came_half_way) {
            return None;
        }
        Self::of_entry(last_applied(ledger)?)
    }

    /// What was recorded last with any of these files.
    pub fn last_of<'a>(files: impl Iterator<Item = &'a LedgerEntry>) -> Option<Self> {
        let marked = files.filter(|entry| entry.is_applied() && entry.fingerprint.is_some());
        marked.max_by_key(|entry| (entry.applied_at, entry.version)).and_then(Self::of_entry)
    }

    /// What was recorded with a file.
    pub fn of_entry(entry: &LedgerEntry) -> Option<Self> {
        entry.fingerprint.clone().map(Self)
    }

    /// Whether drift was found already.
    pub fn is_drifted(&self) -> bool {
        self.0.starts_with(DRIFTED)
    }

    /// Whether a schema with this fingerprint is another than the files left. `None` where that cannot be told: it was read otherwise then.
    pub fn differs_from(&self, present: &Fingerprint) -> Option<bool> {
        match self.fingerprint() {
            None => Some(true),
            Some(recorded) if recorded.is_comparable(present) => Some(recorded != *present),
            Some(_) => self.is_drifted().then_some(true),
        }
    }

    /// The fingerprint of the schema as the files left it, where that is known.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        Some(self.0.strip_prefix(DRIFTED).unwrap_or(&self.0)).filter(|text| !text.is_empty()).map(Fingerprint::from_text)
    }

    /// As the ledger keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The file that was applied last, whatever its version.
pub fn last_applied(ledger: &[LedgerEntry]) -> Option<&LedgerEntry> {
    ledger.iter().filter(|entry| entry.is_applied()).max_by_key(|entry| (entry.applied_at, entry.version))
}

#[cfg(test)]
mod tests {
    use super::SchemaMark;
    use crate::schema::Fingerprint;

    fn print(text: &str) -> Fingerprint {
        Fingerprint::from_text(text)
    }

    #[test]
    fn drift_is_remembered_until_the_schema_is_what_it_was_or_is_accepted() {
        let (before, now) = (print("1.15-aa"), print("1.15-bb"));
        let clean = SchemaMark::clean(&before);
        assert!(!clean.is_drifted());
        assert_eq!([clean.differs_from(&before), clean.differs_from(&now)], [Some(false), Some(true)]);
        let found = clean.clone().drifted_from();
        assert!(found.is_drifted());
        assert_eq!([found.differs_from(&before), found.differs_from(&now)], [Some(false), Some(true)]);
        assert_eq!(found.clone().drifted_from(), found);
        let after = SchemaMark::drifted();
        assert!(after.is_drifted());
        assert_eq!(after.differs_from(&before), Some(true));
        assert_eq!([clean.fingerprint(), found.fingerprint(), after.fingerprint()], [Some(before.clone()), Some(before), None]);
    }

    #[test]
    fn what_was_read_otherwise_is_no_drift_that_anybody_knows_of() {
        let clean = SchemaMark::clean(&print("1.15-aa"));
        assert_eq!([clean.differs_from(&print("1.18-bb")), clean.differs_from(&print("2.15-bb"))], [None, None]);
        assert_eq!(clean.drifted_from().differs_from(&print("1.18-aa")), Some(true), "found before is found");
    }
}
