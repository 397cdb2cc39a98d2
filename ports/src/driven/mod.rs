//! What we ask of the world. Each port is a trait with its contract; `adapters/*` keep it, `adapters/memory` fakes it honestly.

mod activity;
mod audit;
mod branch_builder;
mod branch_databases;
mod clock;
mod control_plane;
mod credentials;
mod directories;
mod failpoints;
mod keys;
mod operations;
mod rate_limit;
mod users;

pub use activity::{ActivityEntry, ActivityRepository};
pub use audit::{AuditLog, AuditRepository};
pub use branch_builder::{BranchBuilder, BuildError, BuildProgress, BuildReport, BuildRequest, DatabaseTag};
pub use branch_databases::{BranchDatabases, BranchRoute, BranchSession, Document, Rows, SecurityContext, Written};
pub use clock::{Clock, Ids};
pub use control_plane::{BranchRepository, ControlPlane, StoreError, UnitOfWork};
pub use credentials::{
    AccessToken, InvalidToken, KeyKind, KeyMint, MintedKey, PasswordError, Passwords, RefreshTokens, Secret, SecretBox, TokenClaims, TokenSubject,
    Tokens,
};
pub use directories::{BranchDirectory, KeyDirectory};
pub use failpoints::{Failpoints, NoFailpoints};
pub use keys::{KeyRecord, KeyRepository, StoredKey};
pub use operations::{OperationRepository, OperationSignals};
pub use rate_limit::RateLimiter;
pub use users::{SessionRepository, StoredUser, UserRepository};

#[cfg(feature = "mock")]
pub use {
    activity::MockActivityRepository,
    audit::{MockAuditLog, MockAuditRepository},
    branch_builder::{MockBranchBuilder, MockBuildProgress},
    branch_databases::{MockBranchDatabases, MockBranchSession},
    clock::{MockClock, MockIds},
    control_plane::{MockBranchRepository, MockControlPlane},
    credentials::{MockKeyMint, MockPasswords, MockRefreshTokens, MockTokens},
    directories::{MockBranchDirectory, MockKeyDirectory},
    keys::MockKeyRepository,
    operations::{MockOperationRepository, MockOperationSignals},
    rate_limit::MockRateLimiter,
    users::{MockSessionRepository, MockUserRepository},
};
