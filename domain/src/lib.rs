//! Values and rules of Fluxbase. No I/O, no clock, no randomness.

pub mod access;
pub mod audit;
pub mod branch;
pub mod catalogue;
pub mod difference;
pub mod failure;
mod lexer;
pub mod migration;
pub mod operation;
pub mod page;
pub mod privacy;
pub mod schema;
pub mod table;
pub mod unseen;
pub mod user;

pub use access::{Access, Action, Caller, Denied, Effect, Principal, Role, Scope, Scopes};
pub use branch::{Branch, BranchId, BranchName, BranchState, BranchType, DataCloneMode, Generation, Slug};
pub use failure::{Failure, Fault, SqlFailure};
pub use operation::{Operation, OperationId, OperationKind, StepName};
pub use user::UserId;

/// A cause that is logged and never shown to a caller.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An identifier of ours: a UUID with a type, so that one kind is never taken for another.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// Wraps a UUID made by the id port or read from storage.
            pub const fn from_uuid(id: uuid::Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself.
            pub const fn as_uuid(&self) -> uuid::Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                raw.parse().map(Self)
            }
        }
    };
}
pub(crate) use identifier;
