//! People's own migrations and seed files, run inside the databases of branches.
//!
//! What a file may do is the database's to say, not a parser's: everything runs over a login that is no superuser and reaches none, on a connection of
//! its own for each file, so that nothing that a file sets outlives it. After each statement the connection must still be in the file's transaction, in
//! the owner's role, and in UTF-8.

mod connect;
mod csv_end;
mod ended_transaction;
mod execute;
mod failure;
mod going_on;
mod in_transaction;
mod index;
mod keeper;
mod ledger;
mod ledger_guard;
mod migration_folder;
mod observe;
mod repair;
mod runner;
mod seed_again;
mod seed_csv;
mod seed_encoding;
mod seed_folder;
mod seed_log;
mod seeds;
mod settings;
mod tries;
mod without_transaction;
mod worker;

pub use migration_folder::MigrationFolder;
pub use runner::PgMigrationRunner;
pub use seeds::PgSeedRunner;
pub use settings::{MigrationLimits, MigrationSettings, Seat};
