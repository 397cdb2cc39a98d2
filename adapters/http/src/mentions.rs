//! Which branch a request names: by header, by query parameter, by host name.

use domain::{
    Failure,
    branch::{BranchMentions, MentionPlace},
};
use http::{HeaderName, header};
use poem::Request;

const BRANCH: HeaderName = HeaderName::from_static("x-fluxbase-branch");

/// Every branch that a request names; `query` is what its `branch` parameter says.
pub(crate) fn mentions(request: &Request, query: Option<&str>, branch_domain: Option<&str>) -> Result<BranchMentions, Failure> {
    let mut mentions = BranchMentions::NONE;
    for value in request.headers().get_all(BRANCH) {
        let value = value.to_str().map_err(|_| Failure::not_found("branch", String::from_utf8_lossy(value.as_bytes())))?;
        mentions.add(MentionPlace::Header, value.trim())?;
    }
    if let Some(query) = query {
        mentions.add(MentionPlace::Query, query)?;
    }
    if let Some(domain) = branch_domain {
        for host in hosts(request) {
            if let Some(slug) = subdomain(host, domain) {
                mentions.add(MentionPlace::Subdomain, &slug)?;
            }
        }
    }
    Ok(mentions)
}

/// Every host that a request is addressed to. Two that differ are two branches.
fn hosts(request: &Request) -> impl Iterator<Item = &str> {
    let headers = request.headers().get_all(header::HOST).iter().filter_map(|host| host.to_str().ok());
    request.uri().host().into_iter().chain(headers)
}

/// What stands before the branch domain in a host name.
fn subdomain(host: &str, domain: &str) -> Option<String> {
    let host = host.rsplit_once(':').map_or(host, |(name, port)| if port.bytes().all(|digit| digit.is_ascii_digit()) { name } else { host });
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let slug = host.strip_suffix(&domain.to_ascii_lowercase())?.strip_suffix('.')?;
    Some(slug.to_owned())
}

#[cfg(test)]
mod tests {
    use super::mentions;
    use poem::Request;

    fn resolved(headers: &[(&str, &str)], query: Option<&str>) -> Result<String, String> {
        let request = headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value)).finish();
        let mentions = mentions(&request, query, Some("db.Example.com")).map_err(|failure| failure.code().to_owned())?;
        mentions.resolve(None).map(|slug| slug.to_string()).map_err(|failure| failure.code().to_owned())
    }

    #[test]
    fn header_parameter_and_host_name_all_count() {
        assert_eq!(resolved(&[], None).as_deref(), Ok("main"));
        assert_eq!(resolved(&[("x-fluxbase-branch", "pr-1")], None).as_deref(), Ok("pr-1"));
        assert_eq!(resolved(&[], Some("pr-1")).as_deref(), Ok("pr-1"));
        assert_eq!(resolved(&[("host", "PR-1.db.example.com:8080")], None).as_deref(), Ok("pr-1"));
        for other in ["db.example.com", "localhost:8080", "example.com", "xdb.example.com", "[::1]:8080"] {
            assert_eq!(resolved(&[("host", other)], None).as_deref(), Ok("main"), "{other}");
        }
    }

    #[test]
    fn two_that_differ_contradict_each_other_and_no_slug_is_no_branch() {
        assert_eq!(resolved(&[("x-fluxbase-branch", "pr-1")], Some("pr-2")), Err("branch_mismatch".to_owned()));
        assert_eq!(resolved(&[("x-fluxbase-branch", "pr-1"), ("x-fluxbase-branch", "pr-2")], None), Err("branch_mismatch".to_owned()));
        assert_eq!(resolved(&[("x-fluxbase-branch", "No Slug")], None), Err("not_found".to_owned()));
        assert_eq!(resolved(&[("host", "pr-1.db.example.com"), ("x-fluxbase-branch", "pr-2")], None), Err("branch_mismatch".to_owned()));
        assert_eq!(resolved(&[("host", "pr-1.db.example.com"), ("host", "pr-2.db.example.com")], None), Err("branch_mismatch".to_owned()));
        assert_eq!(resolved(&[("host", "a.b.db.example.com")], None), Err("not_found".to_owned()));
    }
}
