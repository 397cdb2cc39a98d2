//! How people name a branch: by id, by slug, or by the name that it was made with.

use crate::cli::failure::CliError;
use client::HttpClient;
use domain::{Branch, BranchId, BranchName, OperationId, Slug};
use std::str::FromStr;

/// An operation's id; what is none belongs to no operation.
pub(in crate::cli) fn operation(text: &str) -> Result<OperationId, CliError> {
    text.trim().parse().map_err(|_| CliError::NotFound { what: "operation", name: text.to_owned() })
}

/// How a branch was named.
#[derive(Debug)]
pub(in crate::cli) enum Reference {
    /// By what the server takes: an id, or a slug that was read before.
    Exact(String),
    /// By what is a slug, or else the name of a branch whose slug is another: names change, and slugs stay.
    SlugOrName(Slug),
    /// By the name that it bears.
    Name(BranchName),
}

impl FromStr for Reference {
    type Err = CliError;

    /// A text that no branch can be called is not found, and nobody is asked.
    fn from_str(text: &str) -> Result<Self, CliError> {
        let text = text.trim();
        if text.parse::<BranchId>().is_ok() || text == Slug::MAIN {
            return Ok(Self::Exact(text.to_owned()));
        }
        if let Ok(slug) = text.parse() {
            return Ok(Self::SlugOrName(slug));
        }
        text.parse().map(Self::Name).map_err(|_| missing(text))
    }
}

impl Reference {
    /// What the server is asked for. A name is looked up as it is: a slug made of it may be another branch's.
    pub(in crate::cli) async fn find(self, client: &HttpClient) -> Result<String, CliError> {
        match self {
            Self::Exact(text) => Ok(text),
            Self::Name(name) => called(&super::all(client).await?.0, name.as_str())?.ok_or_else(|| missing(name.as_str())),
            Self::SlugOrName(slug) => {
                // Who may list no branches may do what they may do by the slug, and the server says whether there is one.
                let Ok((branches, _)) = super::all(client).await else { return Ok(slug.into()) };
                if branches.iter().any(|branch| branch.slug == slug) {
                    return Ok(slug.into());
                }
                Ok(called(&branches, slug.as_str())?.unwrap_or_else(|| slug.into()))
            }
        }
    }

    /// The same where a branch need not be named: without a name the one that is switched to.
    pub(in crate::cli) async fn find_or_switched_to(named: Option<Self>, client: &HttpClient) -> Result<String, CliError> {
        match named {
            Some(named) => named.find(client).await,
            None => Ok(client.branch().map_or_else(|| Slug::MAIN.to_owned(), Slug::to_string)),
        }
    }
}

/// Reads how a branch was named, where it was.
pub(in crate::cli) fn read(text: Option<&str>) -> Result<Option<Reference>, CliError> {
    text.map(str::parse).transpose()
}

/// The slug of the one branch that bears a name.
fn called(branches: &[Branch], name: &str) -> Result<Option<String>, CliError> {
    let bearers: Vec<_> = branches.iter().filter(|branch| branch.name.as_str() == name).map(|branch| branch.slug.as_str()).collect();
    match bearers[..] {
        [] => Ok(None),
        [slug] => Ok(Some(slug.to_owned())),
        _ => Err(CliError::Usage(format!("more than one branch is called '{name}': name one by its slug: {}", bearers.join(", ")))),
    }
}

fn missing(text: &str) -> CliError {
    CliError::NotFound { what: "branch", name: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::Reference;
    use crate::cli::{
        failure::CliError,
        testing::{Server, branch},
    };
    use client::HttpClient;
    use serde_json::{Value, json};

    fn called(name: &str, slug: &str) -> Value {
        let mut branch = branch(slug, "ready");
        branch["name"] = json!(name);
        branch
    }

    async fn resolve(client: &HttpClient, text: &str) -> Result<String, CliError> {
        text.parse::<Reference>()?.find(client).await
    }

    #[tokio::test]
    async fn a_branch_goes_by_id_slug_and_its_own_name() {
        let branches = [called("Feature A", "feature-a"), called("Feature/A", "other"), called("twice!", "x"), called("twice!", "y")];
        let server = Server::answering([(200, json!({ "items": branches, "next_cursor": null }))]).await;
        let client = server.client();
        let id = "00000000-0000-4000-8000-000000000001";
        for text in ["main", id] {
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

    #[tokio::test]
    async fn a_renamed_branch_goes_by_its_new_name_unless_that_is_the_slug_of_another() {
        let branches =
            [called("staging-copy", "pr-12"), called("pr-13", "old"), called("Other", "pr-13"), called("twice", "x"), called("twice", "y")];
        let server = Server::answering([(200, json!({ "items": branches, "next_cursor": null }))]).await;
        let client = server.client();
        for (text, slug) in [("staging-copy", "pr-12"), ("pr-12", "pr-12"), ("pr-13", "pr-13"), ("old", "old"), ("nowhere", "nowhere")] {
            assert_eq!(resolve(&client, text).await.unwrap(), slug, "{text}");
        }
        let several = resolve(&client, "twice").await.unwrap_err();
        assert!(several.exit_code() == 2 && several.to_string().contains("x, y"), "{several}");
        let unseen = Server::answering([(403, json!({ "code": "missing_scope", "detail": "no" }))]).await;
        assert_eq!(resolve(&unseen.client(), "pr-12").await.unwrap(), "pr-12");
    }
}
