//! How people name a branch: by id, by slug, or by the name that it was made with.

use crate::cli::failure::CliError;
use client::HttpClient;
use domain::{BranchId, BranchName, OperationId, Slug};

/// The branch that the project is switched to.
pub(in crate::cli) fn switched_to(client: &HttpClient) -> String {
    client.branch().map_or_else(|| Slug::MAIN.to_owned(), Slug::to_string)
}

/// An operation's id; what is none belongs to no operation.
pub(in crate::cli) fn operation(text: &str) -> Result<OperationId, CliError> {
    text.trim().parse().map_err(|_| CliError::NotFound { what: "operation", name: text.to_owned() })
}

/// What the server is asked for. A text that no branch can be called is not found, and nobody is asked.
pub(in crate::cli) fn resolve(text: &str) -> Result<String, CliError> {
    let text = text.trim();
    if text.parse::<BranchId>().is_ok() || text.parse::<Slug>().is_ok() {
        return Ok(text.to_owned());
    }
    let name: BranchName = text.parse().map_err(|_| CliError::NotFound { what: "branch", name: text.to_owned() })?;
    Ok(name.slug().to_string())
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn a_branch_goes_by_id_slug_and_name() {
        let id = "00000000-0000-4000-8000-000000000001";
        for (text, expected) in [("pr-1", "pr-1"), ("main", "main"), ("Feature/A b", "feature-a-b"), (id, id)] {
            assert_eq!(resolve(text).unwrap(), expected);
        }
        for text in ["", "..", "42", "a\u{7}"] {
            assert_eq!(resolve(text).unwrap_err().exit_code(), 3, "{text:?}");
        }
    }
}
