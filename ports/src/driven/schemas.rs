//! The schemas of databases: read, told in unified text, and scripts tried out on them.

use super::{BuildError, DatabasePlace};
use async_trait::async_trait;
use domain::{
    branch::DatabaseName,
    schema::{Fingerprint, ObjectMap, SchemaDiff, SchemaSnapshot, ScriptStatement},
};
use std::sync::Arc;

/// Reads schemas of databases that may be in use.
///
/// # Contract
/// - What is ours is no part of a schema: the control plane, the ledger of our own migrations, the schemas that they make. Neither are owners, nor what
///   an owner grants to itself, nor passwords of other servers, nor what no clone of a database has.
/// - A database and a faithful clone of it have one fingerprint.
/// - A reading is of one snapshot. A fingerprint costs milliseconds where nothing changed since the database, or the one that it is a copy of, was read.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SchemaReader: Send + Sync {
    /// The schema's fingerprint.
    async fn fingerprint(&self, of: &DatabasePlace) -> Result<Fingerprint, BuildError>;
    /// The whole schema.
    async fn read(&self, of: &DatabasePlace) -> Result<Arc<SchemaSnapshot>, BuildError>;
    /// The differences as unified text, an object after the other.
    fn unified_text(&self, target: &ObjectMap, source: &ObjectMap) -> String;
    /// Both schemas, read at once, each by one reading; where their fingerprints are equal nothing more is read.
    async fn both(&self, target: &DatabasePlace, source: &DatabasePlace) -> Result<Readings, BuildError>;
    /// How the source differs from the target.
    async fn diff(&self, target: &DatabasePlace, source: &DatabasePlace) -> Result<SchemaDiff, BuildError> {
        Ok(self.both(target, source).await?.diff())
    }
}

/// The schemas of two databases.
#[derive(Clone, Debug)]
pub enum Readings {
    /// They have one fingerprint.
    Equal(Fingerprint),
    /// They differ.
    Unequal {
        /// What the script changes.
        target: Arc<SchemaSnapshot>,
        /// What the target is to become.
        source: Arc<SchemaSnapshot>,
    },
}

impl Readings {
    /// How the source differs from the target.
    pub fn diff(&self) -> SchemaDiff {
        match self {
            Self::Equal(fingerprint) => SchemaDiff::equal(fingerprint.clone()),
            Self::Unequal { target, source } => SchemaDiff::between(target, source),
        }
    }
}

/// What came of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It ran. What is left between the result and the source; an empty one is a full proof.
    Ran(Box<SchemaDiff>),
    /// A statement failed.
    Failed {
        /// Which, counted from 0.
        statement: usize,
        /// PostgreSQL's words, with the SQLSTATE.
        message: String,
    },
}

/// Tries scripts out.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ScriptProver: Send + Sync {
    /// Runs a script in a throw-away copy of the target, as the owner of branches, and compares what comes of it with the source.
    async fn prove(&self, copy: &DatabaseName, script: &[ScriptStatement], source: &SchemaSnapshot) -> Result<Proof, BuildError>;
}
