//! What tables there are.

use super::{Answer, Asking, Group};
use crate::{
    documents::{PageDocument, TableDescriptionDocument, TableDocument},
    mentions::mentions,
    problem::Problem,
};
use domain::{branch::BranchMentions, table::TableName};
use poem::Request;
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};
use ports::driving::{DescribeTable, ListTables, UseCase};
use std::sync::Arc;

pub(crate) struct Schema {
    pub(crate) list_tables: Arc<dyn UseCase<ListTables>>,
    pub(crate) describe_table: Arc<dyn UseCase<DescribeTable>>,
    pub(crate) branch_domain: Option<String>,
}

#[OpenApi(prefix_path = "/api/v1/admin/schema/tables", tag = "Group::Schema")]
impl Schema {
    /// List tables and views
    ///
    /// Those that the caller may use. Needs the scope `read:tables`.
    #[oai(path = "/", method = "get", operation_id = "list_tables")]
    async fn list_tables(
        &self,
        asking: Asking,
        request: &Request,
        /// Only this schema's.
        schema: Query<Option<String>>,
        /// The branch, by its slug or id; main when not given.
        branch: Query<Option<String>>,
        /// The branch, by its slug or id.
        #[oai(name = "X-Fluxbase-Branch")]
        _branch_header: Header<Option<String>>,
    ) -> Result<Answer<200, PageDocument<TableDocument>>, Problem> {
        let branch = self.mentions(&asking, request, branch.0.as_deref())?;
        let list = asking.run(&*self.list_tables, ListTables { branch, schema: schema.0 }).await?;
        Ok(Answer(PageDocument { items: TableDocument::list(&list), next_cursor: None }))
    }

    /// Describe one table or view
    ///
    /// Its columns, keys, comments, and the relationships that `select` can embed. Needs the scope `read:tables`.
    #[oai(path = "/:schema/:table", method = "get", operation_id = "describe_table")]
    async fn describe_table(
        &self,
        asking: Asking,
        request: &Request,
        /// The schema.
        schema: Path<String>,
        /// The table or view.
        table: Path<String>,
        /// The branch, by its slug or id; main when not given.
        branch: Query<Option<String>>,
        /// The branch, by its slug or id.
        #[oai(name = "X-Fluxbase-Branch")]
        _branch_header: Header<Option<String>>,
    ) -> Result<Answer<200, TableDescriptionDocument>, Problem> {
        let branch = self.mentions(&asking, request, branch.0.as_deref())?;
        let table = TableName { schema: Some(schema.0), name: table.0 };
        Ok(Answer(asking.run(&*self.describe_table, DescribeTable { branch, table }).await?.into()))
    }
}

impl Schema {
    fn mentions(&self, asking: &Asking, request: &Request, query: Option<&str>) -> Result<BranchMentions, Problem> {
        mentions(request, query, self.branch_domain.as_deref()).map_err(|failure| asking.refused(failure))
    }
}
