//! Keys that are there without anybody asking: the local owner's, and at the first start of the demo one each for Alice and Bob.

use super::{
    ServeError,
    files::{self, PrivateFile},
    wiring::House,
};
use crate::config::Settings;
use domain::{Caller, Failure, Principal, Scope, Scopes, access::Door, page::PageRequest};
use ports::{
    driven::{KeyDirectory, KeyKind, KeyMint, Secret},
    driving::{CreateApiKey, CreateServiceKey, ListApiKeys},
};
use std::sync::Arc;

/// What is shown once.
#[derive(Debug, Default)]
pub(super) struct FirstKeys {
    /// E-mail address and key of each demo user, at the first start only.
    pub(super) demo: Vec<(&'static str, Secret)>,
    /// Whether the local owner's key was made now.
    pub(super) owner_is_new: bool,
}

/// Room for a key.
const LONGEST_KEY: usize = 256;

const DEMO_USERS: [&str; 2] = ["alice@example.com", "bob@example.com"];

/// Makes the keys that are missing.
pub(super) async fn ensure(house: &House, settings: &Settings) -> Result<FirstKeys, ServeError> {
    let caller = Caller { principal: Arc::new(Principal::internal()), request_id: "start".into(), door: Door::Internal, peer: None };
    let mut keys = FirstKeys::default();
    let path = files::owner_key_file(&settings.embedded.data_dir);
    if !owner_key_is_good(house, &path).await? {
        let unwritable = |source| ServeError::File { path: path.display().to_string(), source };
        // First: a key that nobody can read would be good all the same.
        let file = PrivateFile::reserve(&path, LONGEST_KEY).map_err(unwritable)?;
        let command = CreateServiceKey { name: "local owner".to_owned(), scopes: Scopes::ALL, expires_in: None, rate_limit: None };
        let made = house.use_cases.create_service_key.run(&caller, command).await?;
        file.publish(made.secret.expose().as_bytes()).map_err(unwritable)?;
        keys.owner_is_new = true;
    }
    if settings.database.url.is_none() && settings.embedded.demo && no_api_keys(house, &caller).await? {
        for email in DEMO_USERS {
            if let Some(secret) = demo_key(house, &caller, email).await? {
                keys.demo.push((email, secret));
            }
        }
    }
    Ok(keys)
}

/// Whether the file holds a key that this very database knows.
async fn owner_key_is_good(house: &House, path: &std::path::Path) -> Result<bool, ServeError> {
    let Ok(key) = std::fs::read_to_string(path) else { return Ok(false) };
    let Some(prefix) = house.mint.prefix_of(KeyKind::Service, key.trim()) else { return Ok(false) };
    let found = house.keys.find(&prefix).await.map_err(Failure::from)?;
    Ok(found.is_some_and(|stored| house.mint.matches(key.trim(), &stored.hash) && stored.record.revoked_at.is_none()))
}

async fn no_api_keys(house: &House, caller: &Caller) -> Result<bool, ServeError> {
    let page = PageRequest { limit: 1, cursor: None };
    Ok(house.use_cases.list_api_keys.run(caller, ListApiKeys { page }).await?.items.is_empty())
}

/// A key with which an assistant can do what its user can; `None` where the demo's users are not there.
async fn demo_key(house: &House, caller: &Caller, email: &'static str) -> Result<Option<Secret>, ServeError> {
    let scopes = [Scope::ReadTables, Scope::WriteTables, Scope::ReadBranches, Scope::WriteBranches].into_iter().collect();
    let command = CreateApiKey {
        name: format!("demo {email}"),
        user: Some(email.to_owned()),
        scopes,
        branch: None,
        read_only: false,
        tables: None,
        expires_in: None,
        rate_limit: None,
    };
    match house.use_cases.create_api_key.run(caller, command).await {
        Ok(made) => Ok(Some(made.secret)),
        Err(Failure::NotFound { .. }) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}
