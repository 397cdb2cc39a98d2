//! Comparing branches. What comes of it is told as the server wrote it.

use crate::{
    client::HttpClient,
    failure::RemoteFailure,
    route::{RemoteCommand, Route},
};
use domain::Action;
use http::Method;
use ports::driving::Command;
use serde_json::Value;

/// See how the schema of a branch, the source, differs from another's: [`crate::Answer::document`] has it.
#[derive(Clone, Debug)]
pub struct CompareBranches {
    /// Id or slug of the source.
    pub source: String,
    /// Id or slug of the target; the parent when not given.
    pub target: Option<String>,
}

impl Command for CompareBranches {
    const ACTION: Action = Action::DiffBranches;
    type Output = ();
}

impl RemoteCommand for CompareBranches {
    fn route(&self) -> Route {
        let route = Route::new(Method::GET, ["admin", "branches", &self.source, "diff"]);
        self.target.iter().fold(route, |route, target| route.query("target", target.as_str()))
    }

    fn read(&self, _document: &Value) -> Result<(), serde_json::Error> {
        Ok(())
    }
}

/// A form of a difference that is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffText {
    /// Unified text.
    Unified,
    /// The script that turns the target into the source.
    Script,
}

impl HttpClient {
    /// The difference as text.
    pub async fn diff_text(&self, command: &CompareBranches, form: DiffText) -> Result<String, RemoteFailure> {
        let format = match form {
            DiffText::Unified => "text",
            DiffText::Script => "sql",
        };
        self.text(command.route().query("format", format)).await
    }
}

#[cfg(test)]
mod tests {
    use super::{CompareBranches, DiffText};
    use crate::testing::{Answers, client};

    #[tokio::test]
    async fn text_is_given_as_it_came() {
        let server = Answers::raw("HTTP/1.1 200 X\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\n+ a\n".to_owned()).await;
        let command = CompareBranches { source: "x".to_owned(), target: Some("main".to_owned()) };
        assert_eq!(client(&server).diff_text(&command, DiffText::Unified).await.unwrap(), "+ a\n");
        assert_eq!(server.only_request().target, "GET /api/v1/admin/branches/x/diff?target=main&format=text");
    }
}
