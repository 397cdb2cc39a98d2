//! What the life of a branch is asked for, and what must hold whenever nothing is under way.

use crate::world::{PATIENCE, World};
use fluxbase_tests::{Answer, TestServer, eventually};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::task::JoinSet;

/// A request about a branch, as the owner: `ask_of(server, "victim", "reset", &json!({}))`; `delete` deletes.
pub(crate) async fn ask_of(server: &TestServer, slug: &str, what: &str, body: &Value) -> Answer {
    Answer::to(request_of(server, slug, what, body)).await
}

/// The same, not sent yet.
pub(crate) fn request_of(server: &TestServer, slug: &str, what: &str, body: &Value) -> RequestBuilder {
    let (method, path) = match what {
        "delete" => (Method::DELETE, format!("admin/branches/{slug}")),
        "delete by force" => (Method::DELETE, format!("admin/branches/{slug}?force=true")),
        _ => (Method::POST, format!("admin/branches/{slug}/{what}")),
    };
    let request = server.rest(method, &path, &server.owner_key());
    if what.starts_with("delete") { request } else { request.json(body) }
}

/// Sends all of these at once. Answers come in whatever order they were given.
pub(crate) async fn at_once(requests: impl IntoIterator<Item = RequestBuilder>) -> Vec<Answer> {
    requests.into_iter().map(Answer::to).collect::<JoinSet<_>>().join_all().await
}

/// Files as a migrate takes them.
pub(crate) fn files(files: &[(&str, &str)]) -> Value {
    json!({"files": files.iter().map(|(name, sql)| json!({"name": name, "sql": sql})).collect::<Vec<_>>()})
}

impl World {
    /// Asks for a branch with any body, which must be accepted, and gives the operation's id.
    pub(crate) async fn begin_create(&self, body: &Value) -> String {
        begun(&self.ask(Method::POST, "admin/branches", body).await)
    }

    /// Begins something on a branch, which must be accepted: the operation's id.
    pub(crate) async fn begin(&self, slug: &str, what: &str, body: &Value) -> String {
        begun(&ask_of(&self.server, slug, what, body).await)
    }

    /// The operation, once nothing more will happen to it.
    pub(crate) async fn outcome(&self, operation: &str) -> Value {
        outcome_at(&self.server, &self.server.owner_key(), operation).await
    }

    /// How often the operation was claimed.
    pub(crate) async fn fence(&self, operation: &str) -> i64 {
        let fence = sqlx::query_scalar("select fence from branching.operations where id = $1::uuid").bind(operation);
        fence.fetch_one(&self.pool).await.unwrap()
    }

    /// The operation, once it has succeeded, as it must.
    pub(crate) async fn succeeded(&self, operation: &str) -> Value {
        let outcome = self.outcome(operation).await;
        assert_eq!(outcome["status"], "succeeded", "{outcome}\n{}", self.server.stderr());
        outcome
    }

    /// Begins an operation and waits until it ended well.
    pub(crate) async fn done(&self, slug: &str, what: &str, body: &Value) -> Value {
        let operation = self.begin(slug, what, body).await;
        self.succeeded(&operation).await
    }

    /// A branch as its JSON says.
    pub(crate) async fn branch(&self, slug: &str) -> Value {
        let answer = self.server.get(&format!("admin/branches/{slug}"), &self.server.owner_key()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Writes a tree as requests do.
    pub(crate) async fn plant(&self, id: i32, branch: &str) {
        let request = self.server.rest(Method::POST, "tables/trees", &self.server.owner_key()).header("X-Fluxbase-Branch", branch);
        let answer = Answer::to(request.json(&json!({"id": id, "kind": "planted"}))).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Waits until nothing is under way, what is discarded after a while included.
    pub(crate) async fn settles(&self) {
        eventually("every operation ends", PATIENCE, async || {
            let open =
                sqlx::query_scalar::<_, i64>("select count(*) from branching.operations where finished_at is null").fetch_one(&self.pool).await;
            open.is_ok_and(|open| open == 0)
        })
        .await;
    }

    /// The databases that are there are those of these branches and generations, and no login is without its database.
    pub(crate) async fn holds_just(&self, branches: &[(&str, u32)]) {
        let expected = self.databases_of(branches);
        // The stock's keeper makes its databases under a name like that of a half-built one.
        eventually(&format!("the databases are {expected:?}"), PATIENCE / 6, async || self.databases().await == expected).await;
        self.has_no_stray_login().await;
    }

    /// Every login of a branch's database has that database, and every branch's own login its branch.
    pub(crate) async fn has_no_stray_login(&self) {
        let mut stray = BTreeSet::new();
        eventually("every login has its database", PATIENCE / 6, async || {
            stray = self.stray_logins().await;
            stray.is_empty()
        })
        .await;
    }

    async fn stray_logins(&self) -> BTreeSet<String> {
        // Names of logins do not tell of which database they are. There may be as many as there are generations, and those that a database of the stock
        // lets in.
        let (sets, databases): (Vec<String>, i64) = sqlx::query_as(
            "with instance as (select left(id::text, 8) as short from fluxbase.instance),
                  login as (select right(rolname, 12) as of, oid from pg_roles, instance where rolname ~ format('^fluxbase_%s_(user|service|builder)_[0-9a-f]{12}$', short)),
                  elsewhere as (select distinct login.of from pg_database d cross join aclexplode(d.datacl) a join login on login.oid = a.grantee
                                 where not starts_with(d.datname, $1))
             select coalesce(array_agg(distinct login.of) filter (where login.of not in (select elsewhere.of from elsewhere)), '{}'),
                    (select count(*) from pg_database where starts_with(datname, $1))
               from login",
        )
        .bind(&self.prefix)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        let of_branches: Vec<String> = sqlx::query_scalar(
            "select rolname::text from pg_roles, (select left(id::text, 8) as short from fluxbase.instance) instance
              where rolname ~ format('^fluxbase_%s_b_[0-9a-f]{8}$', short)
                and not exists (select from branching.branches where status <> 'deleted' and left(id::text, 8) = right(rolname, 8))",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let too_many = i64::try_from(sets.len()).unwrap() > databases;
        of_branches.into_iter().chain(too_many.then(|| format!("logins {sets:?} of {databases} databases"))).collect()
    }
}

/// An operation as this server tells whoever shows this credential, once nothing more will happen to it.
pub(crate) async fn outcome_at(server: &TestServer, credential: &str, operation: &str) -> Value {
    let mut last = Value::Null;
    eventually(&format!("operation {operation} ends"), PATIENCE, async || {
        let answer = server.get(&format!("admin/operations/{operation}"), credential).await;
        // The metadata database may be away for a while.
        last = if answer.status.is_server_error() { Value::Null } else { answer.json() };
        !last["finished_at"].is_null()
    })
    .await;
    last
}

/// The operation's id, of an answer that must have accepted it.
#[track_caller]
pub(crate) fn begun(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["operation"]["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}
