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

/// The whole script as a file that psql runs, or `sqlx::raw_sql` piece by piece.
pub fn script_text(script: &[ScriptStatement]) -> String {
    if script.is_empty() {
        return String::new();
    }
    let mut text = "SET search_path = pg_catalog;\nSET check_function_bodies = off;\n\n".to_owned();
    let mut within = false;
    for statement in script {
        if statement.in_transaction != within {
            text.push_str(if statement.in_transaction { "BEGIN;\n\n" } else { "COMMIT;\n\n" });
            within = statement.in_transaction;
        }
        text.push_str(&statement.sql);
        text.push_str(";\n\n");
    }
    if within {
        text.push_str("COMMIT;\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Hazard, ScriptStatement, script_text};
    use crate::schema::{Identity, Kind};

    #[test]
    fn one_transaction_holds_all_that_can_be_held() {
        let statement = |sql, hazards| ScriptStatement::new(&Identity::new(Kind::Type, None, "t"), sql, hazards);
        let text = script_text(&[statement("a;\n", &[Hazard::NotInTransaction]), statement("b", &[]), statement("c", &[Hazard::DataLoss])]);
        assert!(text.ends_with("a;\n\nBEGIN;\n\nb;\n\nc;\n\nCOMMIT;\n"), "{text}");
        assert_eq!(script_text(&[]), "");
    }
}
