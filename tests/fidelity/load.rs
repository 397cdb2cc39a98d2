//! A parent in use: `pgbench` at work in it, and what its rows say of a copy that was made meanwhile.

use crate::dump::program;
use sqlx::PgPool;
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use url::Url;

/// What `pgbench` works on.
pub(crate) const SCHEMA: &str = "bench";

/// `pgbench`, as the parent's owner.
pub(crate) struct Pgbench {
    pub(crate) program: PathBuf,
    /// Of the parent.
    pub(crate) url: Url,
}

impl Pgbench {
    /// Makes its tables, with keys.
    pub(crate) fn make_tables(&self) {
        let made = self.command(&["--initialize", "--init-steps=dtgpf", "--quiet"]).status().unwrap();
        assert!(made.success(), "pgbench makes its tables");
    }

    /// Begins to work; stops when dropped.
    pub(crate) fn start(&self) -> Running {
        let child = self.command(&["--no-vacuum", "--client=2", "--rate=60", "--time=600"]).spawn().unwrap();
        Running(child)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut url = self.url.clone();
        url.set_query(None);
        let mut command = program(&self.program, arguments, url);
        command.env("PGOPTIONS", format!("-c search_path={SCHEMA}")).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// While it lives.
pub(crate) struct Running(Child);

impl Running {
    /// It did not end by itself.
    pub(crate) fn goes_on(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Its transactions so far.
pub(crate) async fn transactions(database: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from bench.pgbench_history").fetch_one(database).await.unwrap()
}

/// Each transaction adds the same to an account, a teller, a branch and the history: a copy of one moment has equal sums.
pub(crate) async fn assert_of_one_moment(copy: &PgPool) {
    let sums: Vec<i64> = sqlx::query_scalar(
        "select unnest(array[(select coalesce(sum(abalance), 0) from bench.pgbench_accounts), (select coalesce(sum(tbalance), 0) from bench.pgbench_tellers),
                             (select coalesce(sum(bbalance), 0) from bench.pgbench_branches), (select coalesce(sum(delta), 0) from bench.pgbench_history),
                             (select count(*) - 100000 from bench.pgbench_accounts)])",
    )
    .fetch_all(copy)
    .await
    .unwrap();
    assert!(sums[..4].iter().all(|sum| *sum == sums[0]) && sums[4] == 0, "accounts, tellers, branches, history: {sums:?}");
}
