//! The server that is measured, with its database, and what is asked of it.

use crate::{
    BoxError, cpu,
    figures::{Figures, Subject},
    load::{self, Login, Request},
};
use fluxbase_tests::{ServerSettings, TestServer, fresh_id};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use std::time::Instant;

const BENCHMARK: &str = "benchmark";
const READ: &str = "tables/users?select=id,email,created_at&is_active=eq.true&order=created_at.desc&limit=10";
const ROWS: usize = 10;

/// Everything that is measured, running.
pub(crate) struct World {
    server: TestServer,
    database: PgPool,
    socket: Login,
    tcp: Login,
    rest: Request,
    mcp: Request,
    /// Requests that were answered, by the load generators' word.
    answered: f64,
}

impl World {
    /// Starts the release build with its own PostgreSQL and the defaults, but no rate limit.
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let server = ServerSettings::new().argument("--no-demo").start().await;
        let database = server.superuser().await;
        database.execute(include_str!("world.sql")).await?;
        let password = fresh_id().to_string();
        database.execute(AssertSqlSafe(format!("alter role {BENCHMARK} password '{password}'"))).await?;
        let options = database.connect_options();
        let socket = Login {
            host: server.data_dir().join("run"),
            port: options.get_port(),
            user: BENCHMARK,
            password,
            database: options.get_database().ok_or("the URL names a database")?.to_owned(),
        };
        let tcp = Login { host: options.get_host().into(), ..socket.clone() };
        let email = "benchmark@example.com";
        server.cli_json(&["users", "create", email]).await;
        let made = server.cli_json(&["keys", "create", "--name", BENCHMARK, "--user", email, "--scope", "read:tables"]).await;
        let key = made["key"].as_str().ok_or("no key was made")?.to_owned();
        let rest = Request { url: format!("{}/api/v1/{READ}", server.url()), key: key.clone(), body: None };
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_table", "arguments": query()}});
        let mcp = Request { url: server.mcp_url().to_owned(), key: key.clone(), body: Some(call.to_string()) };
        let world = Self { server, database, socket, tcp, rest, mcp, answered: 0.0 };
        world.check_answers(&key).await;
        Ok(world)
    }

    /// That what is measured is what is meant.
    async fn check_answers(&self, key: &str) {
        assert_eq!(self.server.get(READ, key).await.rows().len(), ROWS);
        let found = self.server.mcp_ok(key, "query_table", query()).await;
        assert_eq!(found["rows"].as_array().map(Vec::len), Some(ROWS), "{found}");
    }

    /// Measures one of them for a time.
    pub(crate) async fn measure(&mut self, subject: Subject, connections: u32, seconds: u32) -> Result<Figures, BoxError> {
        let (began, used) = (Instant::now(), self.used());
        let speed = match subject {
            Subject::PgbenchSocket => load::pgbench(&self.socket, connections, seconds).await?,
            Subject::PgbenchTcp => load::pgbench(&self.tcp, connections, seconds).await?,
            Subject::Rest => load::wrk(&self.rest, connections, seconds).await?,
            Subject::Mcp => load::wrk(&self.mcp, connections, seconds).await?,
        };
        let (took, used_since) = (began.elapsed().as_secs_f64(), self.used());
        if subject.asks_fluxbase() {
            self.answered += speed.per_second * f64::from(seconds);
        }
        let [fluxbase_cores, postgres_cores] = [0, 1].map(|at| (used_since[at] - used[at]) / took);
        Ok(Figures { subject, connections, speed, fluxbase_cores, postgres_cores })
    }

    /// Processor time so far: of Fluxbase, and of its PostgreSQL.
    fn used(&self) -> [f64; 2] {
        [cpu::of_process(self.server.pid()), self.server.postgres_pid().map_or(0.0, cpu::of_family)]
    }

    /// That every request left its row.
    pub(crate) async fn check_audit(&mut self) -> Result<(), BoxError> {
        // Stopped, it has written all of them.
        self.server.restart().await;
        self.database = self.server.superuser().await;
        let rows: i64 = sqlx::query_scalar("select count(*) from fluxbase.audit_log where action = 'query_table'").fetch_one(&self.database).await?;
        let share = f64::from(i32::try_from(rows)?) / self.answered;
        if share > 0.99 { Ok(()) } else { Err(format!("only {rows} rows of the audit trail for {:.0} requests", self.answered).into()) }
    }

    /// Stops it cleanly.
    pub(crate) async fn stop(mut self) {
        self.database.close().await;
        self.server.stop().await;
    }
}

fn query() -> Value {
    json!({"table": "users", "select": "id,email,created_at", "filter": {"is_active": "eq.true"}, "order": "created_at.desc", "limit": ROWS})
}
