//! Asks a database for its catalogue, and whether that has changed.

use std::sync::Arc;

use domain::{Failure, branch::DatabaseName};
use tokio::time::timeout;

use super::{known::KnownCatalogue, rows};
use crate::{
    data::{failure::Deadline, one_row::one_row, settings::Settings},
    wire::{Exchange, Pool, Statement},
};

/// Names come out qualified where the search path does not lead to them.
const SETTLE: Statement<'static> = Statement {
    sql: "select set_config('search_path', 'pg_catalog', true), set_config('transaction_read_only', 'on', true), \
          set_config('statement_timeout', '30s', true)",
    params: &[],
};
const TOKEN: &str = include_str!("token.sql");
const QUERY: &str = include_str!("query.sql");

/// Asks a database for its catalogue, and whether that has changed.
#[derive(Debug)]
pub(in crate::data) struct CatalogueSource {
    query: String,
    schemas: Vec<String>,
    roles: [String; 3],
    settings: Arc<Settings>,
}

impl CatalogueSource {
    pub(in crate::data) fn new(settings: &Arc<Settings>, database: &DatabaseName) -> Self {
        use domain::access::Role::{Anon, Authenticated, Service};
        Self {
            query: QUERY.replace("/*token*/", &format!("({TOKEN})")),
            schemas: settings.schemas.clone(),
            roles: [Anon, Authenticated, Service].map(|role| settings.role(role, database).to_owned()),
            settings: settings.clone(),
        }
    }

    /// The change token: another one after any DDL.
    pub(super) async fn token(&self, pool: &Pool) -> Result<String, Failure> {
        let [token] = self.ask(pool, TOKEN, &[]).await?;
        Ok(String::from_utf8_lossy(&token).into_owned())
    }

    /// The catalogue with the token it was read at.
    pub(super) async fn read(&self, pool: &Pool) -> Result<KnownCatalogue, Failure> {
        let schemas = crate::data::sql::array_literal(&self.schemas);
        let roles = crate::data::sql::array_literal(&self.roles);
        let [token, json] = self.ask(pool, &self.query, &[Some(&schemas), Some(&roles)]).await?;
        let catalogue = rows::parse(&json, &self.schemas).map_err(Failure::internal)?;
        Ok(KnownCatalogue { token: String::from_utf8_lossy(&token).into_owned(), catalogue: Arc::new(catalogue) })
    }

    /// Not for longer than the server itself would let it take: it may not be there any more, and all requests wait for one that asks.
    async fn ask<const COLUMNS: usize>(&self, pool: &Pool, sql: &str, params: &[Option<&str>]) -> Result<[Vec<u8>; COLUMNS], Failure> {
        let deadline = Deadline::new(self.settings.statement_timeout);
        let exchange = Exchange { prelude: &[SETTLE], main: Statement { sql, params }, trailing: &[], retry_safe: true };
        let asked = timeout(self.settings.catalogue_timeout, async { one_row(pool.run(&exchange).await?).await }).await;
        let answer = asked.map_err(|_| Failure::unavailable("the database does not answer", None))?;
        let columns = answer.map_err(|error| deadline.failure(error).of_reading())?;
        columns.try_into().map_err(|_| Failure::internal("the catalogue's answer has not the columns asked for"))
    }
}
