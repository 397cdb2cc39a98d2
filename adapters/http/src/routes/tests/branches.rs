//! The routes of branches and operations.

use super::{NOW, branch, over, problem, unreached};
use crate::routes::RestPorts;
use async_trait::async_trait;
use domain::{
    BranchId, Failure, Operation, OperationId, OperationKind, UserId,
    branch::{AccessLevel, DatabaseName, Grant, PullRequest},
    operation::{OperationError, Progress},
    page::{Page, PageRequest},
    schema::{Fingerprint, Hazard, Kind, SchemaDiff, ScriptStatement, Unscripted},
};
use http::StatusCode;
use poem::{Endpoint, test::TestClient};
use ports::{
    driven::{BranchLogin, Secret},
    driving::{
        BranchDetails, BranchDiff, Command, DeleteBranch, DiffBranches, FollowOperation, GetBranch, GetConnection, GetOperation, GrantBranchAccess,
        IssueConnection, IssuedConnection, ListBranchAccess, ListMigrations, MigrateBranch, MigrationCounts, MigrationOverview, MockUseCase,
        OperationFeed, ResetBranch, RevokeBranchAccess, SeedBranch, StartedDelete, StartedOperation, UndoReset, UpdateBranch, UseCase,
    },
};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

fn operation() -> Operation {
    Operation::queued(OperationId::from_uuid(Uuid::nil()), OperationKind::MigrateBranch, BranchId::from_uuid(Uuid::nil()), NOW)
}

fn started() -> StartedOperation {
    StartedOperation { branch: branch(), operation: operation() }
}

fn answering<C: Command>(reply: impl FnMut(C) -> Result<C::Output, Failure> + Send + 'static) -> Arc<dyn UseCase<C>> {
    let (mut use_case, mut reply) = (MockUseCase::<C>::new(), reply);
    use_case.expect_run().returning(move |_, command| reply(command));
    Arc::new(use_case)
}

async fn ask(client: &TestClient<impl Endpoint>, method: &str, path: &str, body: Value) -> poem::test::TestResponse {
    let request = client.request(method.parse().unwrap(), format!("/api/v1/admin/{path}")).header("x-api-key", "good");
    if body.is_null() { request.send().await } else { request.content_type("application/json").body(body.to_string()).send().await }
}

async fn json_of(response: poem::test::TestResponse) -> Value {
    assert!(response.0.status().is_success(), "{:?}", response.0);
    response.0.into_body().into_json().await.unwrap()
}

#[tokio::test]
async fn a_branch_is_shown_with_how_it_is_doing() {
    let mut shown = branch();
    shown.protected = true;
    shown.pull_request = Some(PullRequest { repository: Some("octo/repo".parse().unwrap()), number: 7 });
    let migrations = Some(MigrationCounts { applied: 2, pending: 1, drift: Some(false) });
    let get = answering::<GetBranch>(move |_| {
        Ok(BranchDetails { branch: shown.clone(), database: Some(DatabaseName::existing("pr_1_g1")), health: None, migrations })
    });
    let document = json_of(ask(&over(RestPorts { get_branch: get, ..unreached() }), "GET", "branches/feature-a", Value::Null).await).await;
    assert_eq!(document["github"], json!({"repository": "octo/repo", "pr_number": 7}));
    assert_eq!((&document["slug"], &document["protected"], &document["health"]), (&json!("feature-a"), &json!(true), &Value::Null));
    assert_eq!(document["migrations"], json!({"applied": 2, "pending": 1, "drift": false}));
    assert_eq!(document["database"], "pr_1_g1");
}

#[tokio::test]
async fn what_runs_long_is_202_with_its_operation_whether_a_body_comes_or_not() {
    let client = over(RestPorts {
        reset_branch: answering::<ResetBranch>(|command| {
            assert_eq!(command.branch, "x");
            Ok(started())
        }),
        undo_reset: answering::<UndoReset>(|_| Ok(started())),
        seed_branch: answering::<SeedBranch>(|command| {
            assert_eq!((command.branch.as_str(), command.seeds), ("x", None));
            Ok(started())
        }),
        migrate_branch: answering::<MigrateBranch>(|command| {
            assert!(command.files.is_empty() || command.files[0].name == "1_a.sql");
            Ok(started())
        }),
        ..unreached()
    });
    for (path, body) in [
        ("branches/x/reset", Value::Null),
        ("branches/x/reset", json!({"seeds": ["1.sql"], "max_age": "1h"})),
        ("branches/x/undo", Value::Null),
        ("branches/x/undo", json!({})),
        ("branches/x/seed", Value::Null),
        ("branches/x/migrate", Value::Null),
        ("branches/x/migrate", json!({"files": [{"name": "1_a.sql", "sql": "select 1"}], "dry_run": true})),
    ] {
        let response = ask(&client, "POST", path, body).await;
        response.assert_status(StatusCode::ACCEPTED);
        response.assert_header("location", "/api/v1/admin/operations/00000000-0000-0000-0000-000000000000");
        assert_eq!(json_of(response).await["operation"]["kind"], "migrate_branch");
    }
    for (path, body, pointer) in [
        ("branches/x/reset", json!({"max_age": 5}), "/max_age"),
        ("branches/x/undo", json!({"force": true}), "/force"),
        ("branches/x/migrate", json!({"files": "1_a.sql"}), "/files"),
        ("branches/x/migrate", json!({"dryRun": true}), "/dryRun"),
        ("branches/x/diff", json!({"target": 1}), "/target"),
        ("branches/x/connection", json!({"password": "mine"}), "/password"),
    ] {
        assert_eq!(problem(ask(&client, "POST", path, body).await, 422).await["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn a_patch_changes_what_is_given_only() {
    let update = answering::<UpdateBranch>(|command| {
        assert_eq!((command.name, command.expires_in, command.protected), (None, Some(None), Some(true)));
        Ok(branch())
    });
    let client = over(RestPorts { update_branch: update, ..unreached() });
    json_of(ask(&client, "PATCH", "branches/x", json!({"expires_in": null, "protected": true})).await).await;
    assert_eq!(problem(ask(&client, "PATCH", "branches/x", json!({"slug": "y"})).await, 422).await["errors"][0]["pointer"], "/slug");
}

#[tokio::test]
async fn a_difference_comes_as_it_was_asked_for() {
    let diff = answering::<DiffBranches>(|command| {
        let text = command.text.then(|| "--- main\n+++ x\n".to_owned());
        let target = command.target.unwrap_or_else(|| "main".to_owned()).parse().unwrap();
        Ok(BranchDiff { source: command.branch.parse().unwrap(), target, diff: SchemaDiff::equal(Fingerprint::from_text("ab")), text })
    });
    let client = over(RestPorts { diff_branches: diff, ..unreached() });
    let document = json_of(ask(&client, "GET", "branches/x/diff?target=y", Value::Null).await).await;
    assert_eq!((&document["source"], &document["target"], &document["script"]), (&json!("x"), &json!("y"), &json!("")));
    assert_eq!(document["summary"], json!({"added": 0, "removed": 0, "changed": 0}));
    assert_eq!((&document["source_fingerprint"], &document["objects"]), (&json!("ab"), &json!([])));
    let response = ask(&client, "GET", "branches/x/diff?format=text", Value::Null).await;
    response.assert_content_type("text/plain; charset=utf-8");
    response.assert_text("--- main\n+++ x\n").await;
    ask(&client, "GET", "branches/x/diff?format=sql", Value::Null).await.assert_content_type("application/sql; charset=utf-8");
    let diff = answering::<DiffBranches>(|_| {
        let statement =
            ScriptStatement { sql: "DROP TABLE t".to_owned(), object: "table t".to_owned(), hazards: vec![Hazard::DataLoss], in_transaction: true };
        let left = Unscripted { kind: Kind::View, identity: "v\n;".to_owned(), reason: "nobody knows".to_owned() };
        let equal = SchemaDiff::equal(Fingerprint::from_text("ab"));
        let diff = SchemaDiff { hazards: vec![Hazard::DataLoss], script: vec![statement], unscripted: vec![left], ..equal };
        Ok(BranchDiff { source: "x".parse().unwrap(), target: "main".parse().unwrap(), diff, text: Some("+a\n".to_owned()) })
    });
    let client = over(RestPorts { diff_branches: diff, ..unreached() });
    for (format, begins, told) in [
        ("text", "+a\n# hazards of the script:\n#   data_loss (", "#   view v\\n;: nobody knows\n"),
        ("sql", "-- Turns the schema of branch 'main' into that of branch 'x'", "--   view v\\n;: nobody knows\n"),
    ] {
        let mut response = ask(&client, "GET", &format!("branches/x/diff?format={format}"), Value::Null).await.0;
        let text = response.take_body().into_string().await.unwrap();
        assert!(text.starts_with(begins) && text.contains(told), "{text}");
    }
    assert_eq!(problem(ask(&client, "GET", "branches/x/diff?format=xml", Value::Null).await, 400).await["errors"][0]["pointer"], "/format");
}

#[tokio::test]
async fn what_is_deleted_is_told_with_all_that_goes_along() {
    let delete = answering::<DeleteBranch>(|command| {
        let (mut child, mut its_own) = (branch(), operation());
        (child.slug, its_own.id) = ("child".parse().unwrap(), OperationId::from_uuid(Uuid::from_u128(9)));
        let descendants = if command.force { vec![StartedOperation { branch: child, operation: its_own }] } else { Vec::new() };
        Ok(StartedDelete { branch: branch(), operation: operation(), descendants })
    });
    let client = over(RestPorts { delete_branch: delete, ..unreached() });
    let (own, along) = (Uuid::nil().to_string(), Uuid::from_u128(9).to_string());
    for (path, slugs, ids) in
        [("branches/x", vec!["feature-a"], vec![&own]), ("branches/x?force=true", vec!["feature-a", "child"], vec![&own, &along])]
    {
        let response = ask(&client, "DELETE", path, Value::Null).await;
        response.assert_status(StatusCode::ACCEPTED);
        response.assert_header("location", format!("/api/v1/admin/operations/{own}"));
        let told = json_of(response).await;
        assert_eq!((&told["branch"]["slug"], &told["operation"]["id"]), (&json!("feature-a"), &json!(own)));
        let each = |list: &str, field: &str| told[list].as_array().unwrap().iter().map(|one| one[field].clone()).collect::<Vec<_>>();
        assert_eq!((json!(each("branches", "slug")), json!(each("operations", "id"))), (json!(slugs), json!(ids)));
    }
}

#[tokio::test]
async fn grants_are_listed_page_by_page() {
    let list = answering::<ListBranchAccess>(|command| {
        assert_eq!((command.branch.as_str(), command.page), ("x", PageRequest { limit: 1, cursor: Some("c".to_owned()) }));
        let (user_id, granted_by) = (UserId::from_uuid(Uuid::nil()), "fluxbase".to_owned());
        Ok(Page { items: vec![Grant { user_id, level: AccessLevel::Read, granted_by, granted_at: NOW }], next_cursor: Some("d".to_owned()) })
    });
    let client = over(RestPorts { list_branch_access: list, ..unreached() });
    let told = json_of(ask(&client, "GET", "branches/x/access?limit=1&cursor=c", Value::Null).await).await;
    assert_eq!((told["items"].as_array().unwrap().len(), &told["next_cursor"]), (1, &json!("d")));
    assert_eq!(problem(ask(&client, "GET", "branches/x/access?limit=1001", Value::Null).await, 400).await["errors"][0]["pointer"], "/limit");
}

#[tokio::test]
async fn access_is_granted_by_address_and_taken_back() {
    let grant = answering::<GrantBranchAccess>(|command| {
        assert_eq!((command.user.as_str(), command.level), ("bob@example.com", AccessLevel::Write));
        Ok(Grant { user_id: UserId::from_uuid(Uuid::nil()), level: command.level, granted_by: "fluxbase".to_owned(), granted_at: NOW })
    });
    let revoke = answering::<RevokeBranchAccess>(|command| {
        assert_eq!(command.user, "bob@example.com");
        Ok(())
    });
    let client = over(RestPorts { grant_branch_access: grant, revoke_branch_access: revoke, ..unreached() });
    let granted = json_of(ask(&client, "PUT", "branches/x/access", json!({"user": "bob@example.com", "level": "write"})).await).await;
    assert_eq!(granted["level"], "write");
    ask(&client, "DELETE", "branches/x/access/bob%40example.com", Value::Null).await.assert_status(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_password_is_shown_when_it_is_made_and_then_no_more() {
    fn login() -> BranchLogin {
        let (user, host, database) = ("u".to_owned(), "localhost".to_owned(), DatabaseName::existing("d"));
        BranchLogin { user, host, port: 5432, database, rotated_at: NOW, other_databases: vec!["postgres".to_owned()] }
    }
    let client = over(RestPorts {
        issue_connection: answering::<IssueConnection>(|_| Ok(IssuedConnection { login: login(), password: Secret::new("s3cret") })),
        get_connection: answering::<GetConnection>(|command| Ok((command.branch == "x").then(login))),
        ..unreached()
    });
    let made = ask(&client, "POST", "branches/x/connection", Value::Null).await;
    made.assert_header("cache-control", "no-store");
    assert_eq!(json_of(made).await["url"], "postgres://u:s3cret@localhost:5432/d");
    let seen = json_of(ask(&client, "GET", "branches/x/connection", Value::Null).await).await;
    assert_eq!((&seen["url"], &seen["other_databases"]), (&json!("postgres://u@localhost:5432/d"), &json!(["postgres"])));
    let missing = problem(ask(&client, "GET", "branches/y/connection", Value::Null).await, 404).await;
    assert_eq!((&missing["code"], &missing["hint"]), (&json!("not_found"), &json!("make one with POST, or with `fluxbase branch connection`")));
}

#[tokio::test]
async fn migrations_are_those_of_the_branch_that_is_named() {
    let list = answering::<ListMigrations>(|command| {
        let pending = command.files.into_iter().map(|file| file.name).collect();
        let branch = command.branch.parse().unwrap();
        Ok(MigrationOverview { branch, applied: Vec::new(), pending, refusals: vec![command.branch], drift: None })
    });
    let client = over(RestPorts { list_migrations: list, ..unreached() });
    for (path, branch) in [("migrations", "main"), ("migrations?branch=x", "x")] {
        let document = json_of(ask(&client, "GET", path, Value::Null).await).await;
        assert_eq!((&document["branch"], &document["refusals"]), (&json!(branch), &json!([branch])));
    }
    let files = json!({"files": [{"name": "1_a.sql", "sql": ""}]});
    let document = json_of(ask(&client, "POST", "migrations", files).await).await;
    assert_eq!(document["pending"], json!(["1_a.sql"]));
}

#[tokio::test]
async fn an_operation_tells_where_it_failed_and_what_came_of_it() {
    let get = answering::<GetOperation>(|_| {
        let error = OperationError { file: Some("2_b.sql".to_owned()), line: Some(3), ..OperationError::new("statement_failed", "no") };
        let error = OperationError { statement: Some("drop x".to_owned()), sqlstate: Some("42P01".to_owned()), ..error };
        Ok(Operation { status: Progress::Failed, error: Some(error), result: Some(r#"{"proved": false}"#.to_owned()), ..operation() })
    });
    let client = over(RestPorts { get_operation: get, ..unreached() });
    let document = json_of(ask(&client, "GET", &format!("operations/{}", Uuid::nil()), Value::Null).await).await;
    let told = json!({"code": "statement_failed", "message": "no", "file": "2_b.sql", "line": 3, "statement": "drop x", "sqlstate": "42P01"});
    assert_eq!((&document["error"], &document["result"]), (&told, &json!({"proved": false})));
}

struct Ended(Option<Operation>);

#[async_trait]
impl OperationFeed for Ended {
    async fn next(&mut self) -> Result<Option<Operation>, Failure> {
        Ok(self.0.take())
    }
}

#[tokio::test]
async fn an_operation_is_followed_to_its_end() {
    let follow = answering::<FollowOperation>(|_| Ok(Box::new(Ended(Some(Operation { status: Progress::Succeeded, ..operation() })))));
    let client = over(RestPorts { follow_operation: follow, ..unreached() });
    let path = format!("operations/{}/events", Uuid::nil());
    let response = ask(&client, "GET", &path, Value::Null).await;
    response.assert_content_type("text/event-stream");
    let text = response.0.into_body().into_string().await.unwrap();
    assert!(text.starts_with("retry: 1000\nid: final\ndata: {") && text.ends_with("}\n\n"), "{text}");
    let again = client.get(format!("/api/v1/admin/{path}")).header("x-api-key", "good").header("last-event-id", "final").send().await;
    again.assert_status(StatusCode::NO_CONTENT);
    assert_eq!(problem(ask(&client, "GET", "operations/none/events", Value::Null).await, 404).await["code"], "not_found");
}
