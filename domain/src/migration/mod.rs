//! People's own migrations and seed files: what a file is, which statements it holds, what is to be applied and what stands in the way.

mod copy_header;
mod documented_locks;
mod drift;
mod file;
mod index_build;
mod ledger;
mod plan;
mod refusal;
mod repair;
mod reset;
mod seed;
mod session;
mod split;
mod statement;
mod way_back;

pub use copy_header::{InvalidCsvHeader, read_csv_header};
pub use documented_locks::documented_locks;
pub use drift::{SchemaMark, last_applied};
pub use file::{Checksum, InvalidChecksum, InvalidMigrationFile, InvalidMigrationVersion, LeftOut, MigrationFile, MigrationSet, MigrationVersion};
pub use index_build::{IndexBuild, Reindex};
pub use ledger::{LedgerEntry, LedgerState};
pub use plan::{Coverage, Plan, plan};
pub use refusal::Refusal;
pub use repair::{RepairAction, UnknownRepair};
pub use reset::Reset;
pub use seed::{InvalidSeedName, Seed, SeedKind};
pub use session::{Held, session_of};
pub use split::{Piece, PieceKind, SplitFault, SplitProblem, split};
pub use statement::{Interrupted, TransactionControl, Unit, units};
pub use way_back::WayBack;
