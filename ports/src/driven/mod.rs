//! What we ask of the world. Each port is a trait with its contract; `adapters/*` keep it, `adapters/memory` fakes it honestly.

mod activity;
mod audit;
mod branch_builder;
mod branch_databases;
mod branch_logins;
mod branch_probe;
mod branch_users;
mod clock;
mod control_plane;
mod credentials;
mod cursors;
mod database_logins;
mod directories;
mod failpoints;
mod keys;
mod migration_files;
mod migration_history;
mod migrations;
mod operations;
mod place;
mod rate_limit;
mod schemas;
mod users;

pub use activity::{ActivityEntry, ActivityRepository};
pub use audit::{AuditFilter, AuditLog, AuditRecord, AuditRepository};
pub use branch_builder::{
    BranchBuilder, BuildError, BuildProgress, BuildReport, BuildRequest, BuildSource, DatabaseTag, Stock, SweepReport, TrialCopies, TrialSource,
};
pub use branch_databases::{BranchDatabases, BranchRoute, BranchSession, Document, OpenDatabase, OpenDatabases, Rows, SecurityContext, Written};
pub use branch_logins::{BranchLogin, BranchLogins};
pub use branch_probe::{BranchHealth, BranchProbe, DatabaseHealth};
pub use branch_users::BranchUsers;
pub use clock::{Clock, Ids};
pub use control_plane::{BranchRepository, CONTROL_PLANE_APPLICATION, ControlPlane, Footing, PRESENT, StoreError, UnitOfWork};
pub use credentials::{
    AccessToken, InvalidToken, KeyKind, KeyMint, MintedKey, PasswordError, Passwords, RefreshTokens, Secret, SecretBox, TokenClaims, TokenSubject,
    Tokens,
};
pub use cursors::CursorSeal;
pub use database_logins::{DatabaseLogin, DatabaseLogins, LoginPurpose, LoginRestorer, NoLoginRestorer};
pub use directories::{BranchDirectory, KeyDirectory, SessionDirectory};
pub use failpoints::{Failpoints, NoFailpoints};
pub use keys::{KeyRecord, KeyRepository, StoredKey};
pub use migration_files::{MigrationFiles, ProjectFile};
pub use migration_history::{MigrationHistory, MigrationHistoryRepository, MigrationOutcome};
pub use migrations::{
    AppliedFile, ApplyRequest, FileFailure, LockTaken, MigrationError, MigrationEvent, MigrationProgress, MigrationRunner, NoMigrationProgress,
    Observed, Repair, SeedFile, SeedReport, SeedRequest, SeedRunner, SownFile, StatementReport,
};
pub use operations::{OperationRepository, OperationSignals, Workload};
pub use place::DatabasePlace;
pub use rate_limit::{NoBudget, RateLimiter};
pub use schemas::{Proof, Readings, SchemaReader, ScriptProver};
pub use users::{SessionRepository, StoredUser, UserRepository};

#[cfg(feature = "mock")]
pub use {
    activity::MockActivityRepository,
    audit::{MockAuditLog, MockAuditRepository},
    branch_builder::{MockBranchBuilder, MockBuildProgress, MockStock, MockTrialCopies},
    branch_databases::{MockBranchDatabases, MockBranchSession, MockOpenDatabases},
    branch_logins::MockBranchLogins,
    branch_probe::MockBranchProbe,
    branch_users::MockBranchUsers,
    clock::{MockClock, MockIds},
    control_plane::{MockBranchRepository, MockControlPlane},
    credentials::{MockKeyMint, MockPasswords, MockRefreshTokens, MockTokens},
    cursors::MockCursorSeal,
    directories::{MockBranchDirectory, MockKeyDirectory, MockSessionDirectory},
    keys::MockKeyRepository,
    migration_files::MockMigrationFiles,
    migration_history::MockMigrationHistoryRepository,
    migrations::{MockMigrationProgress, MockMigrationRunner, MockSeedRunner},
    operations::{MockOperationRepository, MockOperationSignals},
    rate_limit::MockRateLimiter,
    schemas::{MockSchemaReader, MockScriptProver},
    users::{MockSessionRepository, MockUserRepository},
};
