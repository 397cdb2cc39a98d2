//! What answers look like in JSON, and in the OpenAPI document.

mod branch;
mod key;
mod operation;
mod page;
mod relation;
mod session;

pub(crate) use branch::{ActivityDocument, BranchDocument, BranchWithOperation};
pub(crate) use key::{CreatedKeyDocument, KeyDocument};
pub(crate) use operation::OperationDocument;
pub(crate) use page::PageDocument;
pub(crate) use relation::{TableDescriptionDocument, TableDocument};
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
