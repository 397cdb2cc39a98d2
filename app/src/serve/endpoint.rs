//! The doors, mounted on one listener.

use super::{ServeError, files::ServerFile, readiness::DatabaseReadiness, wiring::House};
use crate::config::Settings;
use auth::HmacCursorSeal;
use http_api::{Edge, RenderMetrics, RestSettings, TrustedProxies};
use mcp::{McpBranchPorts, McpPorts, McpSettings};
use poem::Endpoint;
use ports::driven::CursorSeal;
use std::sync::Arc;

pub(super) fn endpoint(
    house: &House,
    settings: &Settings,
    server: &ServerFile,
    readiness: DatabaseReadiness,
    render_metrics: Option<RenderMetrics>,
) -> Result<impl Endpoint + 'static, ServeError> {
    let rest_settings = RestSettings {
        max_body_bytes: settings.server.max_body_bytes.get() as usize,
        branch_domain: settings.server.branch_domain.clone(),
        serves_public: settings.database.schemas.iter().any(|schema| schema == "public"),
        render_metrics,
    };
    let mut rest = http_api::routes(house.rest_ports(Arc::new(readiness)), rest_settings);
    if settings.mcp.enabled {
        rest = rest.nest(&settings.mcp.base_path, mcp::endpoint(house.mcp_ports(settings.branching.enabled), &mcp_settings(settings, server)?));
    }
    let allowed_origins = parsed("server.allowed_origins", &settings.server.allowed_origins)?;
    let trusted_proxies = TrustedProxies::parse(settings.server.trusted_proxies.iter().map(String::as_str));
    let trusted_proxies = trusted_proxies.map_err(|error| ServeError::Setting(format!("server.trusted_proxies: {error}")))?;
    Ok(Edge::around(rest, house.ids.clone()).allowing(allowed_origins).trusting(trusted_proxies))
}

impl House {
    /// Cursors are good at every door of every replica.
    pub(super) fn cursors(&self) -> Arc<dyn CursorSeal> {
        Arc::new(HmacCursorSeal::new(self.key.derive("fluxbase cursors")))
    }

    fn mcp_ports(&self, with_branches: bool) -> McpPorts {
        let use_cases = &self.use_cases;
        let branches = || McpBranchPorts {
            list_branches: use_cases.list_branches.clone(),
            get_branch: use_cases.get_branch.clone(),
            diff_branches: use_cases.diff_branches.clone(),
            create_branch: use_cases.create_branch.clone(),
            reset_branch: use_cases.reset_branch.clone(),
            migrate_branch: use_cases.migrate_branch.clone(),
            delete_branch: use_cases.delete_branch.clone(),
            get_operation: use_cases.get_operation.clone(),
            follow_operation: use_cases.follow_operation.clone(),
            follow_started: use_cases.follow_started.clone(),
            branch_of_started: use_cases.branch_of_started.clone(),
        };
        McpPorts {
            authenticator: self.authenticator.clone(),
            ids: self.ids.clone(),
            cursors: self.cursors(),
            unread: use_cases.unread.clone(),
            query_table: use_cases.query_table.clone(),
            insert_record: use_cases.insert_record.clone(),
            update_record: use_cases.update_record.clone(),
            delete_record: use_cases.delete_record.clone(),
            list_tables: use_cases.list_tables.clone(),
            describe_table: use_cases.describe_table.clone(),
            branches: with_branches.then(branches),
        }
    }
}

fn mcp_settings(settings: &Settings, server: &ServerFile) -> Result<McpSettings, ServeError> {
    let section = &settings.mcp;
    let public_url = settings.server.public_url.as_ref().map_or(server.url.as_str(), |url| url.as_str());
    let public_url = public_url.parse().map_err(|error| ServeError::Setting(format!("server.public_url = '{public_url}': {error}")))?;
    known("mcp.allowed_tools", &section.allowed_tools, mcp::tool_names())?;
    known("mcp.allowed_resources", &section.allowed_resources, mcp::resource_uris())?;
    Ok(McpSettings {
        public_url: Some(public_url),
        allowed_hosts: parsed("mcp.allowed_hosts", &section.allowed_hosts)?,
        branch_domain: settings.server.branch_domain.clone(),
        allowed_origins: parsed("mcp.allowed_origins", &section.allowed_origins)?,
        max_message_size: section.max_message_size.get() as usize,
        max_result_bytes: u64::from(section.max_result_bytes.get()),
        allowed_tools: section.allowed_tools.clone(),
        allowed_resources: section.allowed_resources.clone(),
    })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(key: &str, texts: &[String]) -> Result<Vec<T>, ServeError> {
    texts.iter().map(|text| text.parse().map_err(|error| ServeError::Setting(format!("{key}: {error}")))).collect()
}

/// A name that nothing bears would allow nothing, without a word.
fn known<'a>(key: &str, names: &[String], known: impl Iterator<Item = &'a str>) -> Result<(), ServeError> {
    let known: Vec<_> = known.collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(ServeError::Setting(format!("{key}: '{unknown}' is unknown; known are {}", known.join(", ")))),
    }
}
