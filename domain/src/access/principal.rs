//! The authenticated identity behind a request, and the one policy that says what it may do.

use super::{Action, Effect, Peer, Requirement, Scope, Scopes};
use crate::{
    branch::{AccessLevel, Slug},
    failure::shown,
    table::QualifiedName,
    user::UserId,
};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

crate::identifier! {
    /// An API key or a service key.
    KeyId
}

/// The PostgreSQL role a request runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Nobody in particular.
    Anon,
    /// A signed-in user, or a key bound to one.
    Authenticated,
    /// Bypasses row level security.
    Service,
}

impl Role {
    /// The role's name in PostgreSQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::Authenticated => "authenticated",
            Self::Service => "service_role",
        }
    }
}

/// What kind of credential was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// `X-API-Key`.
    ApiKey(KeyId),
    /// `X-Service-Key`.
    ServiceKey(KeyId),
    /// A JSON Web Token. Its `sub` is the user, where it is a UUID.
    Token,
    /// No credential, where that is allowed.
    Anonymous,
    /// Fluxbase itself.
    Internal,
}

impl PrincipalKind {
    /// As written in the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiKey(_) => "api_key",
            Self::ServiceKey(_) => "service_key",
            Self::Token => "token",
            Self::Anonymous => "anonymous",
            Self::Internal => "internal",
        }
    }
}

/// What narrows a key further than its scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// The only branch it may be used on; requests that name none go there. It gives a user's key no access.
    pub branch: Option<Slug>,
    /// Whether it may only read.
    pub read_only: bool,
    /// The only tables it may touch, through embeds and views too.
    pub tables: Option<Vec<QualifiedName>>,
    /// Requests a minute, over all replicas; holds even where the global limit is off.
    pub rate_limit: Option<u32>,
}

/// An authenticated identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The credential.
    pub kind: PrincipalKind,
    /// The role its statements run as.
    pub role: Role,
    /// The user acted for.
    pub user_id: Option<UserId>,
    /// A token's `sub` where it is no user id of ours: other issuers have their own kinds.
    pub foreign_subject: Option<String>,
    /// `request.jwt.claims` as policies see them: a JSON object, as text.
    pub claims: String,
    /// What the credential may be used for.
    pub scopes: Scopes,
    /// What narrows it further.
    pub restrictions: Restrictions,
    /// When the credential stops being good, where it does; caches look at it, for a token is checked once.
    pub expires_at: Option<OffsetDateTime>,
    /// The login session a token belongs to.
    pub session_id: Option<Uuid>,
}

/// Why a principal may not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A scope is missing.
    #[error("this needs the scope {}", names(.any_of))]
    MissingScope {
        /// Any of these would do.
        any_of: &'static [Scope],
    },
    /// The key is read-only.
    #[error("this key is read-only")]
    ReadOnly,
    /// The action belongs to a signed-in user, and nobody is signed in.
    #[error("this needs a signed-in user")]
    NoUser,
    /// A branch is its maker's, and nobody asks for one.
    #[error("a branch is its maker's to use: make it with a credential of a user, or with a service key that has admin:branches")]
    BranchOfNobody,
    /// The key's table list does not have the table.
    #[error("this key may not touch table '{}'", shown(.table, 200))]
    Table {
        /// The table.
        table: String,
    },
    /// The branch is somebody else's.
    #[error("no access to branch '{branch}'")]
    Branch {
        /// The branch.
        branch: String,
    },
    /// The branch is somebody else's, and access to it was granted, but not so far.
    #[error("this needs {needed} access to branch '{branch}'; yours is {level}")]
    BranchLevel {
        /// The branch.
        branch: String,
        /// How far it would have to go.
        needed: AccessLevel,
        /// How far it goes.
        level: AccessLevel,
    },
    /// The branch cannot be changed that way by anybody.
    #[error("{reason}")]
    Protected {
        /// What protects it.
        reason: String,
    },
    /// Who signed up by themselves gets no copy of everybody's rows.
    #[error(
        "who signed up gets branches without rows: ask for data_clone_mode schema_only; an administrator may make you a member (fluxbase users promote <email>), or use a key with admin:branches"
    )]
    FullCloneNeedsMember,
    /// A key may not hand out more than it has.
    #[error("a key cannot be given scopes that its maker does not have")]
    ScopeInflation,
}

impl Denied {
    /// A key that is held to tables, where there is no telling tables apart.
    pub fn of_whole_branch() -> Self {
        Self::Protected { reason: "a key that is held to tables does not reach the whole of a branch".to_owned() }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingScope { .. } => "missing_scope",
            Self::ReadOnly => "read_only",
            Self::NoUser | Self::BranchOfNobody => "no_user",
            Self::Table { .. } => "table_not_allowed",
            Self::Branch { .. } | Self::BranchLevel { .. } => "branch_access_denied",
            Self::Protected { .. } => "protected",
            Self::FullCloneNeedsMember => "full_clone_needs_member",
            Self::ScopeInflation => "scope_inflation",
        }
    }
}

fn names(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" or ")
}

impl Principal {
    /// Fluxbase acting by itself.
    pub fn internal() -> Self {
        Self {
            kind: PrincipalKind::Internal,
            role: Role::Service,
            user_id: None,
            foreign_subject: None,
            claims: r#"{"role":"service_role"}"#.to_owned(),
            scopes: Scopes::ALL,
            restrictions: Restrictions::default(),
            expires_at: None,
            session_id: None,
        }
    }

    /// The authorisation policy: may this principal do this, as far as the credential goes? Branch access and row level security come on top.
    pub fn authorize(&self, action: Action) -> Result<(), Denied> {
        match action.requirement() {
            Requirement::AnyOf(any_of) if !action.requirement().met_by(self.scopes) => return Err(Denied::MissingScope { any_of }),
            Requirement::User if self.user_id.is_none() => return Err(Denied::NoUser),
            _ => {}
        }
        if self.restrictions.read_only && action.effect() != Effect::Read {
            return Err(Denied::ReadOnly);
        }
        if self.is_held_to_a_part() && action.requirement() == Requirement::AnyOf(&[Scope::AdminKeys]) {
            return Err(Denied::Protected { reason: "a key that is held to a branch or to tables administers no keys and users".to_owned() });
        }
        if self.restrictions.tables.is_some() && action.takes_whole_branch() {
            return Err(Denied::of_whole_branch());
        }
        if action == Action::CreateBranch { self.may_make_branches() } else { Ok(()) }
    }

    /// Whoever owns nothing makes no branch: it could not use it, and no quota would hold for it. A pinned key stays where it is pinned.
    pub fn may_make_branches(&self) -> Result<(), Denied> {
        if self.user_id.is_none() && !(self.is_somebody() && self.administers_branches()) {
            return Err(Denied::BranchOfNobody);
        }
        match &self.restrictions.branch {
            Some(pinned) => Err(Denied::Protected { reason: format!("this key is pinned to branch '{pinned}' and makes no others") }),
            None => Ok(()),
        }
    }

    /// Whether what it makes is somebody's. What a credential of nobody made would be nobody's: no quota would hold for it, and administrators alone could
    /// take it away.
    pub fn is_somebody(&self) -> bool {
        let stands_for_itself = match self.kind {
            PrincipalKind::ServiceKey(_) | PrincipalKind::Internal => true,
            PrincipalKind::Token => self.administers_branches(),
            PrincipalKind::ApiKey(_) | PrincipalKind::Anonymous => false,
        };
        self.user_id.is_some() || stands_for_itself
    }

    /// Whether it is kept from a part of what its scopes would reach.
    pub fn is_held_to_a_part(&self) -> bool {
        self.restrictions.branch.is_some() || self.restrictions.tables.is_some()
    }

    /// Whether it may work on everybody's branches.
    pub fn administers_branches(&self) -> bool {
        self.scopes.contains(Scope::AdminBranches)
    }

    /// A text that tells principals apart, for budgets: one per key, one per token's subject.
    pub fn budget_key(&self) -> String {
        match (self.kind, self.user_id, &self.foreign_subject) {
            (PrincipalKind::ApiKey(id) | PrincipalKind::ServiceKey(id), ..) => format!("key:{id}"),
            (PrincipalKind::Token, Some(user), _) => format!("user:{user}"),
            (PrincipalKind::Token, None, Some(subject)) => format!("sub:{subject}"),
            (kind, ..) => kind.name().to_owned(),
        }
    }

    /// The key's or the user's id, for the audit trail.
    pub fn id(&self) -> Option<Uuid> {
        match self.kind {
            PrincipalKind::ApiKey(id) | PrincipalKind::ServiceKey(id) => Some(id.as_uuid()),
            _ => self.user_id.map(|user| user.as_uuid()),
        }
    }
}

/// The door a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// REST.
    Rest,
    /// The Model Context Protocol.
    Mcp,
    /// Fluxbase itself.
    Internal,
}

impl Door {
    /// As written in the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Mcp => "mcp",
            Self::Internal => "internal",
        }
    }
}

/// A principal with its request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub principal: Arc<Principal>,
    /// `X-Request-Id`.
    pub request_id: Arc<str>,
    /// Where it came in.
    pub door: Door,
    /// Whom it came from, as far as that is known: what asks for no credential has a budget for each.
    pub peer: Option<Peer>,
}

/// What a caller may do with the data of a branch in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A READ ONLY transaction.
    Read,
    /// A writing one.
    Write,
}

#[cfg(test)]
mod tests {
    use super::{Denied, Principal, PrincipalKind, Restrictions, Role};
    use crate::access::{Action, Effect, Requirement, Scope, Scopes};

    fn with(scopes: Scopes, restrictions: Restrictions) -> Principal {
        Principal { scopes, restrictions, role: Role::Authenticated, ..Principal::internal() }
    }

    #[test]
    fn without_a_scope_only_what_needs_none_is_allowed() {
        let nobody = with(Scopes::NONE, Restrictions::default());
        for action in Action::ALL {
            assert_eq!(nobody.authorize(*action).is_ok(), action.requirement() == Requirement::Nothing, "{}", action.name());
        }
    }

    #[test]
    fn a_read_only_key_reads_and_does_nothing_else_whatever_its_scopes() {
        let reader = with(Scopes::ALL, Restrictions { read_only: true, ..Restrictions::default() });
        for action in Action::ALL.iter().filter(|action| matches!(action.requirement(), Requirement::AnyOf(_))) {
            let expected = if action.effect() == Effect::Read { Ok(()) } else { Err(Denied::ReadOnly) };
            assert_eq!(reader.authorize(*action), expected, "{}", action.name());
        }
    }

    #[test]
    fn a_key_held_to_tables_administers_no_keys() {
        let held = with(Scopes::ALL, Restrictions { tables: Some(Vec::new()), ..Restrictions::default() });
        for action in [Action::ListUsers, Action::ListApiKeys, Action::RevokeServiceKey, Action::CreateApiKey] {
            assert!(matches!(held.authorize(action), Err(Denied::Protected { .. })), "{}", action.name());
        }
        assert!(held.authorize(Action::QueryTable).is_ok());
    }

    #[test]
    fn a_key_held_to_tables_makes_and_sees_branches_and_takes_none_as_a_whole() {
        let user = Some(crate::UserId::from_uuid(uuid::Uuid::nil()));
        let held = Principal { user_id: user, ..with(Scopes::ALL, Restrictions { tables: Some(Vec::new()), ..Restrictions::default() }) };
        let of_branches = |action: &&Action| {
            let branches = [Scope::ReadBranches, Scope::WriteBranches];
            matches!(action.requirement(), Requirement::AnyOf(scopes) if branches.iter().any(|scope| scopes.contains(scope)))
        };
        let allowed: Vec<_> = Action::ALL.iter().filter(of_branches).filter(|action| held.authorize(**action).is_ok()).copied().collect();
        let looks = [Action::ListBranches, Action::GetBranch, Action::ListBranchAccess, Action::ListBranchActivity, Action::GetOperation];
        assert_eq!(allowed, [&[Action::CreateBranch][..], &looks].concat());
        assert_eq!(held.authorize(Action::GrantBranchAccess), Err(Denied::of_whole_branch()));
    }

    #[test]
    fn a_key_of_nobody_and_a_pinned_one_make_no_branches() {
        let key = PrincipalKind::ApiKey(super::KeyId::from_uuid(uuid::Uuid::nil()));
        let of_nobody = Principal { kind: key, ..with(Scopes::ALL, Restrictions::default()) };
        assert_eq!(of_nobody.authorize(Action::CreateBranch), Err(Denied::BranchOfNobody));
        let service = PrincipalKind::ServiceKey(super::KeyId::from_uuid(uuid::Uuid::nil()));
        for (scope, expected) in [(Scope::WriteBranches, Err(Denied::BranchOfNobody)), (Scope::AdminBranches, Ok(()))] {
            let key = Principal { kind: service, ..with(Scopes::NONE.with(scope), Restrictions::default()) };
            assert_eq!(key.authorize(Action::CreateBranch), expected, "{scope:?}");
        }
        let of_a_user = Principal { user_id: Some(crate::UserId::from_uuid(uuid::Uuid::nil())), ..of_nobody };
        assert_eq!(of_a_user.authorize(Action::CreateBranch), Ok(()));
        let pinned = Restrictions { branch: Some("pr-1".parse().unwrap()), ..Restrictions::default() };
        let pinned = Principal { restrictions: pinned, ..of_a_user };
        assert!(matches!(pinned.authorize(Action::CreateBranch), Err(Denied::Protected { .. })));
        assert!(pinned.authorize(Action::ResetBranch).is_ok());
    }

    #[test]
    fn tokens_of_other_issuers_have_a_budget_each() {
        let of = |subject: &str| {
            let principal = Principal { kind: PrincipalKind::Token, foreign_subject: Some(subject.to_owned()), ..Principal::internal() };
            principal.budget_key()
        };
        assert_ne!(of("auth0|1"), of("auth0|2"));
    }

    #[test]
    fn the_refusal_names_the_scope_that_is_missing() {
        let reader = with(Scopes::NONE.with(Scope::ReadTables), Restrictions::default());
        let denied = reader.authorize(Action::InsertRecord).unwrap_err();
        assert_eq!(denied.to_string(), "this needs the scope write:tables");
    }
}
