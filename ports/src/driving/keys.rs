//! Commands on API keys and service keys.

use super::Command;
use crate::driven::{KeyRecord, Secret};
use domain::{
    Action, Scopes, Slug,
    access::KeyId,
    branch::ExpiresIn,
    page::{Page, PageRequest},
    table::QualifiedName,
};

/// Make an API key.
#[derive(Clone, Debug)]
pub struct CreateApiKey {
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// The user it acts for, by id or e-mail; `anon` when not given.
    pub user: Option<String>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// The only branch it may be used on, as far as its user may. Its maker sees it; for a key of nobody, which the pin alone lets in, the maker may share it.
    pub branch: Option<Slug>,
    /// Whether it may only read.
    pub read_only: bool,
    /// The only tables it may touch.
    pub tables: Option<Vec<QualifiedName>>,
    /// When it stops being good.
    pub expires_in: Option<ExpiresIn>,
    /// Requests a minute.
    pub rate_limit: Option<u32>,
}

/// A key as it was made, with its secret: the only time it is shown.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    /// What is kept of it.
    pub record: KeyRecord,
    /// What its holder sends.
    pub secret: Secret,
}

impl Command for CreateApiKey {
    const ACTION: Action = Action::CreateApiKey;
    type Output = CreatedKey;

    fn target(&self) -> Option<String> {
        Some(self.name.clone())
    }
}

/// Make a service key.
#[derive(Clone, Debug)]
pub struct CreateServiceKey {
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it stops being good.
    pub expires_in: Option<ExpiresIn>,
    /// Requests a minute.
    pub rate_limit: Option<u32>,
}

impl Command for CreateServiceKey {
    const ACTION: Action = Action::CreateServiceKey;
    type Output = CreatedKey;

    fn target(&self) -> Option<String> {
        Some(self.name.clone())
    }
}

macro_rules! list_and_revoke {
    ($list:ident, $revoke:ident, $what:literal) => {
        #[doc = concat!("List ", $what, "s, newest first.")]
        #[derive(Clone, Debug)]
        pub struct $list {
            /// Which page.
            pub page: PageRequest,
        }

        impl Command for $list {
            const ACTION: Action = Action::$list;
            type Output = Page<KeyRecord>;
        }

        #[doc = concat!("Revoke one ", $what, ": it is refused from now on. Revoking twice is no error.")]
        #[derive(Clone, Debug)]
        pub struct $revoke {
            /// Which.
            pub id: KeyId,
        }

        impl Command for $revoke {
            const ACTION: Action = Action::$revoke;
            type Output = KeyRecord;

            fn target(&self) -> Option<String> {
                Some(self.id.to_string())
            }
        }
    };
}

list_and_revoke!(ListApiKeys, RevokeApiKey, "API key");
list_and_revoke!(ListServiceKeys, RevokeServiceKey, "service key");
