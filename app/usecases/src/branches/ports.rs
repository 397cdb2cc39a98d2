//! What the use cases on branches need.

use crate::{acquaintances::Acquaintances, routing::DatabaseNames};
use ports::driven::{BranchLogins, BranchProbe, Clock, ControlPlane, Ids, MigrationFiles, MigrationRunner, SchemaReader, SeedRunner};
use std::sync::Arc;

/// What the use cases on branches need.
#[derive(Clone)]
pub struct BranchPorts {
    /// Branches and operations.
    pub control_plane: Arc<dyn ControlPlane>,
    /// Fresh identities.
    pub ids: Arc<dyn Ids>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How databases are called.
    pub names: DatabaseNames,
    /// Looks at databases from outside.
    pub probe: Arc<dyn BranchProbe>,
    /// The logins of branches.
    pub logins: Arc<dyn BranchLogins>,
    /// Who is known in which branch.
    pub acquaintances: Arc<Acquaintances>,
    /// The ledgers of branches.
    pub migrations: Arc<dyn MigrationRunner>,
    /// The project's migrations.
    pub migration_files: Arc<dyn MigrationFiles>,
    /// The project's seeds.
    pub seeds: Arc<dyn SeedRunner>,
    /// The schemas of branches.
    pub schemas: Arc<dyn SchemaReader>,
}
