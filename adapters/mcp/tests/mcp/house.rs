//! A house of mocks, and a client that talks to it.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    Action, Failure, Principal, Role, Scope, Scopes,
    access::{PrincipalKind, Restrictions},
};
use fluxbase_mcp::{McpBranchPorts, McpPorts, McpSettings, endpoint};
use poem::{
    Endpoint, Route,
    test::{TestClient, TestRequestBuilder, TestResponse},
};
use ports::{
    driven::{Document, MockIds, Rows, Written},
    driving::{
        Authenticator, Command, Credentials, DeleteRecord, DescribeTable, InsertRecord, ListTables, QueryTable, UnreadRequests, UpdateRecord, UseCase,
    },
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// The keys that the house knows.
pub(crate) const ALL: &str = "fb_pk_all";
pub(crate) const READER: &str = "fb_pk_reader";
pub(crate) const BRANCH_WRITER: &str = "fb_pk_branch_writer";
pub(crate) const READ_ONLY: &str = "fb_pk_read_only";
pub(crate) const NOBODY: &str = "fb_pk_nobody";
pub(crate) const OTHER: &str = "fb_pk_other";
pub(crate) const OF_NO_USER: &str = "fb_pk_of_no_user";
pub(crate) const PINNED: &str = "fb_pk_pinned";

fn principal(number: u128, scopes: Scopes, restrictions: Restrictions) -> Arc<Principal> {
    let kind = PrincipalKind::ApiKey(domain::access::KeyId::from_uuid(uuid::Uuid::from_u128(number)));
    let user_id = Some(domain::UserId::from_uuid(uuid::Uuid::from_u128(number)));
    Arc::new(Principal { kind, role: Role::Authenticated, user_id, scopes, restrictions, ..Principal::internal() })
}

struct Keys(HashMap<&'static str, Arc<Principal>>);

impl Keys {
    fn new() -> Self {
        let read_only = Restrictions { read_only: true, ..Restrictions::default() };
        let pinned = Restrictions { branch: Some("pr-1".parse().expect("a slug")), ..Restrictions::default() };
        let of_no_user = Principal { user_id: None, ..(*principal(6, Scopes::ALL, Restrictions::default())).clone() };
        Self(HashMap::from([
            (ALL, principal(1, Scopes::ALL, Restrictions::default())),
            (READER, principal(2, Scopes::NONE.with(Scope::ReadTables), Restrictions::default())),
            (READ_ONLY, principal(3, Scopes::ALL, read_only)),
            (NOBODY, principal(4, Scopes::NONE, Restrictions::default())),
            (OTHER, principal(5, Scopes::ALL, Restrictions::default())),
            (OF_NO_USER, Arc::new(of_no_user)),
            (BRANCH_WRITER, principal(8, Scopes::NONE.with(Scope::WriteBranches), Restrictions::default())),
            (PINNED, principal(7, Scopes::ALL, pinned)),
        ]))
    }
}

#[async_trait]
impl Authenticator for Keys {
    async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Principal>, Failure> {
        let key = credentials.api_key.as_deref().ok_or(Failure::Unauthenticated { reason: "no credential" })?;
        if key == "fb_pk_later" {
            return Err(Failure::unavailable("the database is not available", Some("10.0.0.1 is down".into())));
        }
        self.0.get(key).cloned().ok_or(Failure::Unauthenticated { reason: "the key is one digit off" })
    }
}

/// A use case that is guarded as the real ones are, and answers what a test says.
struct Guarded<C: Command>(Reply<C>);

/// A guarded use case that answers like this.
pub(crate) fn answering<C: Command>(reply: impl Fn(C) -> Result<C::Output, Failure> + Send + Sync + 'static) -> Arc<dyn UseCase<C>> {
    Arc::new(Guarded(Arc::new(reply)))
}

/// A use case that asks for no scope, and answers like this.
pub(crate) fn unguarded<C: Command>(reply: impl Fn(C) -> Result<C::Output, Failure> + Send + Sync + 'static) -> Arc<dyn UseCase<C>> {
    Arc::new(Unguarded(Arc::new(reply)))
}

struct Unguarded<C: Command>(Reply<C>);

#[async_trait]
impl<C: Command> UseCase<C> for Unguarded<C> {
    async fn run(&self, _: &domain::Caller, command: C) -> Result<C::Output, Failure> {
        (self.0)(command)
    }
}

type Reply<C> = Arc<dyn Fn(C) -> Result<<C as Command>::Output, Failure> + Send + Sync>;

#[async_trait]
impl<C: Command> UseCase<C> for Guarded<C> {
    async fn run(&self, caller: &domain::Caller, command: C) -> Result<C::Output, Failure> {
        caller.principal.authorize(C::ACTION)?;
        (self.0)(command)
    }
}

/// Lets every call that could not be read have its own answer, as far as the credential reaches, and keeps what it is told.
struct Admitting(Kept<(Action, String)>);

#[async_trait]
impl UnreadRequests for Admitting {
    async fn admit(&self, caller: &domain::Caller, action: Action, code: &str) -> Result<(), Failure> {
        self.0.lock().unwrap().push((action, code.to_owned()));
        Ok(caller.principal.authorize(action)?)
    }
}

fn not_expected<C: Command + std::fmt::Debug>() -> Reply<C> {
    Arc::new(|command| panic!("not expected: {command:?}"))
}

/// What the use cases answer.
pub(crate) struct House {
    ports: McpPorts,
    pub(crate) settings: McpSettings,
}

impl House {
    pub(crate) fn new() -> Self {
        let mut ids = MockIds::new();
        ids.expect_fresh().returning(|| uuid::Uuid::from_u128(9));
        let ports = McpPorts {
            authenticator: Arc::new(Keys::new()),
            ids: Arc::new(ids),
            cursors: Arc::new(auth::HmacCursorSeal::new([1; 32])),
            unread: Arc::new(Admitting(Kept::default())),
            query_table: Arc::new(Guarded(not_expected::<QueryTable>())),
            insert_record: Arc::new(Guarded(not_expected::<InsertRecord>())),
            update_record: Arc::new(Guarded(not_expected::<UpdateRecord>())),
            delete_record: Arc::new(Guarded(not_expected::<DeleteRecord>())),
            list_tables: Arc::new(Guarded(not_expected::<ListTables>())),
            describe_table: Arc::new(Guarded(not_expected::<DescribeTable>())),
            branches: Some(McpBranchPorts {
                list_branches: Arc::new(Guarded(not_expected())),
                get_branch: Arc::new(Guarded(not_expected())),
                diff_branches: Arc::new(Guarded(not_expected())),
                create_branch: Arc::new(Guarded(not_expected())),
                reset_branch: Arc::new(Guarded(not_expected())),
                migrate_branch: Arc::new(Guarded(not_expected())),
                delete_branch: Arc::new(Guarded(not_expected())),
                get_operation: Arc::new(Guarded(not_expected())),
                follow_operation: Arc::new(Guarded(not_expected())),
                follow_started: Arc::new(Unguarded(not_expected())),
                branch_of_started: Arc::new(Unguarded(not_expected())),
            }),
        };
        Self { ports, settings: McpSettings::default() }
    }

    pub(crate) fn query_by(mut self, use_case: impl UseCase<QueryTable> + 'static) -> Self {
        self.ports.query_table = Arc::new(use_case);
        self
    }

    pub(crate) fn query(self, reply: impl Fn(QueryTable) -> Result<Rows, Failure> + Send + Sync + 'static) -> Self {
        self.query_by(Guarded::<QueryTable>(Arc::new(reply)))
    }

    pub(crate) fn insert(mut self, reply: impl Fn(InsertRecord) -> Result<Written, Failure> + Send + Sync + 'static) -> Self {
        self.ports.insert_record = Arc::new(Guarded::<InsertRecord>(Arc::new(reply)));
        self
    }

    pub(crate) fn update(mut self, reply: impl Fn(UpdateRecord) -> Result<Written, Failure> + Send + Sync + 'static) -> Self {
        self.ports.update_record = Arc::new(Guarded::<UpdateRecord>(Arc::new(reply)));
        self
    }

    pub(crate) fn delete(mut self, reply: impl Fn(DeleteRecord) -> Result<Written, Failure> + Send + Sync + 'static) -> Self {
        self.ports.delete_record = Arc::new(Guarded::<DeleteRecord>(Arc::new(reply)));
        self
    }

    pub(crate) fn list(mut self, reply: impl Fn(ListTables) -> Result<ports::driving::TableList, Failure> + Send + Sync + 'static) -> Self {
        self.ports.list_tables = Arc::new(Guarded::<ListTables>(Arc::new(reply)));
        self
    }

    pub(crate) fn describe(
        mut self,
        reply: impl Fn(DescribeTable) -> Result<ports::driving::TableDescription, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.ports.describe_table = Arc::new(Guarded::<DescribeTable>(Arc::new(reply)));
        self
    }

    /// Keeps what the guards are told of calls that could not be read.
    pub(crate) fn keeping_unread(mut self, kept: Kept<(Action, String)>) -> Self {
        self.ports.unread = Arc::new(Admitting(kept));
        self
    }

    /// Sets use cases of branches.
    pub(crate) fn branches(mut self, set: impl FnOnce(&mut McpBranchPorts)) -> Self {
        set(self.ports.branches.as_mut().expect("there are tools of branches"));
        self
    }

    /// Branching is switched off.
    pub(crate) fn without_branches(mut self) -> Self {
        self.ports.branches = None;
        self
    }

    pub(crate) fn open(self) -> Client<impl Endpoint> {
        Client { http: TestClient::new(Route::new().nest("/mcp", endpoint(self.ports, &self.settings))) }
    }
}

/// Commands that a use case was given.
pub(crate) type Kept<T> = Arc<Mutex<Vec<T>>>;

/// Where a use case's commands are kept for a look at them: one end for the use case, one for the test.
pub(crate) fn kept<T>() -> (Kept<T>, Kept<T>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    (kept.clone(), kept)
}

/// A client with a key.
pub(crate) struct Client<E> {
    pub(crate) http: TestClient<E>,
}

impl<E: Endpoint> Client<E> {
    /// A request as clients send it, without its message.
    pub(crate) fn post(&self, key: &str) -> TestRequestBuilder<'_, E> {
        self.http.post("/mcp").header("host", "localhost:8080").header("x-api-key", key).content_type("application/json")
    }

    pub(crate) async fn send(&self, key: &str, message: &Value) -> TestResponse {
        self.post(key).body(message.to_string()).send().await
    }

    /// The answer to a message in one of the older revisions.
    pub(crate) async fn ask(&self, key: &str, method: &str, params: Value) -> Value {
        body(self.send(key, &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).await).await
    }

    pub(crate) async fn call(&self, key: &str, tool: &str, arguments: Value) -> Value {
        self.ask(key, "tools/call", json!({"name": tool, "arguments": arguments})).await
    }
}

pub(crate) async fn body(response: TestResponse) -> Value {
    let text = response.0.into_body().into_string().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The faults of an `isError` result, by their paths.
pub(crate) fn told(answer: &Value) -> Value {
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap()
}

pub(crate) struct Text {
    left: Option<Bytes>,
    rows: u64,
    truncated: bool,
}

#[async_trait]
impl Document for Text {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        Ok(self.left.take())
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}

pub(crate) fn document(text: &str, rows: u64, truncated: bool) -> Box<dyn Document> {
    Box::new(Text { left: Some(Bytes::copy_from_slice(text.as_bytes())), rows, truncated })
}

pub(crate) fn rows(text: &str, rows: u64) -> Rows {
    Rows { total: None, estimated: false, document: document(text, rows, false) }
}
