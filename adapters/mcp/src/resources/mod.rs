//! The resources, one file each. Free of the SDK's types.

mod branches;
mod table;
mod tables;

pub(crate) use branches::BranchesResource;
pub(crate) use table::TableResource;
pub(crate) use tables::TablesResource;

use crate::{scope::RequestScope, tool::CallError};
use async_trait::async_trait;
use domain::Action;

/// What reading a URI asks for, whatever the settings say.
pub(crate) fn action_of(uri: &str) -> Option<Action> {
    match uri {
        _ if branches::page(uri).is_some() => Some(Action::ListBranches),
        tables::URI => Some(Action::ListTables),
        _ => table::table(uri).map(|_| Action::DescribeTable),
    }
}

/// Something to read by URI.
#[async_trait]
pub(crate) trait Resource: Send + Sync {
    /// What reading it asks for.
    fn action(&self) -> Action;
    /// Its URI, or the template of its URIs.
    fn uri(&self) -> &'static str;
    /// Its name.
    fn name(&self) -> &'static str;
    /// Its name for people.
    fn title(&self) -> &'static str;
    /// What it is, for models.
    fn description(&self) -> &'static str;
    /// Whether a URI is one of its.
    fn covers(&self, uri: &str) -> bool;
    /// Its content, JSON, for a URI that it covers.
    async fn read(&self, scope: &RequestScope, uri: &str) -> Result<String, CallError>;

    /// Whether [`Resource::uri`] is a template.
    fn is_template(&self) -> bool {
        self.uri().contains('{')
    }
}
