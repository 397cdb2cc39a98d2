//! Everything that REST answers to, put together.

use crate::{
    body::BodyLimit,
    control::{
        ApiKeys, Audit, BranchAccess, Branches, Contract, Diffs, Health, Ledger, LifeCycle, METHODS, Migrations, Operations, Readiness, Schema,
        ServiceKeys, Sessions, Users, not_allowed,
    },
    openapi::{Control, PAGE_POLICY, openapi_document, page, service},
    tables::{PREFIX, Tables},
};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use poem::{Body, Endpoint, EndpointExt, IntoEndpoint, Request, Response, Result, Route, endpoint::make_sync};
use ports::{
    driven::CursorSeal,
    driving::{
        Authenticator, BaselineMigrations, CancelOperation, CreateApiKey, CreateBranch, CreateServiceKey, CreateUser, DeleteBranch, DeleteRecord,
        DescribeTable, DiffBranches, FollowOperation, GetBranch, GetConnection, GetCurrentUser, GetOperation, GrantBranchAccess, InsertRecord,
        IssueConnection, ListApiKeys, ListAudit, ListBranchAccess, ListBranchActivity, ListBranches, ListMigrations, ListServiceKeys, ListTables,
        ListUsers, MigrateBranch, PromoteUser, ProveDiff, QueryTable, RefreshSession, RepairMigration, ResetBranch, RevokeApiKey, RevokeBranchAccess,
        RevokeServiceKey, SeedBranch, SignIn, SignOut, SignUp, UndoReset, UnreadRequests, UpdateBranch, UpdateRecord, UseCase,
    },
};
use std::sync::{Arc, OnceLock};

macro_rules! rest_ports {
    ($($field:ident: $command:ident,)*) => {
        /// What REST asks of the house: a use case for every action.
        #[derive(Clone)]
        pub struct RestPorts {
            /// Who is asking.
            pub authenticator: Arc<dyn Authenticator>,
            /// Whether requests can be answered now.
            pub readiness: Arc<dyn Readiness>,
            /// Where next pages begin.
            pub cursors: Arc<dyn CursorSeal>,
            /// Who is told of requests on tables that no use case sees.
            pub unread: Arc<dyn UnreadRequests>,
            $(
                #[doc = concat!("Carries out [`", stringify!($command), "`].")]
                pub $field: Arc<dyn UseCase<$command>>,
            )*
        }

        #[cfg(test)]
        impl RestPorts {
            /// Ports whose use cases are not to be reached.
            pub(crate) fn unreached(authenticator: Arc<dyn Authenticator>, readiness: Arc<dyn Readiness>) -> Self {
                let (cursors, unread) = (crate::testing::cursors(), Arc::new(crate::testing::Admitting));
                Self { authenticator, readiness, cursors, unread, $($field: Arc::new(crate::testing::Unreached),)* }
            }
        }
    };
}

rest_ports! {
    query_table: QueryTable,
    insert_record: InsertRecord,
    update_record: UpdateRecord,
    delete_record: DeleteRecord,
    list_tables: ListTables,
    describe_table: DescribeTable,
    sign_up: SignUp,
    sign_in: SignIn,
    refresh_session: RefreshSession,
    sign_out: SignOut,
    get_current_user: GetCurrentUser,
    create_api_key: CreateApiKey,
    list_api_keys: ListApiKeys,
    revoke_api_key: RevokeApiKey,
    create_service_key: CreateServiceKey,
    list_service_keys: ListServiceKeys,
    revoke_service_key: RevokeServiceKey,
    create_user: CreateUser,
    promote_user: PromoteUser,
    list_users: ListUsers,
    list_audit: ListAudit,
    create_branch: CreateBranch,
    list_branches: ListBranches,
    get_branch: GetBranch,
    update_branch: UpdateBranch,
    delete_branch: DeleteBranch,
    reset_branch: ResetBranch,
    undo_reset: UndoReset,
    seed_branch: SeedBranch,
    migrate_branch: MigrateBranch,
    diff_branches: DiffBranches,
    prove_diff: ProveDiff,
    list_branch_access: ListBranchAccess,
    grant_branch_access: GrantBranchAccess,
    revoke_branch_access: RevokeBranchAccess,
    issue_connection: IssueConnection,
    get_connection: GetConnection,
    list_branch_activity: ListBranchActivity,
    list_migrations: ListMigrations,
    repair_migration: RepairMigration,
    baseline_migrations: BaselineMigrations,
    get_operation: GetOperation,
    follow_operation: FollowOperation,
    cancel_operation: CancelOperation,
}

/// Bytes of a body that is neither rows nor files, at most. Taken apart it is many times as large, and who signs in has shown no credential.
const MAX_CONTROL_BODY: usize = 256 * 1024;

/// Renders the metrics in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What can be set.
#[derive(Clone)]
pub struct RestSettings {
    /// Bytes of a request's body at most.
    pub max_body_bytes: usize,
    /// `<slug>.<branch_domain>` names a branch by the host name.
    pub branch_domain: Option<String>,
    /// Whether tables of the schema `public` can be reached.
    pub serves_public: bool,
    /// What `/metrics` gives; without it there is no such route.
    pub render_metrics: Option<RenderMetrics>,
}

impl Default for RestSettings {
    fn default() -> Self {
        Self { max_body_bytes: 10 * 1024 * 1024, branch_domain: None, serves_public: true, render_metrics: None }
    }
}

/// REST, with room for other doors beside it. Put an [`crate::Edge`] around it.
pub struct Rest {
    tables: Tables,
    beside: Route,
}

/// Puts REST together.
pub fn routes(ports: RestPorts, settings: RestSettings) -> Rest {
    let RestSettings { max_body_bytes, branch_domain, serves_public, render_metrics } = settings;
    let authenticator = ports.authenticator.clone();
    let tables = Tables {
        authenticator: ports.authenticator.clone(),
        cursors: ports.cursors.clone(),
        unread: ports.unread.clone(),
        query_table: ports.query_table.clone(),
        insert_record: ports.insert_record.clone(),
        update_record: ports.update_record.clone(),
        delete_record: ports.delete_record.clone(),
        max_body_bytes,
        branch_domain: branch_domain.clone(),
    };
    let limit = BodyLimit { plain: max_body_bytes.min(MAX_CONTROL_BODY), large: max_body_bytes };
    let control = service(control(ports, branch_domain, serves_public)).into_endpoint().data(authenticator).data(limit);
    let mut beside = Route::new()
        .at("/openapi.json", ReadOnly(fixed("application/json", openapi_document)))
        .at("/docs", ReadOnly(fixed("text/html; charset=utf-8", page)))
        .nest_no_strip("/", control);
    if let Some(render) = render_metrics {
        beside = beside.at("/metrics", ReadOnly(make_sync(move |_| Response::builder().content_type("text/plain; version=0.0.4").body(render()))));
    }
    Rest { tables, beside }
}

fn control(ports: RestPorts, branch_domain: Option<String>, serves_public: bool) -> Control {
    (
        Contract(Schema { list_tables: ports.list_tables, describe_table: ports.describe_table, branch_domain: branch_domain.clone() }),
        Contract(Sessions {
            sign_up: ports.sign_up,
            sign_in: ports.sign_in,
            refresh_session: ports.refresh_session,
            sign_out: ports.sign_out,
            get_current_user: ports.get_current_user,
        }),
        Contract(ApiKeys { create: ports.create_api_key, list: ports.list_api_keys, revoke: ports.revoke_api_key, serves_public }),
        Contract(ServiceKeys { create: ports.create_service_key, list: ports.list_service_keys, revoke: ports.revoke_service_key }),
        Contract(Users { create: ports.create_user, promote: ports.promote_user, list: ports.list_users }),
        Contract(Audit { list: ports.list_audit }),
        Contract(Branches {
            create: ports.create_branch,
            list: ports.list_branches,
            get: ports.get_branch,
            update: ports.update_branch,
            delete: ports.delete_branch,
            activity: ports.list_branch_activity,
        }),
        Contract(LifeCycle { reset: ports.reset_branch, undo: ports.undo_reset, seed: ports.seed_branch, migrate: ports.migrate_branch }),
        Contract(Diffs { diff: ports.diff_branches, prove: ports.prove_diff }),
        Contract(BranchAccess {
            list: ports.list_branch_access,
            grant: ports.grant_branch_access,
            revoke: ports.revoke_branch_access,
            issue_connection: ports.issue_connection,
            get_connection: ports.get_connection,
        }),
        Contract(Migrations { list: ports.list_migrations, branch_domain }),
        Contract(Ledger { repair: ports.repair_migration, baseline: ports.baseline_migrations }),
        Contract(Operations { get: ports.get_operation, follow: ports.follow_operation, cancel: ports.cancel_operation }),
        Contract(Health { readiness: ports.readiness }),
    )
}

/// A document that is made when somebody first asks for it.
fn fixed(content_type: &'static str, make: fn() -> String) -> impl Endpoint + 'static {
    let document = OnceLock::new();
    make_sync(move |_| {
        let body = document.get_or_init(|| Bytes::from(make())).clone();
        let response = Response::builder().content_type(content_type);
        response.header(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)).body(Body::from_bytes(body))
    })
}

/// Something that can be read, and nothing else.
struct ReadOnly<E>(E);

impl<E: Endpoint> Endpoint for ReadOnly<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> Result<E::Output> {
        match *request.method() {
            Method::GET | Method::HEAD => self.0.call(request).await,
            _ => Err(not_allowed("GET, HEAD").into()),
        }
    }
}

impl Rest {
    /// Puts another door beside it, such as `/mcp`; the prefix is taken off before it sees a request.
    #[must_use]
    pub fn nest<E>(self, path: &str, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        Self { beside: self.beside.nest(path, endpoint), ..self }
    }
}

impl Endpoint for Rest {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        // Rows are what is asked for most: they do not go through the router.
        if request.uri().path().starts_with(PREFIX) {
            return Ok(self.tables.answer(request).await?);
        }
        // A method that nobody knows is refused as one that no route has: with those that there are.
        if !METHODS.contains(request.method()) {
            request.set_method(Method::TRACE);
        }
        self.beside.call(request).await
    }
}

#[cfg(test)]
mod tests;
