//! Differences of schemas in JSON.

use domain::schema::{Change, FieldChange, Hazard, ObjectChange, PossibleRename, ScriptStatement, Summary, Unscripted, script_text};
use poem_openapi::Object;
use ports::driving::BranchDiff;

/// How the schema of one branch differs from another's, and the script that turns the target into the source.
#[derive(Object)]
#[oai(rename = "SchemaDiff")]
pub(crate) struct SchemaDiffDocument {
    /// The slug of the branch that was asked about.
    pub(crate) source: String,
    /// The slug of the branch that it was compared with.
    pub(crate) target: String,
    /// How many objects differ.
    pub(crate) summary: SummaryDocument,
    /// Which, in the order of their names.
    pub(crate) objects: Vec<ObjectChangeDocument>,
    /// What to know before running the script: `data_loss`, `table_rewrite`, `exclusive_lock`, `long_scan`, `not_in_transaction`, `may_fail`.
    pub(crate) hazards: Vec<String>,
    /// The script, as a migration: `psql -1` runs it too. Empty where there is nothing to run.
    pub(crate) script: String,
    /// Its statements, one by one.
    pub(crate) statements: Vec<StatementDocument>,
    /// Differences that the script leaves.
    pub(crate) unscripted: Vec<UnscriptedDocument>,
    /// Removed and added objects that may be one under another name: the script drops and makes them.
    pub(crate) possible_renames: Vec<RenameDocument>,
    /// The fingerprint of the source's schema.
    pub(crate) source_fingerprint: String,
    /// The fingerprint of the target's schema: the same where nothing differs.
    pub(crate) target_fingerprint: String,
}

/// How many objects differ.
#[derive(Object)]
#[oai(rename = "DiffSummary")]
pub(crate) struct SummaryDocument {
    /// Only the source has them.
    pub(crate) added: u64,
    /// Only the target has them.
    pub(crate) removed: u64,
    /// Both have them, with other definitions.
    pub(crate) changed: u64,
}

/// An object that differs.
#[derive(Object)]
#[oai(rename = "ObjectChange")]
pub(crate) struct ObjectChangeDocument {
    /// What it is: `table`, `view`, `function`, `policy` and the like.
    pub(crate) kind: String,
    /// Its name with its schema.
    pub(crate) identity: String,
    /// `added` (only the source has it), `removed` (only the target has it) or `changed`.
    pub(crate) change: String,
    /// What differs in it.
    pub(crate) fields: Vec<FieldChangeDocument>,
}

/// One part of an object that differs.
#[derive(Object)]
#[oai(rename = "FieldChange")]
pub(crate) struct FieldChangeDocument {
    /// `column note`, `constraint positive`, `definition`.
    pub(crate) field: String,
    /// In the target.
    #[oai(nullable)]
    pub(crate) before: Option<String>,
    /// In the source.
    #[oai(nullable)]
    pub(crate) after: Option<String>,
}

/// A statement of the script.
#[derive(Object)]
#[oai(rename = "ScriptStatement")]
pub(crate) struct StatementDocument {
    /// Without the last semicolon.
    pub(crate) sql: String,
    /// The object that it is about.
    pub(crate) object: String,
    /// What to know before running it.
    pub(crate) hazards: Vec<String>,
    /// Whether it runs in the one transaction of the script. Where some do not, they come first, and the script is marked `-- fluxbase:no-transaction`.
    pub(crate) in_transaction: bool,
}

/// A difference that the script leaves.
#[derive(Object)]
#[oai(rename = "Unscripted")]
pub(crate) struct UnscriptedDocument {
    /// What it is.
    pub(crate) kind: String,
    /// Its name with its schema.
    pub(crate) identity: String,
    /// Why.
    pub(crate) reason: String,
}

/// A rename that would stand in the place of a drop and a making.
#[derive(Object)]
#[oai(rename = "PossibleRename")]
pub(crate) struct RenameDocument {
    /// What it is.
    pub(crate) kind: String,
    /// Its name in the target.
    pub(crate) from: String,
    /// Its name in the source.
    pub(crate) to: String,
    /// The statement that renames it.
    pub(crate) sql: String,
}

impl From<BranchDiff> for SchemaDiffDocument {
    fn from(found: BranchDiff) -> Self {
        let diff = found.diff;
        Self {
            source: found.source.to_string(),
            target: found.target.to_string(),
            summary: diff.summary.into(),
            hazards: names(&diff.hazards),
            script: script_text(&diff.script),
            objects: diff.objects.into_iter().map(Into::into).collect(),
            statements: diff.script.into_iter().map(Into::into).collect(),
            unscripted: diff.unscripted.into_iter().map(Into::into).collect(),
            possible_renames: diff.possible_renames.into_iter().map(Into::into).collect(),
            source_fingerprint: diff.source_fingerprint.to_string(),
            target_fingerprint: diff.target_fingerprint.to_string(),
        }
    }
}

impl From<Summary> for SummaryDocument {
    fn from(summary: Summary) -> Self {
        Self { added: summary.added as u64, removed: summary.removed as u64, changed: summary.changed as u64 }
    }
}

impl From<ObjectChange> for ObjectChangeDocument {
    fn from(object: ObjectChange) -> Self {
        let change = match object.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
        };
        let fields = object.fields.into_iter().map(Into::into).collect();
        Self { kind: object.kind.name(), identity: object.identity, change: change.to_owned(), fields }
    }
}

impl From<FieldChange> for FieldChangeDocument {
    fn from(FieldChange { field, before, after }: FieldChange) -> Self {
        Self { field, before, after }
    }
}

impl From<ScriptStatement> for StatementDocument {
    fn from(statement: ScriptStatement) -> Self {
        let hazards = names(&statement.hazards);
        Self { sql: statement.sql, object: statement.object, hazards, in_transaction: statement.in_transaction }
    }
}

impl From<Unscripted> for UnscriptedDocument {
    fn from(left: Unscripted) -> Self {
        Self { kind: left.kind.name(), identity: left.identity, reason: left.reason }
    }
}

impl From<PossibleRename> for RenameDocument {
    fn from(PossibleRename { kind, from, to, sql }: PossibleRename) -> Self {
        Self { kind, from, to, sql }
    }
}

fn names(hazards: &[Hazard]) -> Vec<String> {
    hazards.iter().map(|hazard| hazard.name().to_owned()).collect()
}
