//! The tools and resources there are, and who is shown which.

use crate::{
    message::RpcError,
    resources::{BranchesResource, Resource, TableResource, TablesResource},
    scope::RequestScope,
    settings::McpSettings,
    tool::{AnyTool, CallError, Definition, Registered, ToolResult, log},
    tools::{
        CreateBranchTool, DeleteBranchTool, DeleteRecordTool, DescribeTableTool, DiffBranchesTool, GetBranchTool, GetOperationTool, InsertRecordTool,
        ListBranchesTool, ListTablesTool, MigrateBranchTool, QueryTableTool, ResetBranchTool, UpdateRecordTool, Waiting,
    },
};
use domain::{Action, Failure, Principal, catalogue::closest};
use ports::{
    driven::{CursorSeal, Ids},
    driving::{
        Authenticator, CreateBranch, DeleteBranch, DeleteRecord, DescribeTable, DiffBranches, FollowOperation, GetBranch, GetOperation, InsertRecord,
        ListBranches, ListTables, MigrateBranch, QueryTable, ResetBranch, UnreadRequests, UpdateRecord, UseCase,
    },
};
use serde_json::value::RawValue;
use std::sync::Arc;

/// What this transport asks of the house.
#[derive(Clone)]
pub struct McpPorts {
    /// Who is asking.
    pub authenticator: Arc<dyn Authenticator>,
    /// Request ids, where a request brings none.
    pub ids: Arc<dyn Ids>,
    /// Where next pages begin.
    pub cursors: Arc<dyn CursorSeal>,
    /// Who is told of calls that no use case sees.
    pub unread: Arc<dyn UnreadRequests>,
    /// `query_table`
    pub query_table: Arc<dyn UseCase<QueryTable>>,
    /// `insert_record`
    pub insert_record: Arc<dyn UseCase<InsertRecord>>,
    /// `update_record`
    pub update_record: Arc<dyn UseCase<UpdateRecord>>,
    /// `delete_record`
    pub delete_record: Arc<dyn UseCase<DeleteRecord>>,
    /// `list_tables`
    pub list_tables: Arc<dyn UseCase<ListTables>>,
    /// `describe_table`
    pub describe_table: Arc<dyn UseCase<DescribeTable>>,
    /// The tools of branches; `None` where branching is switched off, and then there are no such tools.
    pub branches: Option<McpBranchPorts>,
}

/// What the tools of branches ask of the house.
#[derive(Clone)]
pub struct McpBranchPorts {
    /// `list_branches`
    pub list_branches: Arc<dyn UseCase<ListBranches>>,
    /// `get_branch`
    pub get_branch: Arc<dyn UseCase<GetBranch>>,
    /// `diff_branches`
    pub diff_branches: Arc<dyn UseCase<DiffBranches>>,
    /// `create_branch`
    pub create_branch: Arc<dyn UseCase<CreateBranch>>,
    /// `reset_branch`
    pub reset_branch: Arc<dyn UseCase<ResetBranch>>,
    /// `migrate_branch`
    pub migrate_branch: Arc<dyn UseCase<MigrateBranch>>,
    /// `delete_branch`
    pub delete_branch: Arc<dyn UseCase<DeleteBranch>>,
    /// `get_operation`
    pub get_operation: Arc<dyn UseCase<GetOperation>>,
    /// What `get_operation` waits by.
    pub follow_operation: Arc<dyn UseCase<FollowOperation>>,
    /// What the tools that begin operations wait by: for what the same call began, so that it takes no further scope.
    pub follow_started: Arc<dyn UseCase<FollowOperation>>,
    /// What they then show the branch by, likewise.
    pub branch_of_started: Arc<dyn UseCase<GetBranch>>,
}

/// What there are tools for, whatever the settings say.
const TOOLS: [Action; 14] = [
    Action::CreateBranch,
    Action::DeleteBranch,
    Action::DeleteRecord,
    Action::DescribeTable,
    Action::DiffBranches,
    Action::GetBranch,
    Action::GetOperation,
    Action::InsertRecord,
    Action::ListBranches,
    Action::ListTables,
    Action::MigrateBranch,
    Action::QueryTable,
    Action::ResetBranch,
    Action::UpdateRecord,
];

/// The names of all tools, for settings that list them.
pub fn tool_names() -> impl Iterator<Item = &'static str> {
    TOOLS.into_iter().map(Action::name)
}

/// The URIs and templates of all resources, for settings that list them.
pub fn resource_uris() -> impl Iterator<Item = &'static str> {
    ["fluxbase://branches", "fluxbase://schema/tables", "fluxbase://schema/tables/{schema}/{table}"].into_iter()
}

/// The tools and resources that the settings allow.
pub(crate) struct Registry {
    /// In name order.
    tools: Vec<Box<dyn AnyTool>>,
    resources: Vec<Box<dyn Resource>>,
    unread: Arc<dyn UnreadRequests>,
}

impl Registry {
    /// Registers everything that the settings allow.
    pub(crate) fn new(ports: &McpPorts, settings: &McpSettings) -> Self {
        let max_bytes = settings.max_result_bytes;
        let query_table = QueryTableTool { use_case: ports.query_table.clone(), max_bytes, cursors: ports.cursors.clone() };
        let mut tools = vec![
            Registered::boxed(query_table),
            Registered::boxed(InsertRecordTool { use_case: ports.insert_record.clone(), max_bytes }),
            Registered::boxed(UpdateRecordTool { use_case: ports.update_record.clone(), max_bytes }),
            Registered::boxed(DeleteRecordTool { use_case: ports.delete_record.clone(), max_bytes }),
            Registered::boxed(ListTablesTool { use_case: ports.list_tables.clone(), max_bytes }),
            Registered::boxed(DescribeTableTool { use_case: ports.describe_table.clone(), max_bytes }),
        ];
        let mut resources: Vec<Box<dyn Resource>> = vec![
            Box::new(TablesResource { use_case: ports.list_tables.clone(), max_bytes }),
            Box::new(TableResource { use_case: ports.describe_table.clone(), max_bytes }),
        ];
        if let Some(branches) = &ports.branches {
            tools.extend(branch_tools(branches, max_bytes));
            resources.insert(0, Box::new(BranchesResource { use_case: branches.list_branches.clone(), max_bytes }));
        }
        tools.sort_by_key(|tool| tool.definition().name());
        tools.retain(|tool| is_allowed(&settings.allowed_tools, tool.definition().name()));
        resources.retain(|resource| is_allowed(&settings.allowed_resources, resource.uri()));
        Self { tools, resources, unread: ports.unread.clone() }
    }

    /// Every tool, in name order.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.tools.iter().map(|tool| tool.definition())
    }

    /// The resources that a principal may read.
    pub(crate) fn resources<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a dyn Resource> {
        self.resources.iter().map(|resource| &**resource).filter(|resource| principal.authorize(resource.action()).is_ok())
    }

    /// Reads a resource.
    pub(crate) async fn read(&self, scope: &RequestScope, resource: &dyn Resource, uri: &str) -> Result<String, CallError> {
        let scope = scope.of_call();
        match resource.read(&scope, uri).await {
            Ok(text) => Ok(text),
            Err(error) => Err(self.guarded(&scope, resource.action(), error).await),
        }
    }

    /// The resource that a URI belongs to. Whether it may be read is for its use case to say.
    pub(crate) fn resource(&self, uri: &str) -> Option<&dyn Resource> {
        self.resources.iter().map(|resource| &**resource).find(|resource| resource.covers(uri))
    }

    /// Calls a tool. What a model can learn from is a result; what only a programmer can mend is an error.
    ///
    /// Whether the credential reaches as far as the tool is for its use case to say, whose guards also write a refusal into the audit trail. A call whose
    /// arguments cannot be read meets the same guards, and costs as much of the caller's budget.
    ///
    /// A tool that the credential does not reach is not shown. So a call of it is answered as one of a name that does not exist, with the reason.
    pub(crate) async fn call(&self, scope: &RequestScope, name: &str, arguments: Option<&RawValue>) -> Result<ToolResult, RpcError> {
        let principal = &scope.caller.principal;
        let Some(tool) = self.tools.iter().find(|tool| tool.definition().name() == name) else {
            let switched_off = TOOLS.into_iter().find(|action| action.name() == name);
            return match self.admit_absent(scope, switched_off).await {
                Ok(()) => Err(self.unknown_tool(principal, name)),
                Err(refused) => Ok(ToolResult::of_error(&refused, &scope.caller.request_id)),
            };
        };
        let action = tool.definition().action;
        let hidden = principal.authorize(action).err();
        let scope = scope.of_call();
        let error = match tool.call(&scope, arguments.unwrap_or_else(|| no_arguments())).await {
            Ok(result) => return Ok(result),
            Err(error) => self.guarded(&scope, action, error).await,
        };
        if let Some(denied) = error.hides_tool().or(hidden.as_ref()) {
            return Err(RpcError::invalid_params(format!("tool '{name}' may not be called with this credential: {denied}")));
        }
        log(&error, &scope.caller.request_id);
        Ok(ToolResult::of_error(&error, &scope.caller.request_id))
    }

    /// The failure that a call is told. Where no use case saw the call, its guards are asked here whether they admit it: their refusal, if any, comes before
    /// what was wrong with the call.
    async fn guarded(&self, scope: &RequestScope, action: Action, error: CallError) -> CallError {
        if scope.has_asked() {
            return error;
        }
        match self.unread.admit(&scope.caller, action, error.code()).await {
            Ok(()) => error,
            Err(refused) => CallError::from(refused),
        }
    }

    /// Asking for what the settings switched off costs as much as for what they did not, and leaves a row. An error is what is told before that it is not
    /// there; to whom it would be refused anyway, it is just not there.
    pub(crate) async fn admit_absent(&self, scope: &RequestScope, action: Option<Action>) -> Result<(), CallError> {
        let Some(action) = action else { return Ok(()) };
        match self.unread.admit(&scope.caller, action, "not_found").await {
            Ok(()) | Err(Failure::Denied(_)) => Ok(()),
            Err(refused) => Err(refused.into()),
        }
    }

    fn unknown_tool(&self, principal: &Principal, name: &str) -> RpcError {
        let name: String = name.chars().take(60).collect();
        let shown = self.definitions().filter(|definition| principal.authorize(definition.action).is_ok()).map(Definition::name);
        let near = closest(&name, shown);
        let hint = near.first().map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        RpcError::invalid_params(format!("unknown tool '{name}'{hint}"))
    }
}

fn branch_tools(ports: &McpBranchPorts, max_bytes: u64) -> [Box<dyn AnyTool>; 8] {
    let waiting = || Waiting { follow: ports.follow_started.clone(), get_branch: ports.branch_of_started.clone(), max_bytes };
    [
        Registered::boxed(ListBranchesTool { use_case: ports.list_branches.clone(), max_bytes }),
        Registered::boxed(GetBranchTool { use_case: ports.get_branch.clone(), max_bytes }),
        Registered::boxed(DiffBranchesTool { use_case: ports.diff_branches.clone(), max_bytes }),
        Registered::boxed(CreateBranchTool { use_case: ports.create_branch.clone(), waiting: waiting() }),
        Registered::boxed(ResetBranchTool { use_case: ports.reset_branch.clone(), waiting: waiting() }),
        Registered::boxed(MigrateBranchTool { use_case: ports.migrate_branch.clone(), waiting: waiting() }),
        Registered::boxed(DeleteBranchTool { use_case: ports.delete_branch.clone(), waiting: waiting() }),
        Registered::boxed(GetOperationTool { get: ports.get_operation.clone(), follow: ports.follow_operation.clone(), max_bytes }),
    ]
}

fn no_arguments() -> &'static RawValue {
    serde_json::from_str("{}").expect("an empty object is JSON")
}

fn is_allowed(allowed: &[String], name: &str) -> bool {
    allowed.is_empty() || allowed.iter().any(|other| other == name)
}
