//! Putting the layers together, and telling where each value came from.

use super::{ConfigError, Settings, explain::explain, validate::validate};
use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Env, Format, Serialized, Yaml},
    value::{Dict, Map},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// `--config`; else `fluxbase.yaml` in the working folder, where there is one.
    pub(crate) config: Option<PathBuf>,
    /// Dotted keys with their values.
    pub(crate) overrides: Vec<(String, Value)>,
}

/// A configuration that holds.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The values.
    pub(crate) settings: Settings,
    figment: Figment,
}

impl Loaded {
    /// Every key with its value (secrets hidden) and where it came from.
    pub(crate) fn show(&self) -> Value {
        let values = serde_json::to_value(&self.settings).unwrap_or_default();
        let mut keys = serde_json::Map::new();
        for (section, fields) in values.as_object().into_iter().flatten() {
            for (field, value) in fields.as_object().into_iter().flatten() {
                let key = format!("{section}.{field}");
                let source = self.figment.find_metadata(&key).map_or_else(|| "default".to_owned(), source_name);
                keys.insert(key, json!({ "value": value, "source": source }));
            }
        }
        Value::Object(keys)
    }
}

/// Reads every layer and checks every value.
pub(crate) fn load(flags: &Flags) -> Result<Loaded, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Settings::default()));
    if let Some(file) = configuration_file(flags)? {
        refuse_repeated_keys(&file)?;
        figment = figment.merge(Yaml::file_exact(file));
    }
    refuse_near_misses(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
    // Settings have a section; `FLUXBASE_URL` and its kin are not settings of the server.
    let environment = Env::prefixed("FLUXBASE_").filter(|name| name.as_str().contains("__")).split("__");
    figment = figment.merge(environment).merge(data_dir_of_environment()).merge(Overrides { from: COMMAND_LINE, values: flags.overrides.clone() });
    let settings: Settings = figment.extract().map_err(|error| explain(&figment, error))?;
    validate(&settings).map_err(|invalid| invalid.at(&figment))?;
    let settings = settings.with_files_read().map_err(|invalid| invalid.at(&figment))?;
    Ok(Loaded { settings, figment })
}

fn configuration_file(flags: &Flags) -> Result<Option<PathBuf>, ConfigError> {
    let (path, asked) = match &flags.config {
        Some(path) => (path.clone(), true),
        None => (PathBuf::from("fluxbase.yaml"), false),
    };
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => Ok(Some(path)),
        Ok(_) if asked => Err(ConfigError::File { path, reason: "it is not a file".to_owned() }),
        Err(error) if asked => Err(ConfigError::File { path, reason: error.to_string() }),
        _ => Ok(None),
    }
}

/// Of a key that stands twice the last value would win, and nobody would hear of the other.
fn refuse_repeated_keys(path: &Path) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::File { path: path.to_owned(), reason: error.to_string() })?;
    match serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text) {
        Err(error) if error.to_string().contains("duplicate entry") => {
            Err(ConfigError::File { path: path.to_owned(), reason: format!("a key stands in it twice: {error}") })
        }
        // What else is wrong is told with the key it is about.
        _ => Ok(()),
    }
}

/// `FLUXBASE_DATABASE_URL` is not `FLUXBASE_DATABASE__URL`: nothing would read it, and another database would be served than was meant.
fn refuse_near_misses(names: impl Iterator<Item = String>) -> Result<(), ConfigError> {
    let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
    for name in names {
        let Some(rest) = name.strip_prefix("FLUXBASE_").filter(|rest| !rest.contains("__")) else { continue };
        let rest = rest.to_ascii_lowercase();
        let meant = defaults.as_object().into_iter().flatten().find_map(|(section, fields)| {
            let key = rest.strip_prefix(section.as_str())?.strip_prefix('_')?;
            fields.get(key).map(|_| (section, key))
        });
        if let Some((section, key)) = meant {
            let hint = format!("did you mean FLUXBASE_{}__{}?", section.to_ascii_uppercase(), key.to_ascii_uppercase());
            return Err(ConfigError::UnknownKey { key: name, source_name: ENVIRONMENT.to_owned(), hint });
        }
    }
    Ok(())
}

/// `FLUXBASE_DATA_DIR`, which has no section in its name.
fn data_dir_of_environment() -> Overrides {
    let dir = std::env::var("FLUXBASE_DATA_DIR").ok().filter(|dir| !dir.is_empty());
    Overrides { from: ENVIRONMENT, values: dir.map(|dir| ("embedded.data_dir".to_owned(), json!(dir))).into_iter().collect() }
}

const COMMAND_LINE: &str = "command line";
pub(super) const ENVIRONMENT: &str = "environment";

/// Dotted keys as a layer of their own.
struct Overrides {
    from: &'static str,
    values: Vec<(String, Value)>,
}

impl Provider for Overrides {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.from)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut nested = json!({});
        for (key, value) in &self.values {
            let mut place = &mut nested;
            for part in key.split('.') {
                place = &mut place[part];
            }
            *place = value.clone();
        }
        Serialized::globals(nested).data()
    }
}

/// Where a value came from, as people say it.
pub(super) fn source_name(metadata: &Metadata) -> String {
    match (&metadata.source, metadata.name.as_ref()) {
        (Some(figment::Source::File(path)), _) => Path::new(path).display().to_string(),
        (None, name) if name.contains(ENVIRONMENT) => ENVIRONMENT.to_owned(),
        (_, COMMAND_LINE) => COMMAND_LINE.to_owned(),
        _ => "default".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Flags, load};
    use domain::table::QualifiedName;
    use serde_json::json;

    fn with(key: &str, value: serde_json::Value) -> Result<super::Loaded, super::ConfigError> {
        load(&Flags { config: None, overrides: vec![(key.to_owned(), value)] })
    }

    #[test]
    fn the_defaults_hold_and_say_that_they_are_defaults() {
        let loaded = load(&Flags::default()).unwrap();
        assert_eq!(loaded.settings.server.address.port(), 8080);
        assert_eq!(loaded.show()["mcp.base_path"], json!({ "value": "/mcp", "source": "default" }));
    }

    #[test]
    fn durations_at_their_bounds_and_paths_of_their_own_are_taken() {
        for (key, value) in [
            ("database.statement_timeout", "2147483647ms"),
            ("auth.refresh_token_lifetime", "10y"),
            ("branching.auto_delete_after", "3650d"),
            ("branching.auto_delete_after", "0"),
            ("branching.reset_undo", "0"),
            ("mcp.base_path", "/apis/v1.0/mcp~x"),
        ] {
            assert!(with(key, json!(value)).is_ok(), "{key}: {value}");
        }
    }

    #[test]
    fn names_of_tables_may_be_quoted() {
        let loaded = with("branching.excluded_table_data", json!(["public.Users", "\"a.b\".\"c \"\"d\"\"\""])).unwrap();
        let excluded = loaded.settings.branching.excluded_tables().unwrap();
        assert_eq!(excluded, [QualifiedName::new("public", "Users"), QualifiedName::new("a.b", "c \"d\"")]);
    }

    #[test]
    fn a_flag_wins_and_is_named_as_the_source() {
        assert!(with("log.level", json!("warn,fluxbase_mcp=debug")).is_ok());
        let loaded = with("server.address", json!("127.0.0.1:0")).unwrap();
        assert_eq!(loaded.show()["server.address"], json!({ "value": "127.0.0.1:0", "source": "command line" }));
    }

    #[test]
    fn a_file_is_read_and_flags_win_over_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        std::fs::write(&file, "mcp:\n  base_path: /agents\n  rate_limit_per_min: 7\n").unwrap();
        let flags = Flags { config: Some(file.clone()), overrides: vec![("mcp.rate_limit_per_min".to_owned(), json!(9))] };
        let loaded = load(&flags).unwrap();
        assert_eq!((loaded.settings.mcp.base_path.as_str(), loaded.settings.mcp.rate_limit_per_min), ("/agents", 9));
        assert_eq!(loaded.show()["mcp.base_path"]["source"], json!(file.display().to_string()));
    }

    #[test]
    fn a_file_that_is_no_yaml_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        std::fs::write(&file, "mcp: [\n").unwrap();
        let error = load(&Flags { config: Some(file.clone()), overrides: Vec::new() }).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{} cannot be read: ", file.display())), "{error}");
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        for text in ["mcp:\n  enabled: true\n  enabled: false\n", "mcp:\n  enabled: true\nmcp:\n  base_path: /agents\n"] {
            std::fs::write(&file, text).unwrap();
            let error = load(&Flags { config: Some(file.clone()), overrides: Vec::new() }).unwrap_err().to_string();
            assert!(error.contains("f.yaml") && error.contains("twice"), "{error}");
        }
    }

    #[test]
    fn a_variable_that_is_nearly_a_settings_is_told_what_the_settings_is() {
        let told = |name: &str| super::refuse_near_misses([name.to_owned()].into_iter()).map_err(|error| error.to_string());
        for (name, meant) in [
            ("FLUXBASE_DATABASE_URL", "FLUXBASE_DATABASE__URL"),
            ("FLUXBASE_SECURITY_ENCRYPTION_KEY", "FLUXBASE_SECURITY__ENCRYPTION_KEY"),
            ("FLUXBASE_AUTH_JWT_SECRET_FILE", "FLUXBASE_AUTH__JWT_SECRET_FILE"),
        ] {
            let error = told(name).unwrap_err();
            assert!(error.contains(name) && error.contains(meant), "{error}");
        }
        for name in
            ["FLUXBASE_URL", "FLUXBASE_DATA_DIR", "FLUXBASE_API_KEY", "FLUXBASE_SERVICE_KEY", "FLUXBASE_DATABASE__URL", "FLUXBASE_SERVER", "PATH"]
        {
            assert_eq!(told(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_fault_in_a_file_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        for (text, line) in [
            ("mcp:\n  enabled: true\n\nbranching:\n  # how many\n  workers: many\n", 6),
            ("mcp:\n  enabled: true\nbranching:\n  wurkers: 3\n", 4),
            ("mcp:\n  enabled: true\nbrunching:\n  workers: 3\n", 3),
            ("branching:\n  seeds_dir: ''\n", 2),
            ("branching:\n  workers: 65\n", 2),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = load(&Flags { config: Some(file.clone()), overrides: Vec::new() }).unwrap_err().to_string();
            assert!(error.contains(&format!("({}:{line})", file.display())), "{error}");
        }
    }

    #[test]
    fn each_fault_names_key_value_and_what_would_be_right() {
        for (key, value, parts) in [
            ("server.adress", json!("x"), &["server.adress", "did you mean address"][..]),
            ("server.address", json!("nowhere"), &["server.address", "nowhere", "such as 127.0.0.1:8080"]),
            ("database.max_connections", json!(0), &["database.max_connections", "0", "whole number from 1 to"]),
            ("mcp.rate_limit_per_min", json!(-1), &["mcp.rate_limit_per_min", "-1", "whole number from 0 to"]),
            ("database.statement_timeout", json!("soon"), &["database.statement_timeout", "soon", "such as 30s"]),
            ("server.branch_domain", json!("https://b.example.com"), &["server.branch_domain", "without scheme", "branches.example.com"]),
            ("mcp.enabled", json!("perhaps"), &["mcp.enabled", "perhaps", "true or false"]),
            ("server.public_url", json!("ftp://x"), &["server.public_url", "http:// or https://"]),
            ("auth.jwt_secret_file", json!("/nowhere/at/all"), &["auth.jwt_secret_file = /nowhere/at/all", "cannot be read"]),
            ("mcp", json!(3), &["mcp = 3", "expected a section"]),
            ("mcp.base_path", json!("mcp"), &["mcp.base_path", "begin with '/'"]),
            ("mcp.base_path", json!("/mcp/:x"), &["mcp.base_path", "letters, digits"]),
            ("mcp.base_path", json!("/a/../b"), &["mcp.base_path", "letters, digits"]),
            ("mcp.base_path", json!("/a//b"), &["mcp.base_path", "letters, digits"]),
            ("mcp.base_path", json!("/docs"), &["mcp.base_path", "/docs", "other routes"]),
            ("mcp.base_path", json!("/api/v1/mcp"), &["mcp.base_path", "/api", "other routes"]),
            ("database.statement_timeout", json!("30d"), &["database.statement_timeout = 30days", "from 1ms to 2147483647ms"]),
            ("database.statement_timeout", json!("500us"), &["database.statement_timeout = 500us", "from 1ms to 2147483647ms"]),
            ("database.acquire_timeout", json!("0"), &["database.acquire_timeout", "from 1ms to 10y"]),
            ("auth.access_token_lifetime", json!("500ms"), &["auth.access_token_lifetime = 500ms", "from 1s to 10y"]),
            ("auth.refresh_token_lifetime", json!("10000y"), &["auth.refresh_token_lifetime", "from 1s to 10y"]),
            ("branching.auto_delete_after", json!("4000d"), &["branching.auto_delete_after", "expected 0, or a duration from 1s to 10y"]),
            ("branching.auto_delete_after", json!("500ms"), &["branching.auto_delete_after", "expected 0, or a duration from 1s to 10y"]),
            ("branching.reset_undo", json!("10000y"), &["branching.reset_undo", "expected 0, or a duration from 1s to 10y"]),
            ("branching.database_prefix", json!("Bad-Prefix"), &["branching.database_prefix", "Bad-Prefix"]),
            ("branching.connection_host", json!("postgres://db"), &["branching.connection_host", "postgres://db", "not a URL"]),
            ("branching.connection_port", json!(0), &["branching.connection_port", "whole number from 1 to"]),
            ("branching.max_template_bytes", json!("10GB"), &["branching.max_template_bytes = '10GB'", "whole number of 0 and more"]),
            ("branching.excluded_table_data", json!("a.b"), &["branching.excluded_table_data = 'a.b'", "expected a list"]),
            (
                "branching.excluded_table_data",
                json!(["a.b", "users"]),
                &["branching.excluded_table_data", "users", "expected tables as schema.table"],
            ),
            ("branching.excluded_table_data", json!(["\"a.b.c"]), &["branching.excluded_table_data", "\"a.b\".\"c\""]),
            ("branching.excluded_table_data", json!(["a.b.c"]), &["branching.excluded_table_data", "a.b.c", "in double quotes"]),
            ("branching.masking", json!([{ "column": "x", "as": "email" }]), &["branching.masking.0.column (", "'x' names no column"]),
            ("branching.workers", json!(65), &["branching.workers = 65", "whole number from 1 to 64"]),
            ("branching.workers", json!("abc"), &["branching.workers = 'abc'", "whole number from 1 to 64"]),
            ("branching.seeds_dir", json!(""), &["branching.seeds_dir = ''", "path of a folder, such as seeds"]),
            ("migrations.dir", json!(" "), &["migrations.dir = ' '", "path of a folder, such as migrations"]),
            ("embedded.data_dir", json!(""), &["embedded.data_dir = ''", "path of a folder, such as /var/lib/fluxbase"]),
            ("embedded.binaries", json!(""), &["embedded.binaries = ''", "path of a folder", "or leave it out"]),
            ("database.tools", json!(""), &["database.tools = ''", "path of a folder", "or leave it out"]),
            ("auth.jwt_secret_file", json!(""), &["auth.jwt_secret_file = ''", "path of a file", "or leave it out"]),
            ("branching.spares", json!(33), &["branching.spares = 33", "whole number from 0 to 32"]),
            ("branching", json!(null), &["branching = nothing", "expected a section"]),
            ("server.address", json!(8080), &["server.address = 8080", "such as 127.0.0.1:8080"]),
            ("branching.seeds_dir", json!(5), &["branching.seeds_dir = 5", "expected a path"]),
            ("branching.default_data_clone_mode", json!("seeds"), &["branching.default_data_clone_mode = 'seeds'", "one of schema_only, full_clone"]),
            ("database.schemas", json!([]), &["database.schemas", "at least one"]),
            ("database.schemas", json!(["auth"]), &["database.schemas", "auth"]),
            ("log.level", json!("inof"), &["log.level", "inof", "expected error, warn, info"]),
            ("auth.jwt_secret", json!("short"), &["auth.jwt_secret", "32 bytes"]),
            ("branching.admin_database_url", json!("postgres://shortened@h/d"), &["branching.admin_database_url", "goes with database.url"]),
        ] {
            let error = with(key, value).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)) && error.contains("(command line)"), "{key}: {error}");
            assert!(!error.contains("short"), "a secret is shown: {error}");
        }
    }
}
