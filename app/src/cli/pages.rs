//! Lists are shown whole: every page is asked for.

use super::failure::CliError;
use client::{HttpClient, RemoteCommand};
use domain::page::Page;
use serde_json::{Value, json};

/// The items of every page, in our own words and as the server wrote them.
pub(super) async fn all<C, T>(client: &HttpClient, command: impl Fn(Option<String>) -> C) -> Result<(Vec<T>, Vec<Value>), CliError>
where
    C: RemoteCommand<Output = Page<T>>,
    T: Send + 'static,
{
    let (mut items, mut documents, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let mut answer = client.send(&command(cursor)).await?;
        items.extend(answer.output.items);
        if let Some(more) = answer.document["items"].as_array_mut() {
            documents.append(more);
        }
        cursor = answer.output.next_cursor;
        if cursor.is_none() {
            return Ok((items, documents));
        }
    }
}

/// A whole list as one document, in the shape of a page.
pub(super) fn document(items: &[Value]) -> Value {
    json!({ "items": items, "next_cursor": null })
}

#[cfg(test)]
mod tests {
    use super::all;
    use crate::cli::testing::{Server, branch};
    use domain::page::PageRequest;
    use ports::driving::ListBranches;
    use serde_json::json;

    #[tokio::test]
    async fn every_page_is_asked_for() {
        let page = |slug, next: Option<&str>| (200, json!({ "items": [branch(slug, "ready")], "next_cursor": next }));
        let server = Server::answering([page("a", Some("c1")), page("b", None)]).await;
        let (items, documents) = all(&server.client(), |cursor| ListBranches { page: PageRequest { limit: 1, cursor } }).await.unwrap();
        assert_eq!((items.len(), documents.len(), items[1].slug.as_str()), (2, 2, "b"));
        assert_eq!(server.asked(), ["GET /api/v1/admin/branches?limit=1", "GET /api/v1/admin/branches?limit=1&cursor=c1"]);
    }
}
