//! Rules that a type alone cannot hold.

use super::{ConfigError, Secret, Settings, place, sections::BranchingSection};
use domain::branch::DatabaseName;
use figment::Figment;
use std::path::PathBuf;
use tracing_subscriber::filter::LevelFilter;

/// A value that will not do.
pub(super) struct Invalid {
    key: &'static str,
    value: String,
    expected: String,
}

impl Invalid {
    fn new(key: &'static str, value: &(impl ToString + ?Sized), expected: impl Into<String>) -> Self {
        Self { key, value: value.to_string(), expected: expected.into() }
    }

    /// The error, with where the value came from.
    pub(super) fn at(self, figment: &Figment) -> ConfigError {
        let source_name = figment.find_metadata(self.key).map_or_else(|| "default".to_owned(), |metadata| place::of(metadata, self.key));
        ConfigError::Invalid { key: self.key.to_owned(), value: self.value, source_name, expected: self.expected }
    }
}

/// The schemas that are Fluxbase's or PostgreSQL's own.
const PRIVATE_SCHEMAS: [&str; 7] = ["auth", "branching", "fluxbase", "fluxbase_migrations", "storage", "pg_catalog", "information_schema"];

/// A domain's name, under which the server itself is not: its own host would be taken for a branch's.
fn branch_domain(settings: &Settings) -> Result<(), Invalid> {
    let Some(domain) = &settings.server.branch_domain else { return Ok(()) };
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !domain.split('.').all(label) {
        return Err(Invalid::new("server.branch_domain", domain, "expected a domain without scheme and port, such as branches.example.com"));
    }
    let public = settings.server.public_url.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_ascii_lowercase();
    if public.ends_with(&format!(".{}", domain.to_ascii_lowercase())) {
        let expected = format!("server.public_url's host {public} lies below it and would be taken for a branch's: use a domain for branches alone");
        return Err(Invalid::new("server.branch_domain", domain, expected));
    }
    Ok(())
}

/// The paths of the other routes, now or later.
const TAKEN_PATHS: [&str; 8] = ["api", "docs", "openapi.json", "metrics", "healthz", "readyz", "webhooks", "realtime"];

/// A path that the router takes literally, and that takes no other route's place.
fn base_path(path: &str) -> Result<(), Invalid> {
    let plain = |segment: &str| {
        let literal = segment.chars().all(|c| c.is_ascii_alphanumeric() || "._~-".contains(c));
        literal && !matches!(segment, "" | "." | "..")
    };
    let Some(segments) = path.strip_prefix('/').filter(|segments| segments.split('/').all(plain)) else {
        let expected = "must begin with '/', not end with '/', and have nothing between the slashes but letters, digits, '.', '_', '~' and '-'";
        return Err(Invalid::new("mcp.base_path", path, expected));
    };
    match segments.split('/').next().filter(|first| TAKEN_PATHS.contains(first)) {
        Some(taken) => Err(Invalid::new("mcp.base_path", path, format!("/{taken} and what lies below it is for other routes"))),
        None => Ok(()),
    }
}

/// What a duration may be besides zero.
type Bounds = (&'static str, &'static str);

/// PostgreSQL counts its timeouts in milliseconds, in 32 bits.
const STATEMENT: Bounds = ("1ms", "2147483647ms");
const WAIT: Bounds = ("1ms", "10y");
/// Tokens and branches count in seconds. Ten years are what they are with their leap days.
const LIFETIME: Bounds = ("1s", "10y");

/// Every duration is one that whoever keeps it can tell from zero, and add to the present.
fn durations(settings: &Settings) -> Result<(), Invalid> {
    let Settings { server, database, auth, mcp, branching, .. } = settings;
    for (key, duration, (least, most), may_be_zero) in [
        ("server.shutdown_grace", server.shutdown_grace, WAIT, true),
        ("database.statement_timeout", database.statement_timeout, STATEMENT, false),
        ("database.acquire_timeout", database.acquire_timeout, WAIT, false),
        ("auth.access_token_lifetime", auth.access_token_lifetime, LIFETIME, false),
        ("auth.refresh_token_lifetime", auth.refresh_token_lifetime, LIFETIME, false),
        ("mcp.session_timeout", mcp.session_timeout, WAIT, true),
        ("branching.auto_delete_after", branching.auto_delete_after, LIFETIME, true),
        ("branching.reset_undo", branching.reset_undo, LIFETIME, true),
        ("branching.operation_timeout", branching.operation_timeout, LIFETIME, true),
        ("branching.spare_max_age", branching.spare_max_age, LIFETIME, false),
    ] {
        let bound = |text| humantime::parse_duration(text).expect("bounds are durations");
        let within = duration.0 >= bound(least) && duration.0 <= bound(most);
        let allowed = within || (may_be_zero && duration.0.is_zero());
        if !allowed {
            let zero = if may_be_zero { "0, or " } else { "" };
            return Err(Invalid::new(key, &duration, format!("expected {zero}a duration from {least} to {most}")));
        }
    }
    Ok(())
}

/// An empty path is the working folder to some programs and nothing to others.
fn paths(settings: &Settings) -> Result<(), Invalid> {
    let Settings { server, database, embedded, auth, security, branching, migrations, .. } = settings;
    let or_none = "or leave it out";
    for (key, path, expected) in [
        ("branching.seeds_dir", Some(&branching.seeds_dir), "the path of a folder, such as seeds".to_owned()),
        ("migrations.dir", Some(&migrations.dir), "the path of a folder, such as migrations".to_owned()),
        ("embedded.data_dir", Some(&embedded.data_dir), "the path of a folder, such as /var/lib/fluxbase".to_owned()),
        ("embedded.binaries", embedded.binaries.as_ref(), format!("the path of a folder with PostgreSQL in it, {or_none}")),
        ("database.tools", database.tools.as_ref(), format!("the path of a folder with PostgreSQL's programs, {or_none}")),
        ("server.ready_file", server.ready_file.as_ref(), format!("the path of a file, {or_none}")),
        ("database.url_file", database.url_file.as_ref(), format!("the path of a file, {or_none}")),
        ("branching.admin_database_url_file", branching.admin_database_url_file.as_ref(), format!("the path of a file, {or_none}")),
        ("auth.jwt_secret_file", auth.jwt_secret_file.as_ref(), format!("the path of a file, {or_none}")),
        ("security.encryption_key_file", security.encryption_key_file.as_ref(), format!("the path of a file, {or_none}")),
    ] {
        if let Some(path) = path.filter(|path| path.as_os_str().to_string_lossy().trim().is_empty()) {
            return Err(Invalid::new(key, &format!("'{}'", path.display()), format!("expected {expected}")));
        }
    }
    Ok(())
}

/// Numbers that have bounds narrower than those of their type.
const NUMBERS: [(&str, u32, u32); 2] =
    [("branching.workers", 1, BranchingSection::MAX_WORKERS), ("branching.spares", 0, BranchingSection::MAX_SPARES)];

/// What a number of [`NUMBERS`] should be.
pub(super) fn bounded_number(key: &str) -> Option<String> {
    let (_, least, most) = NUMBERS.into_iter().find(|(bounded, ..)| *bounded == key)?;
    Some(format!("expected a whole number from {least} to {most}"))
}

fn numbers(settings: &Settings) -> Result<(), Invalid> {
    for ((key, _, most), number) in NUMBERS.into_iter().zip([settings.branching.workers.get(), settings.branching.spares]) {
        if number > most {
            return Err(Invalid::new(key, &number, bounded_number(key).unwrap_or_default()));
        }
    }
    Ok(())
}

pub(super) fn validate(settings: &Settings) -> Result<(), Invalid> {
    paths(settings)?;
    let schemas = &settings.database.schemas;
    if schemas.is_empty() {
        return Err(Invalid::new("database.schemas", "[]", "expected at least one schema"));
    }
    if let Some(private) = schemas.iter().find(|schema| PRIVATE_SCHEMAS.contains(&schema.as_str()) || schema.starts_with("pg_")) {
        return Err(Invalid::new("database.schemas", private, format!("'{private}' holds what users must not reach; expose schemas of your own")));
    }
    base_path(&settings.mcp.base_path)?;
    if let Some(url) = settings.server.public_url.as_ref().filter(|url| !["http", "https"].contains(&url.scheme())) {
        return Err(Invalid::new("server.public_url", url, "expected a URL that begins with http:// or https://"));
    }
    branch_domain(settings)?;
    let prefix = &settings.branching.database_prefix;
    let plain = prefix.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !plain || !prefix.starts_with(|c: char| c.is_ascii_lowercase()) || prefix.len() > DatabaseName::MAX_PREFIX_LEN {
        let expected = format!("expected 1 to {} of a-z, 0-9 and '_', starting with a letter", DatabaseName::MAX_PREFIX_LEN);
        return Err(Invalid::new("branching.database_prefix", prefix, expected));
    }
    if let Err(table) = settings.branching.excluded_tables() {
        let expected = "expected tables as schema.table, such as public.users, with what holds a dot or a quote in double quotes: \"a.b\".\"c\"";
        return Err(Invalid::new("branching.excluded_table_data", table, expected));
    }
    let outside = |c: char| c.is_whitespace() || c.is_control() || "/@?#\"".contains(c);
    if let Some(host) = settings.branching.connection_host.as_ref().filter(|host| host.is_empty() || host.contains(outside)) {
        return Err(Invalid::new("branching.connection_host", host, "expected a host name or an address, such as db.example.com; not a URL"));
    }
    if let Err(repeated) = settings.branching.privacy_rules() {
        return Err(Invalid::new("branching.masking", &repeated.0, repeated.to_string()));
    }
    numbers(settings)?;
    durations(settings)?;
    let level = &settings.log.level;
    // A word alone that is no level would be taken for the name of a module, and everything else fall silent.
    if let Some(word) = level.split(',').map(str::trim).find(|word| !word.contains(['=', '[']) && word.parse::<LevelFilter>().is_err()) {
        let expected =
            format!("'{word}' is no level; expected error, warn, info, debug, trace or off, or directives such as info,fluxbase_mcp=debug");
        return Err(Invalid::new("log.level", level, expected));
    }
    Ok(())
}

impl Settings {
    /// Reads the secrets that lie in files.
    pub(super) fn with_files_read(mut self) -> Result<Self, Invalid> {
        read_secret(["database.url", "database.url_file"], &mut self.database.url, self.database.url_file.take())?;
        let branching = &mut self.branching;
        // Empty is how the documentation's example has it: the same as nothing.
        branching.admin_database_url.take_if(|url| url.expose().is_empty());
        read_secret(
            ["branching.admin_database_url", "branching.admin_database_url_file"],
            &mut branching.admin_database_url,
            branching.admin_database_url_file.take(),
        )?;
        if branching.admin_database_url.is_some() && self.database.url.is_none() {
            let expected = "goes with database.url; the embedded PostgreSQL has an administrator of its own";
            return Err(Invalid::new("branching.admin_database_url", "(hidden)", expected));
        }
        read_secret(["auth.jwt_secret", "auth.jwt_secret_file"], &mut self.auth.jwt_secret, self.auth.jwt_secret_file.take())?;
        read_secret(
            ["security.encryption_key", "security.encryption_key_file"],
            &mut self.security.encryption_key,
            self.security.encryption_key_file.take(),
        )?;
        if self.auth.jwt_secret.as_ref().is_some_and(|secret| secret.expose().len() < 32) {
            return Err(Invalid::new("auth.jwt_secret", "(hidden)", "must have at least 32 bytes (RFC 7518, section 3.2)"));
        }
        Ok(self)
    }
}

fn read_secret([key, key_of_file]: [&'static str; 2], value: &mut Option<Secret>, file: Option<PathBuf>) -> Result<(), Invalid> {
    let Some(file) = file else { return Ok(()) };
    let shown = file.display().to_string();
    if value.is_some() {
        return Err(Invalid::new(key, "(hidden)", format!("{key} and {key_of_file} are both set; keep one")));
    }
    let text = std::fs::read_to_string(&file).map_err(|error| Invalid::new(key_of_file, &shown, format!("the file cannot be read: {error}")))?;
    if text.trim().is_empty() {
        return Err(Invalid::new(key_of_file, &shown, "the file is empty"));
    }
    *value = Some(Secret::new(text.trim()));
    Ok(())
}
