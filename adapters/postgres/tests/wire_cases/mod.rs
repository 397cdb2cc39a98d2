//! What the cases share: targets, pools, and short ways to ask.

mod cancelling;
mod connecting;
mod exchanging;
mod fake_server;
mod pooling;
mod streaming;

use std::{num::NonZeroUsize, time::Duration};

use fluxbase_postgres::wire::{Budget, Exchange, Host, Pool, PoolOptions, RowPart, RowsStream, Statement, Target, TlsMode, WireError};

use crate::cluster::{PASSWORD, cluster};

pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// The cluster by its Unix socket, under a name of its own in `pg_stat_activity`.
pub(crate) fn target(name: &str) -> Target {
    let cluster = cluster();
    let folder = cluster.folder.to_str().unwrap().replace('/', "%2F");
    let password = PASSWORD.replace(' ', "%20");
    format!("postgres://postgres:{password}@{folder}:{}/postgres?application_name={name}", cluster.port).parse().unwrap()
}

pub(crate) fn tcp_target(name: &str, host: &str, tls: TlsMode) -> Target {
    Target { host: Host::Tcp(host.to_owned(), cluster().port), tls, ..target(name) }
}

pub(crate) fn options(max_connections: usize) -> PoolOptions {
    let max_connections = NonZeroUsize::new(max_connections).unwrap();
    PoolOptions::new(max_connections, Budget::new(max_connections))
}

pub(crate) fn pool(name: &str, max_connections: usize) -> Pool {
    Pool::new(target(name), options(max_connections)).unwrap()
}

pub(crate) fn statement(sql: &str) -> Statement<'_> {
    Statement { sql, params: &[] }
}

pub(crate) fn read<'a>(prelude: &'a [Statement<'a>], main: Statement<'a>) -> Exchange<'a> {
    Exchange { prelude, main, trailing: &[], retry_safe: true }
}

pub(crate) async fn gather(stream: &mut RowsStream) -> Result<Rows, WireError> {
    let mut rows = vec![];
    while let Some(part) = stream.next().await? {
        let RowPart::Row(row) = part else { panic!("a small row came in pieces") };
        rows.push(row.cells().map(|cell| cell.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())).collect());
    }
    Ok(rows)
}

pub(crate) async fn ask(pool: &Pool, exchange: Exchange<'_>) -> Result<Rows, WireError> {
    gather(&mut pool.run(&exchange).await?).await
}

/// The one value of one row.
pub(crate) async fn value(pool: &Pool, sql: &str) -> String {
    let rows = ask(pool, read(&[], statement(sql))).await.unwrap();
    rows[0][0].clone().unwrap()
}

/// Runs statements that belong to a test's set-up, one after the other.
pub(crate) async fn set_up(pool: &Pool, statements: &[&str]) {
    for sql in statements {
        ask(pool, Exchange { retry_safe: false, ..read(&[], statement(sql)) }).await.unwrap();
    }
}

/// Waits until `sql` says `t`, at most a second. The waiting is done by the server.
pub(crate) async fn within_a_second(pool: &Pool, sql: &str) {
    let wait = async { while value(pool, &format!("select ({sql}), pg_stat_clear_snapshot(), pg_sleep(0.01)")).await != "t" {} };
    tokio::time::timeout(Duration::from_secs(1), wait).await.unwrap_or_else(|_| panic!("not within a second: {sql}"));
}
