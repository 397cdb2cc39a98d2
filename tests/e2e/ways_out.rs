//! What migrating refuses tells the command that leads out of it, and that command does when it is typed as it stands.

use crate::project::{Project, named};
use serde_json::{Value, json};
use std::fs;

/// A branch that is not switched to: the commands must name it themselves.
struct Migrated {
    project: Project,
    branch: String,
}

impl Migrated {
    async fn new(files: &[(&str, &str)]) -> Self {
        let (project, branch) = (Project::new().await, named("out"));
        project.ok(&["init"]).await;
        project.ok(&["branch", "create", &branch, "--wait"]).await;
        let migrated = Self { project, branch };
        for (name, sql) in files {
            migrated.write(name, sql);
        }
        migrated
    }

    fn write(&self, name: &str, sql: &str) {
        fs::write(self.project.path().join("migrations").join(name), sql).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.project.path().join("migrations").join(name)).unwrap();
    }

    async fn up(&self) -> (i32, String) {
        let (code, _, said) = self.project.run(&["migrations", "up", "--branch", &self.branch]).await;
        (code, said)
    }

    /// Migrating is refused; the commands that it tells.
    async fn refused(&self) -> Vec<String> {
        let (code, said) = self.up().await;
        assert_eq!(code, 1, "{said}");
        let commands: Vec<_> = said.split("fluxbase ").skip(1).map(command).filter(|command| command.contains("--branch")).collect();
        assert!(!commands.is_empty(), "no way out is told: {said}");
        commands
    }

    /// Types a command.
    async fn type_in(&self, command: &str) {
        self.project.ok(&command.split(' ').collect::<Vec<_>>()).await;
    }

    async fn listed(&self) -> Value {
        self.project.json(&["migrations", "list", "--branch", &self.branch]).await
    }

    /// Runs SQL in the branch's database as its owner.
    async fn sql(&self, sql: &str) {
        self.project.ok(&["branch", "switch", &self.branch]).await;
        self.project.ok(&["db", "psql", "--", "-qc", sql]).await;
        self.project.ok(&["branch", "switch", "main"]).await;
    }
}

/// The words of a command up to and with the branch that it names.
fn command(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let end = words.iter().position(|word| *word == "--branch").map_or(0, |at| at + 2);
    words[..end.min(words.len())].join(" ")
}

#[tokio::test]
async fn every_refusal_of_a_ledger_is_led_out_of_by_the_command_that_it_tells() {
    let at = Migrated::new(&[("10_a.sql", "create table public.out_a ();"), ("20_b.sql", "create table public.out_b ();")]).await;
    assert_eq!(at.up().await.0, 0);

    at.write("10_a.sql", "create table public.out_a (); -- as before");
    let accept = at.refused().await;
    assert_eq!(accept, [format!("migrations repair 10 accept --branch {}", at.branch)]);
    at.type_in(&accept[0]).await;
    assert_eq!(at.up().await.0, 0);

    at.remove("10_a.sql");
    at.remove("20_b.sql");
    at.write("30_c.sql", "create table public.out_c ();");
    // The project's folder is the whole of it: what it had is missed, however old.
    let forget = |version| format!("migrations repair {version} forget --branch {}", at.branch);
    assert_eq!(at.refused().await, [forget(10), forget(20)]);
    assert_eq!(at.listed().await["refusals"].as_array().map(Vec::len), Some(2));
    at.write("10_a.sql", "create table public.out_a (); -- as before");
    let forget = at.refused().await;
    assert_eq!(forget, [format!("migrations repair 20 forget --branch {}", at.branch)]);
    at.type_in(&forget[0]).await;
    assert_eq!(at.up().await.0, 0);

    at.write("15_late.sql", "create table public.out_late ();");
    let allow = at.refused().await;
    assert_eq!(allow, [format!("migrations up --allow-out-of-order --branch {}", at.branch)]);
    at.type_in(&allow[0]).await;
    let listed = at.listed().await;
    assert_eq!((&listed["pending"], &listed["refusals"], &listed["drift"]), (&json!([]), &json!([]), &json!(false)), "{listed}");
    let server = at.project.server;
    let history = server.get(&format!("admin/branches/{}/activity?limit=100", at.branch), &server.owner_key()).await.body;
    assert!(history.contains("migration_repaired") && history.contains("10_a.sql: accept") && history.contains("20_b.sql: forget"), "{history}");
    at.project.ok(&["branch", "delete", &at.branch]).await;
}

#[tokio::test]
async fn a_file_that_stopped_half_way_is_led_on_by_the_command_that_it_tells() {
    let bare = "-- fluxbase:no-transaction\n";
    let at = Migrated::new(&[("1_a.sql", &format!("{bare}create table public.half_a ();\nselect nothing;\n"))]).await;
    let (code, said) = at.up().await;
    assert!(code == 1 && said.contains("42703"), "{said}");
    at.write("1_a.sql", &format!("{bare}create table public.half_b ();\n"));
    let forget = at.refused().await;
    assert_eq!(forget, [format!("migrations repair 1 forget --branch {}", at.branch)]);
    at.type_in(&forget[0]).await;
    assert_eq!(at.up().await.0, 0);

    // As a server that was killed while a procedure was at work leaves it.
    let procedure = "create procedure public.half_p() language plpgsql as $$ begin insert into public.half_c values (1); commit; end $$;";
    at.write("2_b.sql", &format!("{bare}create table public.half_c (id int);\n{procedure}\ncall public.half_p();\n"));
    assert_eq!(at.up().await.0, 0);
    let interrupt = "update fluxbase_migrations.ledger set state = 'running', statement = 2, detail = 'started' where version = 2";
    for (which, rows) in [(0, 1), (1, 2)] {
        at.sql(interrupt).await;
        let ways = at.refused().await;
        assert_eq!(ways, ["done", "not_done"].map(|way| format!("migrations repair 2 {way} --branch {}", at.branch)));
        at.type_in(&ways[which]).await;
        assert_eq!(at.up().await.0, 0);
        at.sql(&format!("do $$ begin if (select count(*) from public.half_c) <> {rows} then raise 'another count'; end if; end $$")).await;
    }
    at.sql(interrupt).await;
    at.type_in(&format!("migrations repair 2 applied --branch {}", at.branch)).await;
    assert_eq!(at.listed().await["pending"], json!([]));
    let (code, _, said) = at.project.run(&["migrations", "repair", "2", "done", "--branch", &at.branch]).await;
    assert!(code == 1 && said.contains("no statement that was interrupted"), "{said}");
    for (arguments, code) in [(["repair", "7", "forget"], 3), (["repair", "2", "undo"], 2), (["repair", "x", "forget"], 2)] {
        let (found, _, said) = at.project.run(&[&["migrations"][..], &arguments, &["--branch", &at.branch]].concat()).await;
        assert_eq!(found, code, "{said}");
    }
    at.project.ok(&["branch", "delete", &at.branch]).await;
}

#[tokio::test]
async fn a_file_with_its_way_back_in_it_does_not_run_and_one_that_was_never_begun_is_not_missed() {
    let there = "-- migrate:up\ncreate table public.back_a ();\n";
    let at = Migrated::new(&[("1_a.sql", &format!("{there}-- migrate:down\ndrop table public.back_a;\n"))]).await;
    for dry_run in [&["migrations", "up", "--dry-run"][..], &["migrations", "up"]] {
        let (code, _, said) = at.project.run(&[dry_run, &["--branch", &at.branch]].concat()).await;
        assert!(code == 1 && said.contains("line 3 on ('-- migrate:down')") && said.contains("delete what stands under"), "{said}");
    }
    let listed = at.listed().await;
    assert_eq!((&listed["applied"], listed["refusals"].as_array().map(Vec::len)), (&json!([]), Some(1)), "{listed}");
    at.write("1_a.sql", there);
    assert_eq!(at.up().await.0, 0);
    at.sql("select from public.back_a").await;

    at.write("2_b.sql", "-- fluxbase:no-transaction\nselect nothing;\n");
    let (code, said) = at.up().await;
    assert!(code == 1 && said.contains("42703"), "{said}");
    at.remove("2_b.sql");
    at.write("3_c.sql", "create table public.back_c ();");
    let (code, said) = at.up().await;
    assert_eq!(code, 0, "{said}");
    at.project.ok(&["branch", "delete", &at.branch]).await;
}

#[tokio::test]
async fn a_branch_that_had_its_tables_before_it_had_a_ledger_takes_them_as_applied() {
    let at = Migrated::new(&[("1_a.sql", "create table public.base_a ();"), ("2_b.sql", "create table public.base_b ();")]).await;
    at.sql("create table public.base_a ()").await;
    at.type_in(&format!("migrations baseline --up-to 1 --branch {}", at.branch)).await;
    let listed = at.listed().await;
    assert_eq!((&listed["applied"][0]["name"], &listed["pending"], &listed["drift"]), (&json!("1_a.sql"), &json!(["2_b.sql"]), &json!(false)));
    assert_eq!(at.up().await.0, 0);
    at.project.ok(&["branch", "delete", &at.branch]).await;
}

#[tokio::test]
async fn what_was_altered_beside_the_migrations_is_drift_and_a_fresh_child_has_none() {
    let at = Migrated::new(&[("1_a.sql", "create table public.drift_a (id int primary key);")]).await;
    assert_eq!(at.up().await.0, 0);
    let before = named("drift-before");
    at.project.ok(&["branch", "create", &before, "--from", &at.branch, "--wait"]).await;
    let server = at.project.server;
    let drift = async |branch: &str| {
        let migrations = server.get(&format!("admin/branches/{branch}"), &server.owner_key()).await.json()["migrations"].clone();
        assert_eq!(migrations["applied"], 1, "{migrations}");
        migrations["drift"].clone()
    };
    assert_eq!((drift(&at.branch).await, drift(&before).await), (json!(false), json!(false)));

    at.sql("alter table public.drift_a add column beside text").await;
    assert_eq!((drift(&at.branch).await, drift(&before).await), (json!(true), json!(false)));
    let status = at.project.ok(&["branch", "status", &at.branch]).await;
    assert!(status.contains("changed beside them (drift)"), "{status}");
    // A child has what its parent has.
    let after = named("drift-after");
    at.project.ok(&["branch", "create", &after, "--from", &at.branch, "--wait"]).await;
    assert_eq!(drift(&after).await, true);
    at.sql("alter table public.drift_a drop column beside").await;
    assert_eq!(drift(&at.branch).await, false);
    for branch in [&after, &before, &at.branch] {
        at.project.ok(&["branch", "delete", branch]).await;
    }
}

#[tokio::test]
async fn drift_is_not_forgotten_by_the_next_migration_and_ends_by_the_command_that_it_tells() {
    let at = Migrated::new(&[("1_a.sql", "create table public.kept_a (id int primary key);")]).await;
    assert_eq!(at.up().await.0, 0);
    let said = at.up().await.1;
    assert!(!said.contains("drift"), "{said}");
    at.sql("alter table public.kept_a add column beside text").await;
    // What is put right in time is none, though a migration has seen it.
    at.up().await;
    at.sql("alter table public.kept_a drop column beside").await;
    assert_eq!(at.listed().await["drift"], false);

    at.sql("alter table public.kept_a add column beside text").await;
    at.write("2_b.sql", "create table public.kept_b (id int primary key);");
    let (tried, told) = (at.project.run(&["migrations", "up", "--dry-run", "--branch", &at.branch]).await, at.up().await);
    for said in [&tried.2, &told.1] {
        assert!(said.contains("warning: the schema was changed beside the migrations (drift)"), "{said}");
    }
    at.write("3_c.sql", "create table public.kept_c (id int primary key);");
    assert!(at.up().await.1.contains("(drift)"), "it is told again and again");
    let listed = at.listed().await;
    assert_eq!((&listed["drift"], &listed["pending"]), (&json!(true), &json!([])), "{listed}");
    let (code, _, said) = at.project.run(&["migrations", "repair", "1", "accept_drift", "--branch", &at.branch]).await;
    assert!(code == 1 && said.contains("repair 3 accept_drift"), "drift is told by the last file: {said}");
    let told = at.project.run(&["migrations", "list", "--branch", &at.branch]).await.2;
    let way = told.split("fluxbase ").nth(1).map(command).unwrap();
    at.type_in(&way).await;
    assert_eq!(at.listed().await["drift"], false, "{way}");
    at.write("4_d.sql", "create table public.kept_d (id int primary key);");
    assert!(!at.up().await.1.contains("drift"));
    assert_eq!(at.listed().await["drift"], false);
    at.project.ok(&["branch", "delete", &at.branch]).await;
}
