//! The tools of branches and their operations.

use crate::house::{ALL, BRANCH_WRITER, House, READ_ONLY, READER, answering, kept, told, unguarded};
use async_trait::async_trait;
use domain::{
    Branch, BranchId, BranchState, BranchType, DataCloneMode, Failure, Generation, Operation, OperationId, OperationKind, UserId,
    operation::{OperationError, Progress},
    page::Page,
    schema::{Fingerprint, SchemaDiff},
};
use ports::driving::{
    BranchDetails, BranchDiff, BranchHealth, CreateBranch, DeleteBranch, MigrateBranch, MigrationCounts, OperationFeed, ResetBranch, StartedDelete,
    StartedOperation,
};
use serde_json::{Value, json};
use std::collections::VecDeque;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) fn branch(status: &str) -> Branch {
    let (operation, generation) = (OperationId::from_uuid(Uuid::nil()), Generation::FIRST);
    Branch {
        id: BranchId::from_uuid(Uuid::from_u128(7)),
        name: "Feature/A".parse().unwrap(),
        slug: "feature-a".parse().unwrap(),
        branch_type: BranchType::Preview,
        clone_mode: DataCloneMode::SchemaOnly,
        parent_id: Some(BranchId::from_uuid(Uuid::nil())),
        created_by: None,
        created_at: OffsetDateTime::UNIX_EPOCH,
        updated_at: OffsetDateTime::UNIX_EPOCH,
        expires_at: None,
        withheld: Vec::new(),
        data_as_of: None,
        protected: false,
        pull_request: None,
        grants: Vec::new(),
        previous: None,
        state: match status {
            "creating" => BranchState::Creating { operation, generation },
            "deleting" => BranchState::Deleting { operation, generation: None },
            _ => BranchState::Ready { generation },
        },
    }
}

pub(crate) fn operation(kind: OperationKind, status: Progress) -> Operation {
    let branch = BranchId::from_uuid(Uuid::from_u128(7));
    Operation { status, ..Operation::queued(OperationId::from_uuid(Uuid::nil()), kind, branch, OffsetDateTime::UNIX_EPOCH) }
}

fn deleting() -> StartedDelete {
    StartedDelete { branch: branch("deleting"), operation: operation(OperationKind::DeleteBranch, Progress::Queued), descendants: Vec::new() }
}

struct States(VecDeque<Operation>);

#[async_trait]
impl OperationFeed for States {
    async fn next(&mut self) -> Result<Option<Operation>, Failure> {
        match self.0.pop_front() {
            Some(operation) => Ok(Some(operation)),
            // Nothing happens any more.
            None => std::future::pending().await,
        }
    }
}

fn feed(kind: OperationKind, states: &[Progress]) -> Box<dyn OperationFeed> {
    Box::new(States(states.iter().map(|status| operation(kind, *status)).collect()))
}

pub(crate) fn content(answer: &Value) -> Value {
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let content = answer["result"]["structuredContent"].clone();
    assert_eq!(serde_json::from_str::<Value>(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap(), content);
    content
}

#[tokio::test]
async fn a_branch_is_made_at_once_and_the_answer_says_how_to_go_on() {
    let (asked, seen) = kept();
    let house = House::new().branches(|ports| {
        ports.create_branch = answering(move |command: CreateBranch| {
            asked.lock().unwrap().push(command);
            Ok(StartedOperation { branch: branch("creating"), operation: operation(OperationKind::CreateBranch, Progress::Queued) })
        });
    });
    let arguments = json!({"name": "Feature/A", "data_clone_mode": "seed_data", "seeds": ["1.sql"], "max_age": "1h", "expires_in": "2d"});
    let made = content(&house.open().call(ALL, "create_branch", arguments).await);
    assert_eq!((&made["branch"]["slug"], &made["branch"]["status"]), (&json!("feature-a"), &json!("creating")));
    assert!(made["operation"]["next"].as_str().unwrap().contains("get_operation"), "{made}");
    let command = seen.lock().unwrap().pop().unwrap();
    assert_eq!((command.clone_mode, command.seeds.unwrap().len()), (Some(DataCloneMode::SeedData), 1));
    assert!(command.max_age.is_some() && command.expires_in.is_some());
}

#[tokio::test]
async fn who_waits_gets_the_branch_as_it_then_is() {
    // Who may begin it may wait for it, and need not have read:branches.
    for key in [ALL, BRANCH_WRITER] {
        let house = House::new().branches(|ports| {
            ports.create_branch = answering(|_: CreateBranch| {
                Ok(StartedOperation { branch: branch("creating"), operation: operation(OperationKind::CreateBranch, Progress::Queued) })
            });
            ports.follow_started = unguarded(|_| Ok(feed(OperationKind::CreateBranch, &[Progress::Running, Progress::Succeeded])));
            ports.branch_of_started = unguarded(|_| Ok(BranchDetails { branch: branch("ready"), database: None, health: None, migrations: None }));
        });
        let made = content(&house.open().call(key, "create_branch", json!({"name": "a", "wait": 30})).await);
        assert_eq!((&made["branch"]["status"], &made["operation"]["status"]), (&json!("ready"), &json!("succeeded")), "{key}");
        assert!(made["operation"].get("next").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_has_an_end() {
    let house = || {
        House::new().branches(|ports| {
            ports.reset_branch = answering(|command: ResetBranch| {
                assert_eq!(command.branch, "feature-a");
                Ok(StartedOperation { branch: branch("ready"), operation: operation(OperationKind::ResetBranch, Progress::Queued) })
            });
            ports.follow_started = unguarded(|_| Ok(feed(OperationKind::ResetBranch, &[Progress::Queued, Progress::Running])));
            ports.branch_of_started = unguarded(|_| Ok(BranchDetails { branch: branch("ready"), database: None, health: None, migrations: None }));
        })
    };
    let started = content(&house().open().call(ALL, "reset_branch", json!({"branch": "feature-a", "wait": 5})).await);
    assert_eq!(started["operation"]["status"], "running");
    let refused = told(&house().open().call(ALL, "reset_branch", json!({"branch": "feature-a", "wait": 51})).await);
    assert_eq!(refused["faults"][0]["path"], "/wait");
}

#[tokio::test]
async fn a_branch_that_was_waited_away_is_deleted() {
    let house = House::new().branches(|ports| {
        ports.delete_branch = answering(|command: DeleteBranch| {
            assert!(command.force);
            Ok(deleting())
        });
        ports.follow_started = unguarded(|_| Ok(feed(OperationKind::DeleteBranch, &[Progress::Succeeded])));
        ports.branch_of_started = unguarded(|command: ports::driving::GetBranch| Err(Failure::not_found("branch", command.branch)));
    });
    let deleted = content(&house.open().call(ALL, "delete_branch", json!({"branch": "feature-a", "force": true, "wait": 1})).await);
    assert_eq!(deleted["branch"]["status"], "deleted");
}

#[tokio::test]
async fn what_goes_along_is_waited_for_too() {
    let (parent, child) = (OperationId::from_uuid(Uuid::nil()), OperationId::from_uuid(Uuid::from_u128(9)));
    let house = House::new().branches(move |ports| {
        ports.delete_branch = answering(move |_: DeleteBranch| {
            let mut along = StartedOperation { branch: branch("deleting"), operation: operation(OperationKind::DeleteBranch, Progress::Queued) };
            along.operation.id = child;
            Ok(StartedDelete { descendants: vec![along], ..deleting() })
        });
        // The parent ends long before its child does.
        ports.follow_started = unguarded(move |command: ports::driving::FollowOperation| {
            let states: &[Progress] = if command.id == parent { &[Progress::Succeeded] } else { &[Progress::Running, Progress::Succeeded] };
            let states = states.iter().map(|status| Operation { id: command.id, ..operation(OperationKind::DeleteBranch, *status) });
            let feed: Box<dyn OperationFeed> = Box::new(States(states.collect()));
            Ok(feed)
        });
        ports.branch_of_started = unguarded(|command: ports::driving::GetBranch| Err(Failure::not_found("branch", command.branch)));
    });
    let client = house.open();
    for (wait, status) in [(0, "queued"), (1, "succeeded")] {
        let deleted = content(&client.call(ALL, "delete_branch", json!({"branch": "feature-a", "force": true, "wait": wait})).await);
        let told: Vec<_> = deleted["operations"].as_array().unwrap().iter().map(|one| (one["id"].clone(), one["status"].clone())).collect();
        assert_eq!(told, [parent, child].map(|id| (json!(id.to_string()), json!(status))), "{deleted}");
    }
}

#[tokio::test]
async fn who_waited_for_a_bad_end_is_told_so_as_an_error() {
    for (end, is_error) in [(Progress::Failed, true), (Progress::Cancelled, true), (Progress::Succeeded, false)] {
        let house = House::new().branches(move |ports| {
            ports.reset_branch =
                answering(|_| Ok(StartedOperation { branch: branch("ready"), operation: operation(OperationKind::ResetBranch, Progress::Queued) }));
            ports.follow_started = unguarded(move |_| {
                let error = (end == Progress::Failed).then(|| OperationError::new("no_room", "the disk is full"));
                let feed: Box<dyn OperationFeed> = Box::new(States([Operation { error, ..operation(OperationKind::ResetBranch, end) }].into()));
                Ok(feed)
            });
            ports.branch_of_started = unguarded(|_| Ok(BranchDetails { branch: branch("ready"), database: None, health: None, migrations: None }));
        });
        let result = house.open().call(ALL, "reset_branch", json!({"branch": "x", "wait": 1})).await["result"].clone();
        assert_eq!(result["isError"], is_error, "{result}");
        let told: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!((&told["operation"]["status"], &told), (&json!(end.name()), &result["structuredContent"]));
        if end == Progress::Failed {
            assert_eq!(told["operation"]["error"]["message"], "the disk is full");
        }
    }
}

#[tokio::test]
async fn migrations_come_with_the_call_and_a_failure_tells_its_place() {
    let house = House::new().branches(|ports| {
        ports.migrate_branch = answering(|command: MigrateBranch| {
            assert_eq!((command.files[0].name.as_str(), command.files[0].text.as_str(), command.dry_run), ("1_a.sql", "select 1", true));
            Ok(StartedOperation { branch: branch("ready"), operation: operation(OperationKind::MigrateBranch, Progress::Queued) })
        });
        ports.get_operation = answering(|_| {
            let error = OperationError { file: Some("1_a.sql".to_owned()), line: Some(3), ..OperationError::new("statement_failed", "no") };
            Ok(Operation { error: Some(error), ..operation(OperationKind::MigrateBranch, Progress::Failed) })
        });
    });
    let client = house.open();
    let arguments = json!({"branch": "x", "files": [{"name": "1_a.sql", "sql": "select 1"}], "dry_run": true});
    let started = content(&client.call(ALL, "migrate_branch", arguments).await);
    let failed = content(&client.call(ALL, "get_operation", json!({"id": started["operation"]["id"]})).await);
    assert_eq!((&failed["status"], &failed["error"]["line"]), (&json!("failed"), &json!(3)));
    let missing = told(&client.call(ALL, "get_operation", json!({"id": "none"})).await);
    assert_eq!(missing["code"], "not_found");
    // However many: the schema is held to the first of them.
    for count in [667, 3000] {
        let files = vec![json!({"name": "1_a.sql", "sql": "select 1"}); count];
        content(&client.call(ALL, "migrate_branch", json!({"branch": "x", "files": files, "dry_run": true})).await);
    }
    let refused = told(&client.call(ALL, "migrate_branch", json!({"branch": "x", "files": [{"name": "1_a.sql"}]})).await);
    assert_eq!(refused["code"], "invalid_arguments");
}

#[tokio::test]
async fn branches_are_listed_shown_and_compared() {
    let house = House::new().branches(|ports| {
        ports.list_branches = answering(|command: ports::driving::ListBranches| {
            Ok(Page { items: vec![branch("ready")], next_cursor: (command.page.limit == 1).then(|| "c".to_owned()) })
        });
        ports.get_branch = answering(|_| {
            let migrations = Some(MigrationCounts { applied: 1, pending: 2, drift: Some(false) });
            let health = BranchHealth { reachable: true, size_bytes: Some(7), connections: Some(1), last_used_at: Some(OffsetDateTime::UNIX_EPOCH) };
            let of = Branch { created_by: Some(UserId::from_uuid(Uuid::from_u128(3))), ..branch("ready") };
            Ok(BranchDetails { branch: of, database: None, health: Some(health), migrations })
        });
        ports.diff_branches = answering(|command: ports::driving::DiffBranches| {
            let target = command.target.as_deref().unwrap_or("main").parse().unwrap();
            Ok(BranchDiff { source: command.branch.parse().unwrap(), target, diff: SchemaDiff::equal(Fingerprint::from_text("ab")), text: None })
        });
    });
    let client = house.open();
    let listed = content(&client.call(READ_ONLY, "list_branches", json!({"limit": 1})).await);
    assert_eq!((&listed["branches"][0]["slug"], &listed["nextCursor"]), (&json!("feature-a"), &json!("c")));
    let shown = content(&client.call(READ_ONLY, "get_branch", json!({"branch": "feature-a"})).await);
    assert_eq!(shown["migrations"], json!({"applied": 1, "pending": 2, "drift": false}));
    let moment = "1970-01-01T00:00:00Z";
    assert_eq!(shown["health"], json!({"reachable": true, "size_bytes": 7, "connections": 1, "last_used_at": moment}));
    assert_eq!((&shown["created_by"], &shown["updated_at"]), (&json!(Uuid::from_u128(3).to_string()), &json!(moment)));
    assert_eq!((&shown["generation"], &shown["withheld"]), (&json!(1), &json!([])));
    assert_eq!((&listed["branches"][0]["generation"], &listed["branches"][0]["updated_at"]), (&json!(1), &json!(moment)));
    let diff = content(&client.call(READ_ONLY, "diff_branches", json!({"branch": "feature-a", "target": "other"})).await);
    assert_eq!((&diff["source_fingerprint"], &diff["target_fingerprint"]), (&json!("ab"), &json!("ab")));
    assert_eq!((&diff["target"], &diff["script"], &diff["summary"]["added"]), (&json!("other"), &json!(""), &json!(0)));
    let read = client.ask(READ_ONLY, "resources/read", json!({"uri": "fluxbase://branches"})).await;
    let text = read["result"]["contents"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap()["branches"][0]["slug"], "feature-a");
    let refused = client.call(READER, "list_branches", json!({})).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
}

#[tokio::test]
async fn answers_are_what_the_output_schemas_say() {
    let house = House::new().branches(|ports| {
        ports.list_branches = answering(|_| Ok(Page { items: vec![branch("ready")], next_cursor: None }));
        ports.get_branch = answering(|_| Ok(BranchDetails { branch: branch("ready"), database: None, health: None, migrations: None }));
        ports.get_operation = answering(|_| Ok(operation(OperationKind::ResetBranch, Progress::Running)));
        ports.delete_branch = answering(|_| Ok(deleting()));
    });
    let client = house.open();
    let tools = client.ask(ALL, "tools/list", json!({})).await;
    for (tool, arguments) in [
        ("list_branches", json!({})),
        ("get_branch", json!({"branch": "x"})),
        ("get_operation", json!({"id": Uuid::nil().to_string()})),
        ("delete_branch", json!({"branch": "x"})),
    ] {
        let schema = &tools["result"]["tools"].as_array().unwrap().iter().find(|known| known["name"] == tool).unwrap()["outputSchema"];
        let answer = client.call(ALL, tool, arguments).await;
        jsonschema::validate(schema, &answer["result"]["structuredContent"]).unwrap();
    }
}
