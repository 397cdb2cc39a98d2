//! How people name a branch: by id, by slug, or by the name that it was made with.

use crate::cli::failure::CliError;
use client::HttpClient;
use domain::{BranchId, BranchName, OperationId, Slug};

/// The branch that the project is switched to.
fn switched_to(client: &HttpClient) -> String {
    client.branch().map_or_else(|| Slug::MAIN.to_owned(), Slug::to_string)
}

/// An operation's id; what is none belongs to no operation.
pub(in crate::cli) fn operation(text: &str) -> Result<OperationId, CliError> {
    text.trim().parse().map_err(|_| CliError::NotFound { what: "operation", name: text.to_owned() })
}

/// The branch that a command names, as the server is asked for it; without a name the one that is switched to.
pub(in crate::cli) async fn named_or_switched_to(client: &HttpClient, text: Option<&str>) -> Result<String, CliError> {
    match text {
        Some(text) => resolve(client, text).await,
        None => Ok(switched_to(client)),
    }
}

/// What the server is asked for. A text that no branch can be called is not found, and nobody is asked. What is neither slug nor id is looked up among the
/// names as they are: a slug made of it may be another branch's.
pub(in crate::cli) async fn resolve(client: &HttpClient, text: &str) -> Result<String, CliError> {
    let text = text.trim();
    if text.parse::<BranchId>().is_ok() || text.parse::<Slug>().is_ok() {
        return Ok(text.to_owned());
    }
    let missing = || CliError::NotFound { what: "branch", name: text.to_owned() };
    let name: BranchName = text.parse().map_err(|_| missing())?;
    let (branches, _) = super::all(client).await?;
    let bearers: Vec<_> = branches.iter().filter(|branch| branch.name == name).map(|branch| branch.slug.as_str()).collect();
    match bearers[..] {
        [] => Err(missing()),
        [slug] => Ok(slug.to_owned()),
        _ => Err(CliError::Usage(format!("more than one branch is called '{name}': name one by its slug: {}", bearers.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::cli::testing::{Server, branch};
    use serde_json::{Value, json};

    fn called(name: &str, slug: &str) -> Value {
        let mut branch = branch(slug, "ready");
        branch["name"] = json!(name);
        branch
    }

    #[tokio::test]
    async fn a_branch_goes_by_id_slug_and_its_own_name() {
        let branches = [called("Feature A", "feature-a"), called("Feature/A", "other"), called("twice!", "x"), called("twice!", "y")];
        let server = Server::answering([(200, json!({ "items": branches, "next_cursor": null }))]).await;
        let client = server.client();
        let id = "00000000-0000-4000-8000-000000000001";
        for text in ["pr-1", "main", id] {
            assert_eq!(resolve(&client, text).await.unwrap(), text);
        }
        for text in ["", "..", "42", "a\u{7}"] {
            assert_eq!(resolve(&client, text).await.unwrap_err().exit_code(), 3, "{text:?}");
        }
        assert!(server.asked().is_empty());
        assert_eq!(resolve(&client, "Feature/A").await.unwrap(), "other");
        // Its slug would be `feature-a`, which is there and is called otherwise.
        assert_eq!(resolve(&client, "feature/a").await.unwrap_err().exit_code(), 3);
        let several = resolve(&client, "twice!").await.unwrap_err();
        assert!(several.exit_code() == 2 && several.to_string().contains("x, y"), "{several}");
    }
}
