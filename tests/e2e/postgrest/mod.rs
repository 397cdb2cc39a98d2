//! The habits of PostgREST, over the demo data.

mod embeds;
mod filters;
mod pages;
mod refusals;
mod writes;

use fluxbase_tests::{Answer, TestServer};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Alice, asking.
struct Alice(&'static TestServer);

impl Alice {
    async fn new() -> Self {
        Self(TestServer::shared().await)
    }

    /// A request with headers, `Name: value` each.
    async fn ask(&self, method: Method, path: &str, headers: &[&str], body: Option<&Value>) -> Answer {
        let mut request = self.0.rest(method, &format!("tables/{path}"), self.0.key("alice"));
        for header in headers {
            let (name, value) = header.split_once(": ").expect("a name and a value");
            request = request.header(name, value);
        }
        Answer::to(body.into_iter().fold(request, RequestBuilder::json)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], None).await
    }

    async fn rows(&self, path: &str) -> Vec<Value> {
        self.get(path).await.rows()
    }

    /// How many rows a query finds.
    async fn count(&self, path: &str) -> u64 {
        let answer = self.ask(Method::HEAD, path, &["Prefer: count=exact"], None).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.header("content-range").rsplit('/').next().and_then(|total| total.parse().ok()).unwrap_or_else(|| panic!("{path}: {answer:?}"))
    }
}

/// The values of one column.
fn column(rows: &[Value], name: &str) -> Vec<Value> {
    rows.iter().map(|row| row[name].clone()).collect()
}
