//! What a migrate has to tell, as a JSON document.

use domain::schema::SchemaDiff;
use ports::driven::{AppliedFile, LockTaken, StatementReport};
use serde::Serialize;

/// The files that ran, and for a dry run the difference that they would make.
#[derive(Serialize)]
pub(super) struct MigrationReport<'a> {
    files: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a SchemaDiff>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy: Option<TriedOn<'a>>,
    /// Whether the schema had been changed beside the files before any of these ran; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What a dry run was made on.
#[derive(Serialize)]
struct TriedOn<'a> {
    /// Whether the branch's rows were there.
    rows: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct File<'a> {
    version: i64,
    name: &'a str,
    duration_ms: f64,
    attempts: u32,
    statements: Vec<Statement<'a>>,
}

#[derive(Serialize)]
struct Statement<'a> {
    line: u32,
    #[serde(rename = "statement")]
    text: &'a str,
    duration_ms: f64,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    locks: Option<Vec<Lock<'a>>>,
    /// How the locks are known: by `observation` or by PostgreSQL's `documentation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    locks_known_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrites: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Lock<'a> {
    relation: &'a str,
    mode: &'a str,
}

impl<'a> MigrationReport<'a> {
    pub(super) fn of(applied: &'a [AppliedFile], diff: Option<&'a SchemaDiff>) -> Self {
        let file = |file: &'a AppliedFile| File {
            version: file.version.number(),
            name: &file.name,
            duration_ms: milliseconds(file.duration),
            attempts: file.attempts,
            statements: file.statements.iter().map(statement).collect(),
        };
        Self { files: applied.iter().map(file).collect(), diff, copy: None, drift: None, warnings: Vec::new() }
    }

    /// Of a dry run: on a copy with rows, unless there was a reason.
    pub(super) fn tried(self, without_rows: Option<&'a str>) -> Self {
        Self { copy: Some(TriedOn { rows: without_rows.is_none(), reason: without_rows }), ..self }
    }

    /// Whether the schema had drifted before, and the way out.
    pub(super) fn drifted(self, drift: Option<bool>, way_out: Option<String>) -> Self {
        Self { drift, warnings: way_out.into_iter().collect(), ..self }
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers have a JSON form")
    }
}

fn statement(report: &StatementReport) -> Statement<'_> {
    Statement {
        line: report.line,
        text: &report.statement,
        duration_ms: milliseconds(report.duration),
        rows: report.rows,
        locks: report.observed.as_ref().map(|seen| seen.locks.iter().map(lock).collect()),
        locks_known_by: report.observed.as_ref().map(|seen| if seen.documented { "documentation" } else { "observation" }),
        rewrites: report.observed.as_ref().map(|seen| seen.rewrites.as_slice()),
    }
}

fn lock(taken: &LockTaken) -> Lock<'_> {
    Lock { relation: &taken.relation, mode: &taken.mode }
}

/// With three places: statements take microseconds.
fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::MigrationReport;
    use domain::migration::MigrationVersion;
    use ports::driven::{AppliedFile, LockTaken, Observed, StatementReport};
    use std::time::Duration;

    #[test]
    fn a_report_says_what_each_statement_took() {
        let statement = StatementReport {
            line: 3,
            statement: "alter table a".to_owned(),
            duration: Duration::from_micros(1234),
            rows: 0,
            observed: Some(Observed {
                locks: vec![LockTaken { relation: "public.a".to_owned(), mode: "AccessExclusiveLock".to_owned() }],
                rewrites: vec!["public.a".to_owned()],
                documented: false,
            }),
        };
        let unseen = StatementReport { observed: None, ..statement.clone() };
        let version = MigrationVersion::new(1);
        let file =
            AppliedFile { version, name: "1_a.sql".to_owned(), duration: Duration::from_millis(2), attempts: 1, statements: vec![statement, unseen] };
        let json: serde_json::Value = serde_json::from_str(&MigrationReport::of(std::slice::from_ref(&file), None).json()).unwrap();
        assert_eq!(json["files"][0]["statements"][0]["duration_ms"], 1.234);
        assert_eq!(json["files"][0]["statements"][0]["locks"][0]["mode"], "AccessExclusiveLock");
        assert_eq!(json["files"][0]["statements"][0]["locks_known_by"], "observation");
        let unseen = &json["files"][0]["statements"][1];
        assert!(unseen.get("locks").is_none() && unseen.get("rewrites").is_none(), "nobody looked, which is not that there were none: {unseen}");
        assert_eq!((json.get("diff"), json.get("copy")), (None, None));

        for (reason, copy) in [(None, r#""copy":{"rows":true}"#), (Some("too big"), r#""copy":{"rows":false,"reason":"too big"}"#)] {
            let tried = MigrationReport::of(std::slice::from_ref(&file), None).tried(reason).json();
            assert!(tried.contains(copy), "{tried}");
        }
    }
}
