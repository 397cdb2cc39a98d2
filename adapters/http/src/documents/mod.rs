//! What answers look like in JSON, and in the OpenAPI document.

mod access;
mod audit;
mod branch;
mod connection;
mod key;
mod migrations;
mod operation;
mod or_null;
mod page;
mod relation;
mod schema_diff;
mod session;

pub(crate) use access::GrantDocument;
pub(crate) use audit::AuditRowDocument;
pub(crate) use branch::{ActivityDocument, BranchDetailsDocument, BranchDocument, BranchWithOperation, PullRequestDocument, StartedDeleteDocument};
pub(crate) use connection::ConnectionDocument;
pub(crate) use key::{CreatedKeyDocument, KeyDocument};
pub(crate) use migrations::MigrationsDocument;
pub(crate) use operation::OperationDocument;
pub(crate) use or_null::OrNull;
pub(crate) use page::PageDocument;
pub(crate) use relation::{TableDescriptionDocument, TableDocument};
pub(crate) use schema_diff::SchemaDiffDocument;
pub(crate) use session::{SessionDocument, UserDocument};

use poem_openapi::Object;

/// A table's full name.
#[derive(Object)]
#[oai(rename = "TableName")]
pub(crate) struct TableNameDocument {
    /// Schema.
    pub(crate) schema: String,
    /// Name within it.
    pub(crate) name: String,
}

impl From<domain::table::QualifiedName> for TableNameDocument {
    fn from(name: domain::table::QualifiedName) -> Self {
        Self { schema: name.schema, name: name.name }
    }
}
