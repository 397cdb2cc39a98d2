//! What a person sees when the server is ready.

use super::{files::ServerFile, first_keys::FirstKeys};
use crate::config::Settings;
use std::fmt;

/// What a person sees when the server is ready.
pub(super) struct Banner<'a> {
    pub(super) server: &'a ServerFile,
    pub(super) keys: &'a FirstKeys,
    pub(super) settings: &'a Settings,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServerFile { url, mcp_url, data_dir, .. } = self.server;
        writeln!(f, "Fluxbase answers at {url}")?;
        writeln!(f, "  REST   {url}/api/v1/tables/<table>   reference at {url}/docs")?;
        if self.settings.mcp.enabled {
            writeln!(f, "  MCP    {mcp_url}   connect a client: fluxbase mcp config claude-code")?;
        }
        writeln!(f, "  data   {}", data_dir.display())?;
        if !self.keys.demo.is_empty() {
            writeln!(f, "\nKeys of the demo's users, shown this once:")?;
            for (email, secret) in &self.keys.demo {
                writeln!(f, "  {email:<20} {}", secret.expose())?;
            }
            let (_, key) = &self.keys.demo[0];
            writeln!(f, "\nTry:  curl -H 'X-API-Key: {}' '{url}/api/v1/tables/users?limit=3'", key.expose())?;
        }
        if self.keys.owner_is_new {
            let path = super::files::owner_key_file(data_dir);
            writeln!(f, "\nThe owner's service key is in {} (readable by you only); the command line finds it there.", path.display())?;
        }
        Ok(())
    }
}
