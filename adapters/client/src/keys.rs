//! Commands on API keys and service keys, and the documents that answer them.

use crate::{
    document::page,
    route::{RemoteCommand, Route},
};
use domain::{
    Scopes, Slug, UserId,
    access::{KeyId, Restrictions},
    branch::ExpiresIn,
    page::Page,
    table::QualifiedName,
};
use http::Method;
use ports::{
    driven::{KeyKind, KeyRecord, Secret},
    driving::{CreateApiKey, CreateServiceKey, CreatedKey, ListApiKeys, ListServiceKeys, RevokeApiKey, RevokeServiceKey},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use time::OffsetDateTime;

const fn collection(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Api => "api-keys",
        KeyKind::Service => "service-keys",
    }
}

#[derive(Serialize)]
struct Body<'a> {
    name: &'a str,
    scopes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<u32>,
}

fn lifetime(expires_in: Option<ExpiresIn>) -> Option<String> {
    expires_in.map(|lifetime| lifetime.to_string())
}

impl RemoteCommand for CreateApiKey {
    fn route(&self) -> Route {
        Route::new(Method::POST, ["admin", collection(KeyKind::Api)]).body(Body {
            name: &self.name,
            scopes: self.scopes.names(),
            user: self.user.as_deref(),
            branch: self.branch.as_ref().map(Slug::as_str),
            read_only: self.read_only,
            tables: self.tables.as_ref().map(|tables| tables.iter().map(ToString::to_string).collect()),
            expires_in: lifetime(self.expires_in),
            rate_limit: self.rate_limit,
        })
    }

    fn read(&self, document: &Value) -> Result<CreatedKey, serde_json::Error> {
        created(KeyKind::Api, document)
    }
}

impl RemoteCommand for CreateServiceKey {
    fn route(&self) -> Route {
        Route::new(Method::POST, ["admin", collection(KeyKind::Service)]).body(Body {
            name: &self.name,
            scopes: self.scopes.names(),
            user: None,
            branch: None,
            read_only: false,
            tables: None,
            expires_in: lifetime(self.expires_in),
            rate_limit: self.rate_limit,
        })
    }

    fn read(&self, document: &Value) -> Result<CreatedKey, serde_json::Error> {
        created(KeyKind::Service, document)
    }
}

macro_rules! list_and_revoke {
    ($kind:expr, $list:ident, $revoke:ident) => {
        impl RemoteCommand for $list {
            fn route(&self) -> Route {
                Route::new(Method::GET, ["admin", collection($kind)]).page(&self.page)
            }

            fn read(&self, document: &Value) -> Result<Page<KeyRecord>, serde_json::Error> {
                let Page { items, next_cursor } = page::<KeyDocument, KeyDocument>(document)?;
                Ok(Page { items: items.into_iter().map(|item| item.record($kind)).collect(), next_cursor })
            }
        }

        impl RemoteCommand for $revoke {
            fn route(&self) -> Route {
                Route::new(Method::DELETE, ["admin", collection($kind), &self.id.to_string()])
            }

            fn read(&self, document: &Value) -> Result<KeyRecord, serde_json::Error> {
                Ok(KeyDocument::deserialize(document)?.record($kind))
            }
        }
    };
}

list_and_revoke!(KeyKind::Api, ListApiKeys, RevokeApiKey);
list_and_revoke!(KeyKind::Service, ListServiceKeys, RevokeServiceKey);

fn created(kind: KeyKind, document: &Value) -> Result<CreatedKey, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        key: String,
        #[serde(flatten)]
        record: KeyDocument,
    }
    let Document { key, record } = Document::deserialize(document)?;
    Ok(CreatedKey { record: record.record(kind), secret: Secret::new(key) })
}

#[derive(Deserialize)]
struct KeyDocument {
    id: KeyId,
    name: String,
    prefix: String,
    #[serde(default)]
    user_id: Option<UserId>,
    #[serde(deserialize_with = "scopes")]
    scopes: Scopes,
    #[serde(default)]
    branch: Option<Slug>,
    #[serde(default)]
    read_only: bool,
    #[serde(default, deserialize_with = "tables")]
    tables: Option<Vec<QualifiedName>>,
    #[serde(default)]
    rate_limit: Option<u32>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
}

impl KeyDocument {
    fn record(self, kind: KeyKind) -> KeyRecord {
        KeyRecord {
            id: self.id,
            kind,
            name: self.name,
            prefix: self.prefix,
            user_id: self.user_id,
            scopes: self.scopes,
            restrictions: Restrictions { branch: self.branch, read_only: self.read_only, tables: self.tables, rate_limit: self.rate_limit },
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
        }
    }
}

fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scopes, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    Scopes::parse(names.iter().map(String::as_str)).map_err(de::Error::custom)
}

/// Tables as `schema.table`; what follows the first dot is the name, whatever is in it.
fn tables<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<QualifiedName>>, D::Error> {
    let Some(names) = Option::<Vec<String>>::deserialize(deserializer)? else { return Ok(None) };
    let split = |name: &String| {
        let (schema, table) = name.split_once('.').ok_or_else(|| de::Error::custom(format!("'{name}' is no schema.table")))?;
        Ok(QualifiedName::new(schema, table))
    };
    names.iter().map(split).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Answers, client};
    use domain::{Scopes, page::PageRequest, table::QualifiedName};
    use ports::{
        driven::KeyKind,
        driving::{CreateApiKey, CreateServiceKey, ListApiKeys, RevokeServiceKey},
    };
    use serde_json::{Value, json};

    const ID: &str = "00000000-0000-4000-8000-000000000007";

    fn stored() -> Value {
        json!({
            "id": ID, "name": "claude", "prefix": "fb_pk_abcd", "user_id": null, "scopes": ["read:tables"], "branch": "pr-1", "read_only": true,
            "tables": ["public.tasks"], "rate_limit": 60, "created_at": "2026-01-02T03:04:05Z", "expires_at": "2026-02-02T03:04:05Z", "revoked_at": null,
        })
    }

    fn fresh() -> Value {
        let mut fresh = stored();
        fresh["key"] = json!("fb_pk_abcdefgh");
        fresh
    }

    #[tokio::test]
    async fn an_api_key_is_asked_for_with_all_that_narrows_it() {
        let server = Answers::with(201, fresh()).await;
        let command = CreateApiKey {
            name: "claude".to_owned(),
            user: Some("alice@example.com".to_owned()),
            scopes: Scopes::parse(["read:tables", "write:tables"]).unwrap(),
            branch: Some("pr-1".parse().unwrap()),
            read_only: true,
            tables: Some(vec![QualifiedName::new("public", "tasks")]),
            expires_in: Some("30d".parse().unwrap()),
            rate_limit: Some(60),
        };
        let made = client(&server).send(&command).await.unwrap();

        let asked = server.only_request();
        assert_eq!(asked.target, "POST /api/v1/admin/api-keys");
        let expected = json!({
            "name": "claude", "user": "alice@example.com", "scopes": ["read:tables", "write:tables"], "branch": "pr-1", "read_only": true,
            "tables": ["public.tasks"], "expires_in": "2592000s", "rate_limit": 60,
        });
        assert_eq!(asked.json(), expected);
        assert_eq!(made.output.secret.expose(), "fb_pk_abcdefgh");
        assert_eq!(made.document["key"], "fb_pk_abcdefgh");
        let restrictions = made.output.record.restrictions;
        assert_eq!(restrictions.tables, Some(vec![QualifiedName::new("public", "tasks")]));
        assert_eq!((restrictions.branch.unwrap().as_str(), restrictions.rate_limit), ("pr-1", Some(60)));
        assert!(!format!("{:?}", made.output.secret).contains("fb_pk"));
    }

    #[tokio::test]
    async fn a_service_key_may_have_every_scope() {
        let server = Answers::with(201, fresh()).await;
        let command = CreateServiceKey { name: "ci".to_owned(), scopes: Scopes::ALL, expires_in: None, rate_limit: None };
        let made = client(&server).send(&command).await.unwrap();
        assert_eq!(made.output.record.kind, KeyKind::Service);
        let asked = server.only_request();
        assert_eq!((asked.target.as_str(), asked.json()), ("POST /api/v1/admin/service-keys", json!({ "name": "ci", "scopes": ["*"] })));
    }

    #[tokio::test]
    async fn keys_are_listed_and_revoked_by_kind() {
        let server = Answers::with(200, json!({ "items": [stored()], "next_cursor": null })).await;
        let page = client(&server).send(&ListApiKeys { page: PageRequest::default() }).await.unwrap().output;
        assert_eq!(page.items[0].prefix, "fb_pk_abcd");
        assert_eq!(server.only_request().target, "GET /api/v1/admin/api-keys?limit=100");

        let server = Answers::with(200, stored()).await;
        client(&server).send(&RevokeServiceKey { id: ID.parse().unwrap() }).await.unwrap();
        assert_eq!(server.only_request().target, format!("DELETE /api/v1/admin/service-keys/{ID}"));
    }
}
