//! `fluxbase keys revoke`.

use super::properties;
use crate::cli::{context::Context, failure::CliError, output::write_stderr, table};
use client::{Answer, HttpClient, RemoteFailure};
use domain::access::KeyId;
use ports::{
    driven::KeyRecord,
    driving::{RevokeApiKey, RevokeServiceKey},
};

#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The key's id, as `fluxbase keys list` shows it; API keys and service keys alike
    id: String,
}

pub(super) async fn run(context: &Context, args: RevokeArgs) -> Result<(), CliError> {
    let id = args.id.trim().parse().map_err(|_| CliError::NotFound { what: "key", name: args.id.clone() })?;
    let client = context.connect().await?;
    write_stderr(&format!("revoking key {id} on {}", client.base_url()));
    let revoked = carry_out(&client, id).await?;
    context.print(&revoked.document, || table::properties(properties(&revoked.output)))
}

/// Ids do not say which kind of key they belong to.
async fn carry_out(client: &HttpClient, id: KeyId) -> Result<Answer<KeyRecord>, RemoteFailure> {
    match client.send(&RevokeApiKey { id }).await {
        Err(failure) if failure.code() == "not_found" => client.send(&RevokeServiceKey { id }).await,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::carry_out;
    use crate::cli::testing::Server;
    use serde_json::json;

    const ID: &str = "00000000-0000-4000-8000-000000000007";

    #[tokio::test]
    async fn a_key_of_either_kind_is_found() {
        let stored = json!({
            "id": ID, "name": "ci", "prefix": "sb_service_ab", "user_id": null, "scopes": ["*"], "created_at": "2026-01-02T03:04:05Z",
            "revoked_at": "2026-01-02T03:04:05Z",
        });
        let missing = json!({ "code": "not_found", "detail": "key was not found" });
        let server = Server::answering([(404, missing), (200, stored)]).await;
        let revoked = carry_out(&server.client(), ID.parse().unwrap()).await.unwrap();
        assert!(revoked.output.revoked_at.is_some());
        assert_eq!(server.asked(), [format!("DELETE /api/v1/admin/api-keys/{ID}"), format!("DELETE /api/v1/admin/service-keys/{ID}")]);
    }

    #[tokio::test]
    async fn a_refusal_is_not_asked_about_twice() {
        let server = Server::answering([(403, json!({ "code": "missing_scope", "detail": "this needs the scope admin:keys" }))]).await;
        assert_eq!(carry_out(&server.client(), ID.parse().unwrap()).await.unwrap_err().status(), Some(403));
        assert_eq!(server.asked().len(), 1);
    }
}
