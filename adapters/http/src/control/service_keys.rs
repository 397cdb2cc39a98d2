//! Service keys.

use super::{
    Answer, Asking, Group,
    api_keys::{key_id, scopes},
    page,
};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::{CreatedKeyDocument, KeyDocument, PageDocument},
    problem::Problem,
};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use ports::driving::{CreateServiceKey, ListServiceKeys, RevokeServiceKey, UseCase};
use std::sync::Arc;

pub(crate) struct ServiceKeys {
    pub(crate) create: Arc<dyn UseCase<CreateServiceKey>>,
    pub(crate) list: Arc<dyn UseCase<ListServiceKeys>>,
    pub(crate) revoke: Arc<dyn UseCase<RevokeServiceKey>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/service-keys", tag = "Group::Keys")]
impl ServiceKeys {
    /// Make a service key
    ///
    /// The answer has the key's secret, this once. A service key bypasses row level security. Needs the scope `admin:keys`.
    #[oai(path = "/", method = "post", operation_id = "create_service_key")]
    async fn create_service_key(&self, asking: Asking, body: JsonBody<CreateServiceKey>) -> Result<Answer<201, CreatedKeyDocument>, Problem> {
        Ok(Answer(asking.run(&*self.create, body.0).await?.into()))
    }

    /// List service keys
    ///
    /// Newest first, revoked ones too. Needs the scope `admin:keys`.
    #[oai(path = "/", method = "get", operation_id = "list_service_keys")]
    async fn list_service_keys(
        &self,
        asking: Asking,
        /// Items at most, 1 to 1000; 100 when not given.
        limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer<200, PageDocument<KeyDocument>>, Problem> {
        let command = ListServiceKeys { page: page(limit.0, cursor.0)? };
        Ok(Answer(PageDocument::of(asking.run(&*self.list, command).await?)))
    }

    /// Revoke a service key
    ///
    /// It is refused from now on. Revoking twice is no error. Needs the scope `admin:keys`.
    #[oai(path = "/:id", method = "delete", operation_id = "revoke_service_key")]
    async fn revoke_service_key(
        &self,
        asking: Asking,
        /// The key's id.
        id: Path<String>,
    ) -> Result<Answer<200, KeyDocument>, Problem> {
        let id = key_id("service key", &id).map_err(|failure| asking.refused(failure))?;
        Ok(Answer(asking.run(&*self.revoke, RevokeServiceKey { id }).await?.into()))
    }
}

impl FromFields for CreateServiceKey {
    type Document = NewServiceKeyDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, scopes) = (fields.text("name"), scopes(fields));
        let (expires_in, rate_limit) = (fields.optional_parsed("expires_in"), fields.optional_count("rate_limit"));
        Some(Self { name: name?, scopes: scopes?, expires_in: expires_in?, rate_limit: rate_limit? })
    }
}

/// A service key to be made.
#[derive(Object)]
#[oai(rename = "NewServiceKey")]
pub(crate) struct NewServiceKeyDocument {
    /// What people call it: 1 to 100 characters.
    name: String,
    /// What it may be used for: `*` stands for everything, the others are those of API keys; `read:tables` when not given.
    #[oai(nullable)]
    scopes: Option<Vec<String>>,
    /// How long it is good: `90s`, `30m`, `12h`, `30d`, or several of them.
    #[oai(nullable)]
    expires_in: Option<String>,
    /// Requests a minute.
    #[oai(nullable)]
    rate_limit: Option<u32>,
}

#[cfg(test)]
mod tests {
    use crate::{body::Fields, testing::assert_described};
    use domain::Scopes;
    use ports::driving::CreateServiceKey;
    use serde_json::json;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<CreateServiceKey>();
    }

    #[test]
    fn a_star_stands_for_everything() {
        assert_eq!(Fields::read::<CreateServiceKey>(json!({"name": "n", "scopes": ["*"]})).unwrap().scopes, Scopes::ALL);
    }
}
