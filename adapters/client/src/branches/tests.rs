use crate::testing::{Answers, client};
use domain::{
    BranchState, BranchType, DataCloneMode, Generation,
    branch::{PullRequest, Status, WithheldRows},
    operation::Progress,
    page::PageRequest,
};
use ports::driving::{
    CancelOperation, CreateBranch, DeleteBranch, GetBranch, GetOperation, ListBranchActivity, ListBranches, MigrateBranch, ProveDiff, ResetBranch,
    SeedBranch, UndoReset, UpdateBranch,
};
use serde_json::{Value, json};

const BRANCH: &str = "00000000-0000-4000-8000-000000000001";
const OPERATION: &str = "00000000-0000-4000-8000-000000000002";

fn branch(status: &str) -> Value {
    json!({
        "id": BRANCH, "name": "Feature/X", "slug": "feature-x", "status": status, "type": "preview", "data_clone_mode": "full_clone",
        "parent_id": OPERATION, "created_by": null, "created_at": "2026-01-02T03:04:05.123456Z", "updated_at": "2026-01-02T03:04:05Z",
        "expires_at": "2026-01-09T03:04:05Z", "generation": if status == "ready" { json!(3) } else { json!(null) },
        "withheld": [{
            "table": "auth.sessions", "rows": "none", "nulled_columns": [], "reason": "personal data",
            "masked_columns": [{ "name": "agent", "as": "keep_last(4)", "reason": "its comment" }]
        }],
        "error": if status == "error" { json!("disk full") } else { json!(null) }, "github": null,
    })
}

fn operation() -> Value {
    json!({
        "id": OPERATION, "kind": "create_branch", "branch_id": BRANCH, "status": "running", "error": null,
        "created_at": "2026-01-02T03:04:05Z", "finished_at": null,
        "steps": [
            { "name": "create_database", "status": "succeeded", "started_at": "2026-01-02T03:04:05Z", "finished_at": "2026-01-02T03:04:06Z",
              "done": null, "total": null, "unit": null },
            { "name": "copy_rows", "status": "running", "started_at": "2026-01-02T03:04:06Z", "finished_at": null, "done": 5, "total": 9, "unit": "rows" },
        ],
    })
}

#[tokio::test]
async fn a_branch_is_asked_for_with_what_was_said_and_nothing_else() {
    let server = Answers::with(202, json!({ "branch": branch("creating"), "operation": operation() })).await;
    let command = CreateBranch {
        name: "Feature/X".parse().unwrap(),
        parent: Some("main".to_owned()),
        branch_type: Some(BranchType::Preview),
        clone_mode: Some(DataCloneMode::FullClone),
        expires_in: Some(Some("7d".parse().unwrap())),
        seeds: Some(vec!["1.sql".to_owned()]),
        max_age: Some("1h".parse().unwrap()),
        pull_request: Some(PullRequest { repository: Some("octo/repo".parse().unwrap()), number: 7 }),
    };
    let made = client(&server).send(&command).await.unwrap();
    let asked = server.only_request();
    assert_eq!(asked.target, "POST /api/v1/admin/branches");
    let expected = json!({
        "name": "Feature/X", "parent": "main", "type": "preview", "data_clone_mode": "full_clone", "expires_in": "604800s", "seeds": ["1.sql"],
        "max_age": "3600s", "github": { "repository": "octo/repo", "pr_number": 7 },
    });
    assert_eq!(asked.json(), expected);
    assert_eq!(made.output.branch.state.operation(), Some(made.output.operation.id));
    assert_eq!(made.document["branch"]["slug"], "feature-x");

    let server = Answers::with(202, json!({ "branch": branch("creating"), "operation": operation() })).await;
    let name = command.name;
    let (branch_type, clone_mode) = (None, None);
    let bare = CreateBranch { name, parent: None, branch_type, clone_mode, expires_in: None, seeds: None, max_age: None, pull_request: None };
    client(&server).send(&bare).await.unwrap();
    assert_eq!(server.only_request().json(), json!({ "name": "Feature/X" }));

    let server = Answers::with(202, json!({ "branch": branch("creating"), "operation": operation() })).await;
    client(&server).send(&CreateBranch { expires_in: Some(None), ..bare }).await.unwrap();
    assert_eq!(server.only_request().json(), json!({ "name": "Feature/X", "expires_in": null }));
}

#[tokio::test]
async fn every_status_is_read() {
    for (name, status) in [
        ("creating", Status::Creating),
        ("ready", Status::Ready),
        ("migrating", Status::Migrating),
        ("error", Status::Error),
        ("deleting", Status::Deleting),
        ("deleted", Status::Deleted),
    ] {
        let server = Answers::with(200, branch(name)).await;
        let found = client(&server).send(&GetBranch { branch: "feature-x".to_owned() }).await.unwrap().output;
        assert_eq!(found.branch.state.status(), status);
        assert_eq!(found.branch.state.error(), (name == "error").then_some("disk full"));
        assert_eq!(found.branch.withheld[0].rows, WithheldRows::None);
        assert_eq!(found.branch.withheld[0].in_words(), "auth.sessions: personal data (masked: agent as keep_last(4))");
        if name == "ready" {
            assert_eq!(found.branch.state, BranchState::Ready { generation: Generation::new(3).unwrap() });
        }
        assert_eq!(server.only_request().target, "GET /api/v1/admin/branches/feature-x");
    }
}

#[tokio::test]
async fn main_is_read_though_nobody_may_ask_for_it() {
    let mut main = branch("ready");
    for (field, value) in [("name", json!("main")), ("slug", json!("main")), ("type", json!("main")), ("parent_id", json!(null))] {
        main[field] = value;
    }
    let server = Answers::with(200, json!({ "items": [main], "next_cursor": null })).await;
    let page = client(&server).send(&ListBranches { page: PageRequest::default() }).await.unwrap().output;
    assert!(page.items[0].is_main());
    assert_eq!(server.only_request().target, "GET /api/v1/admin/branches?limit=100");
}

#[tokio::test]
async fn force_is_said_only_where_it_is_meant() {
    for (force, target) in [(false, "DELETE /api/v1/admin/branches/x"), (true, "DELETE /api/v1/admin/branches/x?force=true")] {
        let server = Answers::with(202, json!({ "branch": branch("deleting"), "operation": operation() })).await;
        client(&server).send(&DeleteBranch { branch: "x".to_owned(), force }).await.unwrap();
        assert_eq!(server.only_request().target, target);
    }
}

#[tokio::test]
async fn what_goes_along_with_a_deleted_branch_is_read_with_its_own_operation() {
    let (mut child, mut its_own) = (branch("deleting"), operation());
    child["slug"] = json!("child");
    its_own["id"] = json!("00000000-0000-4000-8000-00000000000c");
    let whole = json!({
        "branch": branch("deleting"), "operation": operation(), "branches": [branch("deleting"), child], "operations": [operation(), its_own],
    });
    let bare = json!({ "branch": branch("deleting"), "operation": operation() });
    for (answer, along) in [(whole, vec!["child"]), (bare, vec![])] {
        let server = Answers::with(202, answer).await;
        let deleted = client(&server).send(&DeleteBranch { branch: "x".to_owned(), force: true }).await.unwrap().output;
        assert_eq!(deleted.operation.id.to_string(), OPERATION);
        let slugs: Vec<_> = deleted.descendants.iter().map(|going| going.branch.slug.as_str()).collect();
        assert_eq!(slugs, along);
        assert!(deleted.descendants.iter().all(|going| going.branch.state.operation() == Some(going.operation.id)));
    }
}

#[tokio::test]
async fn a_name_is_one_segment_of_the_path_whatever_is_in_it() {
    let server = Answers::with(404, json!({ "code": "not_found", "detail": "branch 'a/../b?c' was not found" })).await;
    let failure = client(&server).send(&GetBranch { branch: "a/../b?c".to_owned() }).await.unwrap_err();
    assert_eq!(failure.status(), Some(404));
    assert_eq!(server.only_request().target, "GET /api/v1/admin/branches/a%2F..%2Fb%3Fc");
}

#[tokio::test]
async fn an_operation_says_how_far_it_is() {
    let server = Answers::with(200, operation()).await;
    let found = client(&server).send(&GetOperation { id: OPERATION.parse().unwrap() }).await.unwrap().output;
    assert_eq!((found.status, found.steps[1].done, found.steps[1].total), (Progress::Running, Some(5), Some(9)));
    assert_eq!(server.only_request().target, format!("GET /api/v1/admin/operations/{OPERATION}"));
}

#[tokio::test]
async fn a_history_is_read() {
    let entry = json!({ "branch_id": BRANCH, "at": "2026-01-02T03:04:05Z", "actor": "fluxbase", "action": "created", "detail": null });
    let server = Answers::with(200, json!({ "items": [entry], "next_cursor": null })).await;
    let page = client(&server).send(&ListBranchActivity { branch: "x".to_owned(), page: PageRequest::default() }).await.unwrap().output;
    assert_eq!((page.items[0].actor.as_str(), page.items[0].action.as_str()), ("fluxbase", "created"));
    assert_eq!(server.only_request().target, "GET /api/v1/admin/branches/x/activity?limit=100");
}

#[tokio::test]
async fn what_only_a_look_into_the_database_tells_is_read_too() {
    let mut document = branch("ready");
    document["protected"] = json!(true);
    document["github"] = json!({ "repository": "octo/repo", "pr_number": 7 });
    document["previous"] = json!({ "generation": 2, "until": "2026-01-02T03:14:05Z", "data_as_of": null });
    document["health"] = json!({ "reachable": true, "size_bytes": 5, "connections": 1, "last_used_at": null });
    document["database"] = json!("b_x_g3");
    document["migrations"] = json!({ "applied": 1, "pending": 2, "drift": true });
    let server = Answers::with(200, document).await;
    let found = client(&server).send(&GetBranch { branch: "x".to_owned() }).await.unwrap().output;
    assert!(found.branch.protected && found.migrations.unwrap().drift == Some(true));
    assert_eq!((found.branch.pull_request.unwrap().number, found.health.unwrap().size_bytes), (7, Some(5)));
    assert_eq!(found.branch.previous.unwrap().generation.number(), 2);
    assert_eq!(found.database.unwrap().as_str(), "b_x_g3");
}

#[tokio::test]
async fn each_command_goes_to_its_route_with_what_was_said() {
    let files = vec![domain::operation::NamedText { name: "1_a.sql".to_owned(), text: "select 1".to_owned() }];
    let begun = json!({ "branch": branch("ready"), "operation": operation() });
    let x = || "x".to_owned();
    macro_rules! goes {
        ($command:expr, $answer:expr, $target:expr, $body:expr) => {{
            let server = Answers::with(202, $answer).await;
            client(&server).send(&$command).await.unwrap();
            let asked = server.only_request();
            assert_eq!(asked.target, $target);
            let body = if asked.body.is_empty() { Value::Null } else { asked.json() };
            assert_eq!(body, $body);
        }};
    }
    goes!(ResetBranch { branch: x(), seeds: None, max_age: None }, begun.clone(), "POST /api/v1/admin/branches/x/reset", json!({}));
    goes!(UndoReset { branch: x() }, begun.clone(), "POST /api/v1/admin/branches/x/undo", Value::Null);
    let seeds = Some(vec!["1_a.sql".to_owned()]);
    goes!(SeedBranch { branch: x(), seeds }, begun.clone(), "POST /api/v1/admin/branches/x/seed", json!({ "seeds": ["1_a.sql"] }));
    goes!(
        MigrateBranch { branch: x(), files, whole: true, dry_run: true, allow_out_of_order: false },
        begun.clone(),
        "POST /api/v1/admin/branches/x/migrate",
        json!({ "files": [{ "name": "1_a.sql", "sql": "select 1" }], "whole": true, "dry_run": true })
    );
    goes!(ProveDiff { branch: x(), target: Some("main".to_owned()) }, begun, "POST /api/v1/admin/branches/x/diff", json!({ "target": "main" }));
    goes!(
        UpdateBranch { branch: x(), name: None, expires_in: Some(None), protected: Some(true) },
        branch("ready"),
        "PATCH /api/v1/admin/branches/x",
        json!({ "expires_in": null, "protected": true })
    );
    let id = OPERATION.parse().unwrap();
    goes!(CancelOperation { id }, operation(), format!("POST /api/v1/admin/operations/{OPERATION}/cancel"), Value::Null);
}
