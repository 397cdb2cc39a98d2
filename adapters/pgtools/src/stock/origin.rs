//! What a copy is of: a database, its definitions as they stand, and the settings by which rows were left out.

use super::token::change_token;
use crate::{
    connect::{APPLICATION, run},
    error::from_sql,
    hex::hex,
    quoting::relation,
    settings::Settings,
};
use domain::{DataCloneMode, branch::DatabaseName};
use ports::driven::BuildError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};

/// Two databases of equal origin are copies of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The parent.
    pub(crate) database: DatabaseName,
    pub(crate) is_main: bool,
    pub(crate) mode: DataCloneMode,
    /// The parent's own number: its name may be another database's later.
    pub(crate) oid: i64,
    /// Another one after any change of the parent's definitions, or of the rows that come along whatever is asked for.
    pub(crate) token: String,
    /// Another one when other rows are to be left out, or copies are made by other rules.
    pub(crate) settings: String,
}

/// Whoever has a branch may lock its ledger, and the stock's keeper and everybody's sweeps would wait for that.
const LOCK_PATIENCE: &str = "set lock_timeout = '2s'";

/// Another number whenever copies are made by other rules, such as who may do what in them: what the stock has of before is made anew.
const BUILD_RULES: u32 = 10;

impl Origin {
    /// As the parent stands now. `None`: it is gone. `admin` is a connection to the metadata database.
    pub(crate) async fn now(
        admin: &mut PgConnection,
        settings: &Settings,
        (database, is_main): (&DatabaseName, bool),
        mode: DataCloneMode,
    ) -> Result<Option<Self>, BuildError> {
        let oid = sqlx::query_scalar("select oid::int8 from pg_database where datname = $1 and datallowconn and datconnlimit <> -2")
            .bind(database.as_str())
            .fetch_optional(&mut *admin)
            .await
            .map_err(|error| from_sql("looking for the parent's database", error))?;
        let Some(oid) = oid else { return Ok(None) };
        let token = if is_main && *database == settings.metadata_database {
            change_token(admin).await?
        } else {
            let mut reader = settings.reader_in(database, is_main, APPLICATION).await?;
            run(&mut reader, LOCK_PATIENCE).await.map_err(|error| from_sql("reading the change token", error))?;
            let token = change_token(&mut reader).await?;
            let _ = reader.close().await;
            token
        };
        let settings = withholding(settings);
        Ok(Some(Self { database: database.clone(), is_main, mode, oid, token, settings }))
    }

    /// The same parent and mode, whatever became of its definitions.
    pub(crate) fn same_parent(&self, other: &Self) -> bool {
        (self.oid, self.mode) == (other.oid, other.mode)
    }
}

/// By which settings rows are left out, and values masked.
pub(crate) fn withholding(settings: &Settings) -> String {
    let mut excluded: Vec<_> = settings.excluded_tables.iter().map(relation).collect();
    excluded.sort();
    excluded.push(settings.masking.hash());
    excluded.push(BUILD_RULES.to_string());
    hex(&Sha256::digest(excluded.join("\n"))[..16])
}
