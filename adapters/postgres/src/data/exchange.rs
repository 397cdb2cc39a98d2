//! One request as one exchange: role, claims and limits first, then the statement, all in one implicit transaction.

use std::sync::Arc;

use domain::{Access, Principal};

use super::{failure::Deadline, lent_rows::Lender, settings::Settings, shares::Shares, sql};
use crate::wire::{Exchange, Pool, RowsStream, Statement, WireError};

const SETTLE: &str = "select pg_catalog.set_config('role', $1, true), pg_catalog.set_config('request.jwt.claims', $2, true), \
     pg_catalog.set_config('transaction_read_only', $3, true), pg_catalog.set_config('statement_timeout', $4, true)";
const BEGIN: Statement<'static> = Statement { sql: "begin", params: &[] };
/// What would be found out at the commit is found out before the rollback.
const CHECK_CONSTRAINTS: Statement<'static> = Statement { sql: "set constraints all immediate", params: &[] };
const ROLLBACK: Statement<'static> = Statement { sql: "rollback", params: &[] };

/// As whom, and how, statements run.
#[derive(Clone, Debug)]
pub(super) struct Runner {
    pub(super) settings: Arc<Settings>,
    pub(super) pool: Pool,
    pub(super) shares: Arc<Shares>,
    pub(super) role: String,
    pub(super) principal: Arc<Principal>,
    pub(super) access: Access,
}

/// What becomes of a statement's effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effects {
    Kept,
    TakenBack,
}

impl Runner {
    pub(super) async fn run(&self, statement: &sql::Statement<'_>, effects: Effects) -> Result<RowsStream, WireError> {
        let timeout = self.settings.statement_timeout.as_millis().to_string();
        let read_only = if self.access == Access::Read { "on" } else { "off" };
        let settle = [Some(self.role.as_str()), Some(self.principal.claims.as_str()), Some(read_only), Some(timeout.as_str())];
        let settle = Statement { sql: SETTLE, params: &settle };
        let params: Vec<_> = statement.params.iter().map(|param| Some(&**param)).collect();
        let main = Statement { sql: &statement.sql, params: &params };
        let retry_safe = self.access == Access::Read;
        let exchange = match effects {
            Effects::Kept => Exchange { prelude: &[settle], main, trailing: &[], retry_safe },
            Effects::TakenBack => Exchange { prelude: &[BEGIN, settle], main, trailing: &[CHECK_CONSTRAINTS, ROLLBACK], retry_safe },
        };
        let share = self.shares.take(&self.principal).await?;
        Ok(self.pool.run(&exchange).await?.holding(share))
    }

    /// Whose connection an answer is read from.
    pub(super) fn lender(&self) -> Lender {
        Lender { pool: self.pool.clone(), shares: self.shares.clone(), principal: self.principal.clone() }
    }

    pub(super) fn deadline(&self) -> Deadline {
        Deadline::new(self.settings.statement_timeout)
    }
}
