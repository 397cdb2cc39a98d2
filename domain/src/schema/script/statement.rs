//! What a script consists of.

use crate::schema::Identity;
use serde::Serialize;

/// What somebody should know before running a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hazard {
    /// Rows, values or a sequence's position are gone afterwards.
    DataLoss,
    /// Every row is written anew.
    TableRewrite,
    /// Readers or writers wait while it runs.
    ExclusiveLock,
    /// Every row is read.
    LongScan,
    /// It cannot be taken back with the others.
    NotInTransaction,
    /// Rows that are there may stand against it.
    MayFail,
}

/// A statement of a script, or a few that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScriptStatement {
    /// Without the last semicolon.
    pub sql: String,
    /// The object that it is about: `table public.notes`.
    pub object: String,
    /// What to know before.
    pub hazards: Vec<Hazard>,
    /// Whether it runs in the one transaction of the script; those that do not come first.
    pub in_transaction: bool,
}

impl ScriptStatement {
    pub(super) fn new(object: &Identity, sql: impl Into<String>, hazards: &[Hazard]) -> Self {
        let sql: String = sql.into();
        let sql = sql.trim().trim_end_matches(';').to_owned();
        Self { sql, object: object.to_string(), hazards: hazards.to_vec(), in_transaction: !hazards.contains(&Hazard::NotInTransaction) }
    }
}
