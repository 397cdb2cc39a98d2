//! Who may do what.

mod action;
mod peer;
mod principal;
mod scope;

pub use action::{Action, Effect, Requirement};
pub use peer::Peer;
pub use principal::{Access, Caller, Denied, Door, KeyId, Principal, PrincipalKind, Restrictions, Role};
pub use scope::{Scope, Scopes, UnknownScope};
