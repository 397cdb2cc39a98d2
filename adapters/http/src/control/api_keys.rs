//! API keys.

use super::{Answer, Asking, Group, page};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::{CreatedKeyDocument, KeyDocument, PageDocument},
    problem::Problem,
};
use domain::{Failure, Fault, Scope, Scopes, access::KeyId, table::QualifiedName};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use ports::driving::{CreateApiKey, ListApiKeys, RevokeApiKey, UseCase};
use std::{convert::Infallible, str::FromStr, sync::Arc};

pub(crate) struct ApiKeys {
    pub(crate) create: Arc<dyn UseCase<CreateApiKey>>,
    pub(crate) list: Arc<dyn UseCase<ListApiKeys>>,
    pub(crate) revoke: Arc<dyn UseCase<RevokeApiKey>>,
    /// Whether tables of the schema `public` can be reached: only then are names without a schema taken.
    pub(crate) serves_public: bool,
}

#[OpenApi(prefix_path = "/api/v1/admin/api-keys", tag = "Group::Keys")]
impl ApiKeys {
    /// Make an API key
    ///
    /// The answer has the key's secret, this once. A key cannot be given scopes that its maker does not have. Needs the scope `admin:keys`.
    #[oai(path = "/", method = "post", operation_id = "create_api_key")]
    async fn create_api_key(&self, asking: Asking, body: JsonBody<CreateApiKey>) -> Result<Answer<201, CreatedKeyDocument>, Problem> {
        let mut tables = body.0.tables.iter().flatten();
        if let Some(place) = tables.position(|table| table.schema == "public").filter(|_| !self.serves_public) {
            let message = "write schema.table: a name without a schema means a table of the schema public, which is not served here";
            return Err(asking.refused(Fault::new(format!("/tables/{place}"), message).into()));
        }
        Ok(Answer(asking.run(&*self.create, body.0).await?.into()))
    }

    /// List API keys
    ///
    /// Newest first, revoked ones too. Needs the scope `admin:keys`.
    #[oai(path = "/", method = "get", operation_id = "list_api_keys")]
    async fn list_api_keys(
        &self,
        asking: Asking,
        /// Items at most, 1 to 1000; 100 when not given.
        limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer<200, PageDocument<KeyDocument>>, Problem> {
        let command = ListApiKeys { page: page(limit.0, cursor.0)? };
        Ok(Answer(PageDocument::of(asking.run(&*self.list, command).await?)))
    }

    /// Revoke an API key
    ///
    /// It is refused from now on. Revoking twice is no error. Needs the scope `admin:keys`.
    #[oai(path = "/:id", method = "delete", operation_id = "revoke_api_key")]
    async fn revoke_api_key(
        &self,
        asking: Asking,
        /// The key's id.
        id: Path<String>,
    ) -> Result<Answer<200, KeyDocument>, Problem> {
        let id = key_id("API key", &id).map_err(|failure| asking.refused(failure))?;
        Ok(Answer(asking.run(&*self.revoke, RevokeApiKey { id }).await?.into()))
    }
}

/// A key's id; what is none belongs to no key.
pub(super) fn key_id(what: &'static str, raw: &str) -> Result<KeyId, Failure> {
    raw.parse().map_err(|_| Failure::not_found(what, raw))
}

/// The scopes of a body; without any, a key may read tables.
pub(super) fn scopes(fields: &mut Fields) -> Option<Scopes> {
    let names = fields.optional_list::<ScopeName>("scopes")?;
    Some(names.map_or(Scopes::NONE.with(Scope::ReadTables), |names| {
        names.into_iter().fold(Scopes::NONE, |scopes, name| match name {
            ScopeName::One(scope) => scopes.with(scope),
            ScopeName::All => Scopes::ALL,
        })
    }))
}

enum ScopeName {
    One(Scope),
    All,
}

impl FromStr for ScopeName {
    type Err = domain::access::UnknownScope;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw == "*" { Ok(Self::All) } else { raw.parse().map(Self::One) }
    }
}

/// `schema.table`, or a table of the schema `public`.
struct ListedTable(QualifiedName);

impl FromStr for ListedTable {
    type Err = Infallible;

    fn from_str(raw: &str) -> Result<Self, Infallible> {
        let (schema, name) = raw.trim().split_once('.').unwrap_or(("public", raw.trim()));
        Ok(Self(QualifiedName::new(schema, name)))
    }
}

impl FromFields for CreateApiKey {
    type Document = NewApiKeyDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, user, scopes) = (fields.text("name"), fields.optional_text("user"), scopes(fields));
        let (branch, read_only, tables) = (fields.optional_parsed("branch"), fields.flag("read_only"), fields.optional_list::<ListedTable>("tables"));
        let (expires_in, rate_limit) = (fields.optional_parsed("expires_in"), fields.optional_count("rate_limit"));
        if scopes == Some(Scopes::ALL) {
            fields.fault("/scopes", "'*' is for service keys only");
        }
        Some(Self {
            name: name?,
            user: user?,
            scopes: scopes?,
            branch: branch?,
            read_only: read_only?,
            tables: tables?.map(|tables| tables.into_iter().map(|table| table.0).collect()),
            expires_in: expires_in?,
            rate_limit: rate_limit?,
        })
    }
}

/// An API key to be made.
#[derive(Object)]
#[oai(rename = "NewApiKey")]
pub(crate) struct NewApiKeyDocument {
    /// What people call it: 1 to 100 characters.
    name: String,
    /// The user it acts for, by id or e-mail address; without one it acts as `anon`.
    #[oai(nullable)]
    user: Option<String>,
    /// What it may be used for: `read:tables`, `write:tables`, `execute:functions`, `execute:rpc`, `read:vectors`, `read:storage`, `write:storage`, `execute:jobs`,
    /// `read:branches`, `write:branches`, `admin:branches`, `admin:keys`, `admin:schema`;
    /// `read:tables` when not given.
    #[oai(nullable)]
    scopes: Option<Vec<String>>,
    /// The slug of the only branch it may be used on, as far as its user may; one that you do not see is not found. A key without a user reads and writes rows
    /// there by its scopes, and is made by who may share the branch.
    #[oai(nullable)]
    branch: Option<String>,
    /// Whether it may only read.
    #[oai(nullable)]
    read_only: Option<bool>,
    /// The only tables it may touch, through embeds and views too: `schema.table`, or, where the schema `public` is served, a table of that.
    #[oai(nullable)]
    tables: Option<Vec<String>>,
    /// How long it is good: `90s`, `30m`, `12h`, `30d`, or several of them.
    #[oai(nullable)]
    expires_in: Option<String>,
    /// Requests a minute.
    #[oai(nullable)]
    rate_limit: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::{CreateApiKey, NewApiKeyDocument};
    use crate::{body::Fields, testing::assert_described};
    use domain::{Scope, Scopes, table::QualifiedName};
    use poem_openapi::registry::Registry;
    use serde_json::json;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<CreateApiKey>();
    }

    #[test]
    fn every_scope_is_told() {
        let schema = Registry::new().create_fake_schema::<NewApiKeyDocument>();
        let (_, scopes) = schema.properties.iter().find(|(name, _)| *name == "scopes").unwrap();
        let told = format!("{scopes:?}");
        assert!(Scope::ALL.iter().all(|scope| told.contains(&format!("`{}`", scope.name()))), "{told}");
    }

    #[test]
    fn without_scopes_a_key_may_read_tables() {
        let key: CreateApiKey = Fields::read(json!({"name": "n", "tables": ["app.u", "t"]})).unwrap();
        assert_eq!(key.scopes, Scopes::NONE.with(Scope::ReadTables));
        assert_eq!(key.tables, Some(vec![QualifiedName::new("app", "u"), QualifiedName::new("public", "t")]));
        assert_eq!(Fields::read::<CreateApiKey>(json!({"name": "n", "scopes": [], "tables": ["app.u"]})).unwrap().scopes, Scopes::NONE);
    }

    #[test]
    fn everything_is_for_service_keys() {
        let faults = Fields::read::<CreateApiKey>(json!({"name": "n", "scopes": ["*"]})).unwrap_err();
        assert_eq!(faults[0].pointer, "/scopes");
    }
}
