//! Who may know whom.

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Our packages that a package may depend on.
const DOMAIN: &[&str] = &[];
const PORTS: &[&str] = &["fluxbase-domain"];
const INSIDE: &[&str] = &["fluxbase-domain", "fluxbase-ports"];

/// What one package may depend on.
struct Rule {
    /// Of ours; `None` for everything.
    own: Option<&'static [&'static str]>,
    /// Of others; `None` for everything.
    foreign: Option<&'static [&'static str]>,
}

/// The table. Adapters are told by where they lie; any other package must be named.
fn rule(package: &Package) -> Option<Rule> {
    let rule = match package.name.as_str() {
        "fluxbase-domain" => Rule { own: Some(DOMAIN), foreign: Some(&["serde", "thiserror", "time", "uuid"]) },
        "fluxbase-ports" => Rule { own: Some(PORTS), foreign: Some(&["async-trait", "bytes", "mockall", "thiserror", "time", "uuid"]) },
        "fluxbase-usecases" => {
            Rule { own: Some(INSIDE), foreign: Some(&["async-trait", "metrics", "serde", "serde_json", "time", "tokio", "tracing", "uuid"]) }
        }
        "fluxbase" | "fluxbase-tests" => Rule { own: None, foreign: None },
        _ if package.folder.starts_with("adapters/") => Rule { own: Some(INSIDE), foreign: None },
        _ => return None,
    };
    Some(rule)
}

/// A package, as far as the table goes.
#[derive(Clone, Debug)]
struct Package {
    name: String,
    /// Seen from the top.
    folder: String,
    dependencies: Vec<Dependency>,
}

/// A dependency of the code itself or of its build; tests may use what they like.
#[derive(Clone, Debug)]
struct Dependency {
    name: String,
    ours: bool,
    optional: bool,
}

/// What breaks the table, each a sentence.
fn violations(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let Some(rule) = rule(package) else {
            found.push(format!("{} ({}) has no rule: give it one in tests/architecture/imports.rs", package.name, package.folder));
            continue;
        };
        for dependency in &package.dependencies {
            let allowed = if dependency.ours { rule.own } else { rule.foreign };
            if allowed.is_some_and(|allowed| !allowed.contains(&dependency.name.as_str())) {
                found.push(format!("{} may not know {}", package.name, dependency.name));
            }
            if dependency.name == "mockall" && !dependency.optional {
                found.push(format!("{} may have mockall behind a feature only", package.name));
            }
        }
    }
    found
}

fn workspace() -> Vec<Package> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().other_options(["--offline".to_owned()]).exec().unwrap();
    let packages = metadata.workspace_packages();
    let folder = |package: &cargo_metadata::Package| {
        let folder = package.manifest_path.parent().unwrap();
        folder.strip_prefix(&metadata.workspace_root).unwrap().to_string()
    };
    let dependencies = |package: &cargo_metadata::Package| {
        let binding = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        let read = |dependency: &cargo_metadata::Dependency| Dependency {
            name: dependency.name.clone(),
            ours: dependency.path.is_some(),
            optional: dependency.optional,
        };
        binding.map(read).collect()
    };
    packages.iter().map(|package| Package { name: package.name.to_string(), folder: folder(package), dependencies: dependencies(package) }).collect()
}

#[test]
fn every_package_knows_only_whom_it_may() {
    let packages = workspace();
    assert!(packages.len() > 5, "the workspace was read: {packages:?}");
    let found = violations(&packages);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn with(name: &str, dependency: &str, ours: bool) -> Vec<Package> {
    let mut packages = workspace();
    let package = packages.iter_mut().find(|package| package.name == name).unwrap();
    package.dependencies.push(Dependency { name: dependency.to_owned(), ours, optional: false });
    packages
}

#[test]
fn each_forbidden_edge_is_found() {
    for (package, dependency, ours) in [
        ("fluxbase-domain", "fluxbase-ports", true),
        ("fluxbase-domain", "tokio", false),
        ("fluxbase-ports", "fluxbase-usecases", true),
        ("fluxbase-ports", "sqlx", false),
        ("fluxbase-usecases", "fluxbase-postgres", true),
        ("fluxbase-usecases", "sqlx", false),
        ("fluxbase-postgres", "fluxbase-usecases", true),
        ("fluxbase-postgres", "fluxbase-pgtools", true),
        ("fluxbase-http", "fluxbase-mcp", true),
        ("fluxbase-memory", "fluxbase", true),
        ("fluxbase-auth", "fluxbase-tests", true),
    ] {
        assert_eq!(violations(&with(package, dependency, ours)), [format!("{package} may not know {dependency}")]);
    }
}

#[test]
fn mocks_are_never_part_of_the_house() {
    assert_eq!(violations(&with("fluxbase-auth", "mockall", false)), ["fluxbase-auth may have mockall behind a feature only"]);
}

#[test]
fn a_package_without_a_rule_is_found() {
    let mut packages = workspace();
    packages.push(Package { name: "fluxbase-extra".to_owned(), folder: "extra".to_owned(), dependencies: Vec::new() });
    let expected = "fluxbase-extra (extra) has no rule: give it one in tests/architecture/imports.rs";
    assert_eq!(violations(&packages), [expected]);
}
