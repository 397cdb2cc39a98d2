//! `fluxbase branch` and its kin as people use them: from a project's folder, switching as with git.

use crate::project::{Project, named};
use fluxbase_tests::fresh_id;
use serde_json::json;
use std::{fs, path::Path};

#[tokio::test]
async fn later_commands_carry_the_branch_that_was_switched_to() {
    let (project, name) = (Project::new().await, named("cli"));
    let made = project.json(&["branch", "create", &name, "--pr", "12", "--wait"]).await;
    assert_eq!(made["branch"]["github"], json!({"repository": "octo/repo", "pr_number": 12}));
    let (code, _, stderr) = project.run(&["branch", "switch", "nowhere"]).await;
    assert_eq!((code, stderr.contains("nowhere")), (3, true), "{stderr}");
    project.ok(&["branch", "switch", &name]).await;
    assert_eq!(project.ok(&["branch", "switch"]).await.trim(), name);
    assert_eq!(project.json(&["branch", "status"]).await["slug"], json!(name));
    assert!(project.ok(&["branch", "list"]).await.lines().any(|line| line.starts_with('*') && line.contains(&name)));
    let database = project.ok(&["db", "psql", "--", "-Atc", "select current_database()"]).await;
    assert!(database.contains(&name), "{database}");
    project.ok(&["branch", "switch", "-"]).await;
    assert_eq!(project.ok(&["branch", "switch"]).await.trim(), "main");
    project.ok(&["branch", "switch", "-"]).await;
    let (code, _, stderr) = project.run(&["branch", "delete", &name, "--wait"]).await;
    assert!(code == 0 && stderr.contains("switched to branch 'main'"), "{stderr}");
    assert_eq!(project.ok(&["branch", "switch"]).await.trim(), "main");
}

#[tokio::test]
async fn a_family_is_gone_when_its_end_was_waited_for() {
    let (project, parent, child, renamed) = (Project::new().await, named("cli"), named("cli"), named("cli"));
    project.ok(&["branch", "create", &parent, "--expires-in", "never", "--wait"]).await;
    assert_eq!(project.json(&["branch", "status", &parent]).await["expires_at"], json!(null));
    project.ok(&["branch", "create", &child, "--from", &parent, "--wait"]).await;
    project.ok(&["branch", "update", &child, "--name", &renamed]).await;
    project.ok(&["branch", "switch", &renamed]).await;
    assert_eq!(project.ok(&["branch", "switch"]).await.trim(), child);
    let gone = project.json(&["branch", "delete", &parent, "--force", "--wait"]).await;
    let each = |list: &str, field: &str| gone[list].as_array().unwrap().iter().map(|one| one[field].clone()).collect::<Vec<_>>();
    assert_eq!(each("branches", "slug"), [json!(parent), json!(child)]);
    assert_eq!((each("branches", "status"), each("operations", "status")), (vec![json!("deleted"); 2], vec![json!("succeeded"); 2]));
    assert_eq!(project.ok(&["branch", "switch"]).await.trim(), "main");
    // Its name is free again: the wait was for it too.
    project.ok(&["branch", "create", &child, "--wait"]).await;
    project.ok(&["branch", "delete", &child, "--wait"]).await;
}

#[tokio::test]
async fn what_is_refused_has_the_exit_code_of_a_refusal() {
    let (project, name) = (Project::new().await, named("cli"));
    project.ok(&["branch", "create", &name, "--wait"]).await;
    assert_eq!(project.json(&["branch", "update", &name, "--protected"]).await["protected"], true);
    for (arguments, code, said) in [
        (&["branch", "delete", &name][..], 4, "protected"),
        (&["branch", "reset", &name], 4, "protected"),
        (&["branch", "reset", "main"], 4, "main"),
        (&["branch", "undo", &name], 4, "protected"),
        (&["branch", "undo", "main"], 1, "no reset"),
        (&["branch", "migrate", "nowhere"], 3, "nowhere"),
        (&["branch", "create", "x", "--clone-data", "all"], 2, "full_clone"),
        (&["branch", "access", "grant", &name, "nobody@example.com"], 3, "nobody@example.com"),
        (&["operation", "get", "00000000-0000-4000-8000-000000000000"], 3, "operation"),
    ] {
        let (found, stdout, stderr) = project.run(arguments).await;
        assert_eq!(found, code, "{arguments:?}: {stderr}");
        assert!(stderr.contains(said) && stdout.is_empty(), "{arguments:?}: {stderr}");
    }
    project.ok(&["branch", "update", &name, "--protected=false"]).await;
    project.ok(&["branch", "delete", &name, "--wait"]).await;
}

#[tokio::test]
async fn a_reset_is_undone_and_a_difference_is_shown_and_proved() {
    let (project, name) = (Project::new().await, named("cli"));
    project.ok(&["branch", "create", &name, "--wait"]).await;
    project.ok(&["branch", "switch", &name]).await;
    project.ok(&["db", "psql", "--", "-c", "create table public.labels (id bigint primary key)"]).await;
    let (code, text, said) = project.run(&["branch", "diff", &name, "main", "--exit-code"]).await;
    assert!(code == 1 && text.contains("+CREATE TABLE public.labels") && !text.contains('\u{1b}'), "{code}: {text}{said}");
    assert!(project.ok(&["branch", "diff", "--format", "sql"]).await.contains("CREATE TABLE public.labels"));
    assert_eq!(project.json(&["branch", "diff", &name, "main"]).await["target"], "main");
    let (code, verdict, progress) = project.run(&["branch", "diff", &name, "main", "--prove"]).await;
    assert!(code == 0 && verdict.starts_with("proved on a copy without rows") && progress.contains("prove ... done"), "{verdict} {progress}");
    assert_eq!(project.run(&["branch", "diff", &name, "main", "--prove", "--exit-code"]).await.0, 1, "they differ, proved or not");
    let (code, script, verdict) = project.run(&["branch", "diff", &name, "main", "--prove", "--format", "sql"]).await;
    assert!(code == 0 && script.starts_with("-- ") && verdict.contains("proved on a copy") && !script.contains("proved"), "{script} {verdict}");
    project.ok(&["branch", "reset", &name, "--wait"]).await;
    assert_eq!(project.ok(&["branch", "diff"]).await, "");
    project.ok(&["branch", "undo", &name]).await;
    assert_eq!(project.run(&["branch", "diff", "--exit-code"]).await.0, 1);
    let (code, url, said) = project.run(&["branch", "connection"]).await;
    assert!(code == 0 && url.starts_with("postgres://") && url.contains(&name) && said.contains("made a new password"), "{url}{said}");
    for none in ["main", "nope"] {
        let (code, _, said) = project.run(&["branch", "connection", none]).await;
        assert!(code != 0 && !said.contains("a new password"), "nothing is said to be made that is refused: {said}");
    }
    let shown = project.json(&["branch", "connection", "--show"]).await;
    assert_eq!(shown["other_databases"], json!([]), "no database of the embedded server lets in who has a branch");
    project.ok(&["branch", "delete", &name]).await;
}

#[tokio::test]
async fn migrations_are_made_listed_and_applied_and_a_failure_tells_its_place() {
    let (project, name) = (Project::new().await, named("cli"));
    project.ok(&["init"]).await;
    let path = project.json(&["migrations", "new", "Add labels"]).await["path"].as_str().unwrap().to_owned();
    assert!(path.ends_with("_add_labels.sql"), "{path}");
    fs::write(&path, "create table public.labels (id bigint primary key);\n").unwrap();
    project.ok(&["branch", "create", &name, "--wait"]).await;
    project.ok(&["branch", "switch", &name]).await;
    let file = Path::new(&path).file_name().unwrap().to_str().unwrap();
    assert_eq!(project.json(&["migrations", "list"]).await["pending"], json!([file]));
    let tried = project.ok(&["migrations", "up", "--dry-run"]).await;
    assert!(tried.contains("create table public.labels") && tried.contains("the schema would have"), "{tried}");
    let (code, _, said) = project.run(&["migrations", "up"]).await;
    assert!(code == 0 && said.contains(&format!("migrating branch '{name}'")), "{said}");
    let listed = project.json(&["migrations", "list"]).await;
    assert_eq!((&listed["applied"][0]["name"], &listed["pending"]), (&json!(file), &json!([])), "{listed}");
    assert!(project.ok(&["branch", "migrate"]).await.contains("has every migration"));

    fs::write(project.path().join("migrations/99990101000000_bad.sql"), "select 1;\ndrop table public.nowhere;\n").unwrap();
    let (code, _, said) = project.run(&["branch", "migrate", &name]).await;
    assert!(code == 1 && said.contains("99990101000000_bad.sql") && said.contains("line 2") && said.contains("42P01"), "{said}");
    project.ok(&["branch", "delete", &name]).await;
}

#[tokio::test]
async fn who_signs_in_is_who_acts_until_they_sign_out() {
    let project = Project::new().await;
    let email = format!("{}@example.com", fresh_id().simple());
    let account = json!({"email": email, "password": "correct horse"});
    let made = project.server.send(reqwest::Method::POST, "admin/users", &project.server.owner_key(), &account).await;
    assert_eq!(made.status, 201, "{made:?}");
    let home = [("HOME", project.path().to_str().unwrap())];
    let password = project.path().join("password");
    fs::write(&password, "correct horse\n").unwrap();
    let login = project.server.cli_fed(&["login", &email, "--password-stdin"], &home, b"correct horse\n").await;
    assert!(login.status.success(), "{login:?}");
    let refused = project.server.cli_with(&["users", "list"], &home).await;
    assert_eq!(refused.status.code(), Some(4), "the session is asked with, and not the owner's key: {refused:?}");
    assert!(project.server.cli_with(&["logout"], &home).await.status.success());
    assert!(project.server.cli_with(&["users", "list"], &home).await.status.success());
}

#[tokio::test]
async fn the_script_of_a_difference_is_a_migration_as_it_is() {
    let (project, from, to) = (Project::new().await, named("cli"), named("cli"));
    project.ok(&["init"]).await;
    project.ok(&["branch", "create", &to, "--wait"]).await;
    let on = async |branch: &str, sql: &str| {
        project.ok(&["branch", "switch", branch]).await;
        project.ok(&["db", "psql", "--", "-v", "ON_ERROR_STOP=1", "-c", sql]).await
    };
    on(&to, "create type public.mood as enum ('good'); create table public.days (day date primary key, note text)").await;
    project.ok(&["branch", "create", &from, "--from", &to, "--wait"]).await;
    let changes = [
        ("alter table public.days drop column note; create table public.weeks (id bigint primary key)", "-- hazards: data_loss", false),
        ("alter type public.mood add value 'bad'; alter table public.days add column mood public.mood default 'bad'", "-- hazards: not_in", true),
    ];
    for (place, (change, hazard, bare)) in changes.into_iter().enumerate() {
        for sql in change.split("; ") {
            on(&from, sql).await;
        }
        let script = project.ok(&["branch", "diff", &from, &to, "--format", "sql"]).await;
        assert!(script.contains(hazard) && script.contains("-- hazards, told again"), "{script}");
        assert_eq!(script.starts_with("-- fluxbase:no-transaction\n"), bare, "{script}");
        fs::write(project.path().join(format!("migrations/2026010100000{place}_x.sql")), script).unwrap();
        project.ok(&["migrations", "up", "--branch", &to]).await;
        assert_eq!(project.ok(&["branch", "diff", &from, &to]).await, "", "{change}");
    }
    on(&from, "drop table public.weeks").await;
    let told = project.ok(&["branch", "diff", &from, &to]).await;
    assert!(told.contains("\n# hazards of the script:\n#   data_loss (") && told.contains("): table public.weeks\n"), "{told}");
    let script = project.path().join("script.sql");
    fs::write(&script, project.ok(&["branch", "diff", &from, &to, "--format", "sql"]).await).unwrap();
    project.ok(&["branch", "switch", &to]).await;
    project.ok(&["db", "psql", "--", "-1", "-v", "ON_ERROR_STOP=1", "-f", script.to_str().unwrap()]).await;
    assert_eq!(project.ok(&["branch", "diff", &from, &to]).await, "");
    project.ok(&["branch", "delete", &to, "--force", "--wait"]).await;
}
