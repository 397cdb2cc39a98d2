//! Migrations in JSON.

use domain::migration::{LedgerEntry, LedgerState, SchemaMark};
use poem_openapi::Object;
use ports::driving::MigrationOverview;
use time::OffsetDateTime;

/// A branch's ledger against the files.
#[derive(Object)]
#[oai(rename = "Migrations")]
pub(crate) struct MigrationsDocument {
    /// The branch's slug.
    pub(crate) branch: String,
    /// What its ledger has, the oldest version first.
    pub(crate) applied: Vec<LedgerEntryDocument>,
    /// The files that are pending, in order.
    pub(crate) pending: Vec<String>,
    /// What stands in the way, each with its way out.
    pub(crate) refusals: Vec<String>,
    /// Whether its schema is another than after the last migration; null where that is not known.
    #[oai(nullable)]
    pub(crate) drift: Option<bool>,
}

/// A migration that was applied, or begun.
#[derive(Object)]
#[oai(rename = "LedgerEntry")]
pub(crate) struct LedgerEntryDocument {
    /// The leading digits of its name.
    pub(crate) version: i64,
    /// The file, as it was named then.
    pub(crate) name: String,
    /// SHA-256 of the file then.
    pub(crate) checksum: String,
    /// How many statements it had.
    pub(crate) statements: u32,
    /// `applied`, `running` or `failed`; the latter two for files without a transaction only.
    pub(crate) state: String,
    /// Statements that have ended, of one that did not run to its end.
    #[oai(nullable)]
    pub(crate) done: Option<u32>,
    /// What went wrong.
    #[oai(nullable)]
    pub(crate) error: Option<String>,
    /// How long it took.
    pub(crate) duration_ms: u64,
    /// Who had it applied.
    pub(crate) applied_by: String,
    /// When.
    pub(crate) applied_at: OffsetDateTime,
    /// The schema's fingerprint afterwards.
    #[oai(nullable)]
    pub(crate) fingerprint: Option<String>,
}

impl From<MigrationOverview> for MigrationsDocument {
    fn from(overview: MigrationOverview) -> Self {
        let MigrationOverview { branch, applied, pending, refusals, drift } = overview;
        Self { branch: branch.to_string(), applied: applied.into_iter().map(Into::into).collect(), pending, refusals, drift }
    }
}

impl From<LedgerEntry> for LedgerEntryDocument {
    fn from(entry: LedgerEntry) -> Self {
        let fingerprint = SchemaMark::of_entry(&entry).and_then(|mark| mark.fingerprint()).map(|fingerprint| fingerprint.to_string());
        let (state, done, error) = match entry.state {
            LedgerState::Applied => ("applied", None, None),
            LedgerState::Running { done } => ("running", Some(done), None),
            LedgerState::Failed { done, message } => ("failed", Some(done), Some(message)),
        };
        Self {
            version: entry.version.number(),
            name: entry.name,
            checksum: entry.checksum.to_string(),
            statements: entry.statements,
            state: state.to_owned(),
            done,
            error,
            duration_ms: u64::try_from(entry.duration.as_millis()).unwrap_or(u64::MAX),
            applied_by: entry.who,
            applied_at: entry.applied_at,
            fingerprint,
        }
    }
}
