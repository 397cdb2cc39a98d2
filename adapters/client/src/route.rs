//! Where a command goes, and how its answer is read.

use domain::page::PageRequest;
use http::Method;
use ports::driving::Command;
use serde::Serialize;
use serde_json::Value;

/// A request to the REST surface, without its server.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

/// A command that a server carries out over REST.
pub trait RemoteCommand: Command {
    /// Where it goes.
    fn route(&self) -> Route;
    /// What the answer says came of it.
    fn read(&self, document: &Value) -> Result<Self::Output, serde_json::Error>;
}

impl Route {
    /// A route below `/api/v1`. Each part of the path is one segment, whatever is in it.
    pub(crate) fn new<'a>(method: Method, path: impl IntoIterator<Item = &'a str>) -> Self {
        let path = ["api", "v1"].into_iter().chain(path).map(str::to_owned).collect();
        Self { method, path, query: Vec::new(), body: None }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn page(self, page: &PageRequest) -> Self {
        let route = self.query("limit", page.limit.to_string());
        match &page.cursor {
            Some(cursor) => route.query("cursor", cursor.as_str()),
            None => route,
        }
    }

    /// Adds a body; what is `None` in it must be left out by its own serialisation.
    pub(crate) fn body(mut self, body: impl Serialize) -> Self {
        self.body = Some(serde_json::to_value(body).expect("names and values are JSON"));
        self
    }
}
