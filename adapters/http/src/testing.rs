//! What tests of several files need.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    Action, Caller, Failure, Principal, Scopes,
    access::{Door, PrincipalKind, Restrictions, Role},
};
use ports::{
    driven::Document,
    driving::{Authenticator, Command, Credentials, UnreadRequests, UseCase},
};
use std::{collections::VecDeque, sync::Arc};

/// A document of given chunks.
pub(crate) struct Chunks {
    left: VecDeque<Bytes>,
    rows: u64,
    end: Option<Failure>,
}

impl Chunks {
    pub(crate) fn new(chunks: impl IntoIterator<Item = impl Into<Bytes>>, rows: u64) -> Self {
        Self { left: chunks.into_iter().map(Into::into).collect(), rows, end: None }
    }

    /// Ends with a failure.
    pub(crate) fn failing(self, failure: Failure) -> Self {
        Self { end: Some(failure), ..self }
    }

    pub(crate) fn boxed(self) -> Box<dyn Document> {
        Box::new(self)
    }
}

#[async_trait]
impl Document for Chunks {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match (self.left.pop_front(), self.end.take()) {
            (Some(chunk), end) => {
                self.end = end;
                Ok(Some(chunk))
            }
            (None, Some(failure)) => Err(failure),
            (None, None) => Ok(None),
        }
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn truncated(&self) -> bool {
        false
    }
}

/// Knows one API key, `good`.
pub(crate) struct OneKey;

#[async_trait]
impl Authenticator for OneKey {
    async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Principal>, Failure> {
        match credentials.api_key.as_deref() {
            Some("good") => Ok(Arc::new(Principal {
                kind: PrincipalKind::ApiKey(domain::access::KeyId::from_uuid(uuid::Uuid::nil())),
                role: Role::Authenticated,
                user_id: None,
                foreign_subject: None,
                claims: "{}".to_owned(),
                scopes: Scopes::ALL,
                restrictions: Restrictions::default(),
                expires_at: None,
                session_id: None,
            })),
            Some(_) => Err(Failure::Unauthenticated { reason: "the API key is not good" }),
            None => Err(Failure::Unauthenticated { reason: "no credential was sent" }),
        }
    }
}

/// A use case that is not to be reached.
pub(crate) struct Unreached;

#[async_trait]
impl<C: Command> UseCase<C> for Unreached {
    async fn run(&self, caller: &Caller, _command: C) -> Result<C::Output, Failure> {
        assert_eq!(caller.door, Door::Rest);
        panic!("{} was reached", C::ACTION.name());
    }
}

/// Lets every request that cannot be read have its own answer.
pub(crate) struct Admitting;

#[async_trait]
impl UnreadRequests for Admitting {
    async fn admit(&self, _: &Caller, _: Action, _: &str) -> Result<(), Failure> {
        Ok(())
    }
}

/// The id port, always with the same id.
pub(crate) fn ids() -> Arc<dyn ports::driven::Ids> {
    let mut ids = ports::driven::MockIds::new();
    ids.expect_fresh().returning(uuid::Uuid::nil);
    Arc::new(ids)
}

/// Seals by writing down what it is asked to seal.
pub(crate) fn cursors() -> Arc<dyn ports::driven::CursorSeal> {
    fn digest(subject: &domain::table::PageSubject) -> usize {
        subject.as_bytes().iter().copied().map(usize::from).sum()
    }
    let mut cursors = ports::driven::MockCursorSeal::new();
    cursors.expect_seal().returning(|subject, offset| format!("{}-{offset}", digest(subject)));
    cursors.expect_open().returning(|subject, cursor| {
        let (of, offset) = cursor.split_once('-')?;
        (of == digest(subject).to_string()).then(|| offset.parse().ok()).flatten()
    });
    Arc::new(cursors)
}

/// The OpenAPI document knows just the fields that a body is read for.
#[track_caller]
pub(crate) fn assert_described<T: crate::body::FromFields>() {
    let mut registry = poem_openapi::registry::Registry::new();
    let schema = registry.create_fake_schema::<T::Document>();
    let described: Vec<_> = schema.properties.iter().map(|(name, _)| *name).collect();
    assert_eq!(described, crate::body::Fields::known_to::<T>());
}
