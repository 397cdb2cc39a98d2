//! Schemas of databases: what they consist of, how two of them differ, and the script that turns one into the other.

mod diff;
mod facts;
mod fingerprint;
mod identity;
mod map;
mod normal;
mod renames;
mod script;
mod snapshot;
mod sql;

pub use diff::{Change, FieldChange, ObjectChange, SchemaDiff, Summary, Unscripted};
pub use facts::{Address, Alias, AliasPart, ColumnFact, Edge, ExtensionMember, Facts, FunctionFact, InvalidIndex, Node};
pub use fingerprint::Fingerprint;
pub use identity::{Identity, Kind};
pub use map::{Object, ObjectMap};
pub use renames::PossibleRename;
pub use script::{Hazard, ScriptStatement, script_text};
pub(crate) use script::{in_one_transaction, write_script};
pub use snapshot::SchemaSnapshot;
pub use sql::{statements_of_grants, without_privileges};
