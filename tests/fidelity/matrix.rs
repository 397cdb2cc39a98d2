//! The matrix: every way to clone, made, reset and deleted, of a parent at rest and of one that `pgbench` works in.

use crate::{
    PARENT, database_of,
    dump::{Dumps, assert_equal, withheld_lines},
    load::{self, Pgbench},
    make_branch, nothing_acts_from, settings_of, settled,
};
use fluxbase_tests::{Answer, ForeignCluster, Owner, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use std::{
    fmt::Write,
    sync::Mutex,
    time::{Duration, Instant},
};

/// One row of it: create, reset and delete one after the other, since each needs the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) mode: &'static str,
    pub(crate) busy: bool,
}

const MODES: [&str; 3] = ["schema_only", "full_clone", "seed_data"];

/// What is sown: in a file of statements, and in one of rows.
pub(crate) const SEEDS: [(&str, &str); 2] =
    [("1_base.sql", "insert into app.base values (100, 'sown'), (101, 'too');"), ("2_app.no_rows.csv", "a,b\n1,2\n3,4\n5,6\n")];
const SOWN: i64 = 5;

/// The rows that one test tries: all with `FIDELITY_MATRIX=all`, else some, so that each is tried in one test or another.
pub(crate) fn rows(major: u32, owner: Owner) -> Vec<Row> {
    let all = [false, true].into_iter().flat_map(|busy| MODES.map(|mode| Row { mode, busy })).collect();
    match std::env::var("FIDELITY_MATRIX").as_deref() {
        Ok("all") => return all,
        Ok(other) => panic!("FIDELITY_MATRIX is '{other}'; it may be all"),
        Err(_) => {}
    }
    let [schema_only, full_clone, seed_data] = MODES;
    let some: &[(&'static str, bool)] = match (owner, major >= 18) {
        (Owner::Superuser, false) => &[(schema_only, false), (full_clone, true)],
        (Owner::Superuser, true) => &[(seed_data, true), (full_clone, false)],
        (Owner::Plain, false) => &[(full_clone, false), (schema_only, true)],
        (Owner::Plain, true) => &[(seed_data, false), (full_clone, true)],
    };
    some.iter().map(|&(mode, busy)| Row { mode, busy }).collect()
}

/// What a row is tried on.
pub(crate) struct World<'a> {
    pub(crate) major: u32,
    pub(crate) owner: Owner,
    pub(crate) cluster: &'a ForeignCluster,
    pub(crate) server: &'a TestServer,
    pub(crate) dumps: &'a Dumps,
    pub(crate) pgbench: &'a Pgbench,
    /// The parent, as a superuser.
    pub(crate) parent: &'a PgPool,
    /// The role of its owner.
    pub(crate) role: &'a str,
    /// What the report of a branch says it has not.
    pub(crate) stays_behind: &'a [&'a str],
}

impl World<'_> {
    /// Tries a row, and notes how long each part took.
    pub(crate) async fn try_row(&self, row: Row) {
        let mut load = None;
        if row.busy {
            let before = load::transactions(self.parent).await;
            load = Some(self.pgbench.start());
            eventually("pgbench works", Duration::from_mins(1), async || load::transactions(self.parent).await > before + 20).await;
        }
        let name = format!("{}-{}", row.mode.replace('_', "-"), if row.busy { "busy" } else { "idle" });
        let mut took = Vec::new();
        let mut compared = 0;
        for (what, generation) in [("create", 1), ("reset", 2)] {
            let (begun, before) = (Instant::now(), load::transactions(self.parent).await);
            let branch = if what == "create" { make_branch(self.server, &name, row.mode).await } else { self.reset(&name).await };
            took.push(begun.elapsed());
            let context = format!("PostgreSQL {} as {:?}: {what} of {row:?}", self.major, self.owner);
            assert_eq!(
                (&branch["status"], &branch["generation"]),
                (&json!("ready"), &json!(generation)),
                "{context}: {branch}\n{}",
                self.server.stderr()
            );
            compared += self.compare(&context, row, &branch, before).await;
        }
        let begun = Instant::now();
        self.delete(&name).await;
        took.push(begun.elapsed());
        assert!(load.is_none_or(|mut load| load.goes_on()), "pgbench met an error");
        note(self.major, self.owner, row, &took, compared);
    }

    async fn reset(&self, name: &str) -> Value {
        let asked = self.server.send(Method::POST, &format!("admin/branches/{name}/reset"), &self.server.owner_key(), &json!({})).await;
        assert_eq!(asked.status, 202, "{asked:?}");
        // A branch serves while it is reset: only its operation says when that is done.
        let operation = asked.json()["operation"]["id"].as_str().unwrap().to_owned();
        eventually("the branch is reset", Duration::from_mins(2), async || {
            let found = self.server.get(&format!("admin/operations/{operation}"), &self.server.owner_key()).await.json();
            assert_ne!(found["status"], "failed", "{found}");
            found["status"] == "succeeded"
        })
        .await;
        settled(self.server, name).await
    }

    /// Afterwards there is nothing left of it on the server: no database of any generation, and no login.
    async fn delete(&self, name: &str) {
        let answer = Answer::to(self.server.rest(Method::DELETE, &format!("admin/branches/{name}"), &self.server.owner_key())).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        eventually("the branch is gone", Duration::from_mins(2), async || {
            self.server.get(&format!("admin/branches/{name}"), &self.server.owner_key()).await.status == 404
        })
        .await;
        let left: Vec<String> = sqlx::query_scalar(
            "select datname::text from pg_database where starts_with(datname, 'fluxbase_branch_' || replace($1, '-', '_'))
                                                      or starts_with(datname, 'fluxbase_branch_' || $1) or starts_with(datname, 'fluxbase_build_')",
        )
        .bind(name)
        .fetch_all(self.parent)
        .await
        .unwrap();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Holds a branch against its parent; gives how many lines of dump were equal.
    async fn compare(&self, context: &str, row: Row, branch: &Value, transactions_before: i64) -> usize {
        let database = database_of(branch);
        let withheld = withheld_lines(branch);
        let schema_only = row.mode != "full_clone";
        let lines = self.dumps.lines(PARENT, schema_only, &withheld);
        assert_equal(context, &lines, &self.dumps.lines(&database, schema_only, &withheld), self.role);
        assert_eq!(withheld_objects(branch), self.stays_behind, "{context}");
        self.differs_in_nothing(context, branch["slug"].as_str().unwrap()).await;
        assert_eq!(settings_of(self.parent, PARENT).await, settings_of(self.parent, &database).await, "{context}");
        nothing_acts_from(self.cluster, &database).await;
        let copy = self.cluster.superuser(&database).await;
        match row.mode {
            "full_clone" => {
                load::assert_of_one_moment(&copy).await;
                let (copied, now) = (load::transactions(&copy).await, load::transactions(self.parent).await);
                assert!((transactions_before..=now).contains(&copied), "{context}: {copied} of {transactions_before} to {now} transactions");
            }
            "seed_data" => assert_eq!(rows_in(&copy).await, SOWN, "{context}"),
            _ => assert_eq!(rows_in(&copy).await, 0, "{context}"),
        }
        copy.close().await;
        lines.len()
    }
}

impl World<'_> {
    /// Nor does what stays behind count: no script may drop it from the parent.
    async fn differs_in_nothing(&self, context: &str, slug: &str) {
        let key = self.server.owner_key();
        let diff = self.server.get(&format!("admin/branches/{slug}/diff"), &key).await.json();
        assert_eq!((&diff["objects"], &diff["source_fingerprint"]), (&json!([]), &diff["target_fingerprint"]), "{context}: {diff}");
        let migrations = self.server.get(&format!("admin/branches/{slug}"), &key).await.json()["migrations"].clone();
        assert_eq!((&migrations["applied"], &migrations["drift"]), (&json!(1), &json!(false)), "{context}: {migrations}");
    }
}

fn withheld_objects(branch: &Value) -> Vec<&str> {
    let withheld = branch["withheld"].as_array().unwrap();
    withheld.iter().filter(|entry| entry["rows"] == "object").map(|entry| entry["table"].as_str().unwrap()).collect()
}

/// How many rows the database's own tables hold in all, but for the log that an event trigger writes.
async fn rows_in(database: &PgPool) -> i64 {
    let counts: Vec<String> = sqlx::query_scalar(
        "select format('select count(*) from only %s', c.oid::regclass) from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'auth', 'fluxbase_migrations')
            and c.relname <> 'ddl_log' and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')",
    )
    .fetch_all(database)
    .await
    .unwrap();
    let sql = format!("select sum(count)::int8 from ({}) counted", counts.join(" union all "));
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(database).await.unwrap()
}

/// Prints what was tried so far, by all tests of this run.
fn note(major: u32, owner: Owner, row: Row, took: &[Duration], lines: usize) {
    static TRIED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let login = if owner == Owner::Superuser { "superuser" } else { "plain" };
    let parent = if row.busy { "pgbench" } else { "idle" };
    let seconds: Vec<_> = took.iter().map(|part| format!("{:>6.2} s", part.as_secs_f64())).collect();
    let mut tried = TRIED.lock().unwrap();
    tried.push(format!("| {major} | {login:<9} | {:<11} | {parent:<7} | {} | {lines:>6} |", row.mode, seconds.join(" | ")));
    tried.sort();
    let mut table = String::from("| PG | login     | mode        | parent  | create   | reset    | delete   | equal lines |\n");
    for line in tried.iter() {
        let _ = writeln!(table, "{line}");
    }
    println!("{table}");
}
