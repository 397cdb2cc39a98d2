//! What is known of a request besides its message.

use bytes::Bytes;
use domain::{
    Caller, Failure,
    branch::{BranchMentions, MentionPlace},
};
use http::{HeaderMap, Uri};
use ports::driving::{Command, UseCase};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A request: who asks, and which branches its HTTP part named.
#[derive(Clone, Debug)]
pub(crate) struct RequestScope {
    /// Who asks.
    pub(crate) caller: Caller,
    branch: Result<BranchMentions, String>,
    asked: Arc<AtomicBool>,
}

/// The message of a request, as it was sent: numbers in it have not been through a float.
#[derive(Clone, Debug)]
pub(crate) struct RawMessage(pub(crate) Bytes);

impl RequestScope {
    /// Reads the `X-Fluxbase-Branch` header and the `branch` query parameter, beside what stands before the branch domain in the host name.
    pub(crate) fn new(caller: Caller, uri: &Uri, headers: &HeaderMap, subdomain: Option<String>) -> Self {
        Self { caller, branch: mentions(uri, headers, subdomain), asked: Arc::default() }
    }

    /// The same request for one call of it, which has asked nothing yet.
    pub(crate) fn of_call(&self) -> Self {
        Self { asked: Arc::default(), ..self.clone() }
    }

    /// Asks a use case. From here on it is for what stands around it to count the call and to write down what becomes of it.
    pub(crate) async fn ask<C: Command>(&self, use_case: &dyn UseCase<C>, command: C) -> Result<C::Output, Failure> {
        self.asked.store(true, Ordering::Relaxed);
        use_case.run(&self.caller, command).await
    }

    /// Whether a use case was asked.
    pub(crate) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The branches that the HTTP request and a tool's argument named.
    pub(crate) fn branch(&self, argument: Option<&str>) -> Result<BranchMentions, Failure> {
        let mut mentions = self.branch.clone().map_err(|name| Failure::not_found("branch", name))?;
        if let Some(argument) = argument {
            mentions.add(MentionPlace::Argument, argument)?;
        }
        Ok(mentions)
    }
}

fn mentions(uri: &Uri, headers: &HeaderMap, subdomain: Option<String>) -> Result<BranchMentions, String> {
    let mut mentions = BranchMentions::NONE;
    for value in headers.get_all("x-fluxbase-branch") {
        let raw = String::from_utf8_lossy(value.as_bytes());
        mentions.add(MentionPlace::Header, &raw).map_err(|_| raw.into_owned())?;
    }
    for pair in uri.query().unwrap_or_default().split('&') {
        if let Some(raw) = pair.strip_prefix("branch=") {
            let raw = percent_encoding::percent_decode_str(raw).decode_utf8_lossy();
            mentions.add(MentionPlace::Query, &raw).map_err(|_| raw.into_owned())?;
        }
    }
    if let Some(slug) = subdomain {
        mentions.add(MentionPlace::Subdomain, &slug).map_err(|_| slug)?;
    }
    Ok(mentions)
}

#[cfg(test)]
mod tests {
    use super::RequestScope;
    use crate::{guard::HostPolicy, settings::McpSettings};
    use domain::{Caller, Principal, access::Door};
    use http::HeaderMap;
    use std::sync::Arc;

    fn scope(uri: &str, header: Option<&str>) -> RequestScope {
        let caller = Caller { principal: Arc::new(Principal::internal()), request_id: "r".into(), door: Door::Mcp, peer: None };
        let headers: HeaderMap =
            header.map(|value| (http::HeaderName::from_static("x-fluxbase-branch"), value.parse().unwrap())).into_iter().collect();
        let hosts = HostPolicy::new(&McpSettings { branch_domain: Some("db.example.com".to_owned()), ..McpSettings::default() });
        let uri = uri.parse().unwrap();
        RequestScope::new(caller, &uri, &headers, hosts.subdomain(&uri, &headers))
    }

    #[test]
    fn a_host_before_the_branch_domain_counts_too() {
        let asked = scope("http://pr-1.db.example.com:8080/", None);
        assert_eq!(asked.branch(None).unwrap().resolve(None).unwrap().as_str(), "pr-1");
        assert_eq!(asked.branch(Some("pr-2")).unwrap().resolve(None).unwrap_err().code(), "branch_mismatch");
        assert!(scope("http://db.example.com/", None).branch(None).unwrap().resolve(None).unwrap().is_main());
    }

    #[test]
    fn every_place_is_heard() {
        let asked = scope("/?x=1&branch=pr-1", Some("pr-1"));
        assert_eq!(asked.branch(Some("pr-1")).unwrap().resolve(None).unwrap().as_str(), "pr-1");
        assert_eq!(asked.branch(Some("pr-2")).unwrap().resolve(None).unwrap_err().code(), "branch_mismatch");
        assert!(scope("/", None).branch(None).unwrap().resolve(None).unwrap().is_main());
    }

    #[test]
    fn what_can_be_no_branch_is_not_found() {
        assert_eq!(scope("/?branch=No%20Slug", None).branch(None).unwrap_err().to_string(), "branch 'No Slug' was not found");
        assert_eq!(scope("/", Some("A B")).branch(None).unwrap_err().code(), "not_found");
    }
}
