//! The `Prefer` header (RFC 7240) with PostgREST's preferences.

use super::bad_request;
use crate::problem::Problem;
use domain::table::{CountMode, Resolution};
use http::{HeaderMap, HeaderName, HeaderValue};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The response header that says which preferences counted.
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What the body of a write's answer is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Return {
    /// Nothing.
    #[default]
    Minimal,
    /// Nothing, but a `Location`.
    HeadersOnly,
    /// The rows.
    Representation,
}

/// What a client prefers. Where one is given twice, the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Preferences {
    pub(super) returns: Option<Return>,
    pub(super) count: Option<CountMode>,
    pub(super) resolution: Option<Resolution>,
    /// Whether missing keys take the column's default.
    pub(super) missing_default: Option<bool>,
    /// Whether what is not understood is an error.
    pub(super) strict: Option<bool>,
    max_affected: Option<u64>,
}

impl Preferences {
    /// Reads all `Prefer` headers of a request.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut preferences = Self::default();
        let mut unknown = Vec::new();
        for header in headers.get_all(PREFER) {
            let header = header.to_str().map_err(|_| bad_request("invalid_preference", "the Prefer header is not ASCII"))?;
            for preference in header.split(',').map(str::trim).filter(|preference| !preference.is_empty()) {
                if !preferences.take(preference) {
                    unknown.push(preference.to_owned());
                }
            }
        }
        if unknown.iter().any(|preference| preference == "tx=rollback") {
            // To pass over it would keep what the client meant to be taken back.
            return Err(bad_request("not_supported", "'Prefer: tx=rollback' is not supported"));
        }
        if preferences.strict == Some(true) && !unknown.is_empty() {
            return Err(bad_request("invalid_preference", format!("not understood under handling=strict: {}", unknown.join(", "))));
        }
        Ok(preferences)
    }

    fn take(&mut self, preference: &str) -> bool {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        match (name.trim(), value.trim().trim_matches('"')) {
            ("return", "minimal") => first(&mut self.returns, Return::Minimal),
            ("return", "headers-only") => first(&mut self.returns, Return::HeadersOnly),
            ("return", "representation") => first(&mut self.returns, Return::Representation),
            ("count", mode) => mode.parse().map(|mode| first(&mut self.count, mode)).is_ok(),
            ("resolution", "merge-duplicates") => first(&mut self.resolution, Resolution::MergeDuplicates),
            ("resolution", "ignore-duplicates") => first(&mut self.resolution, Resolution::IgnoreDuplicates),
            ("missing", "default") => first(&mut self.missing_default, true),
            ("missing", "null") => first(&mut self.missing_default, false),
            ("handling", "strict") => first(&mut self.strict, true),
            ("handling", "lenient") => first(&mut self.strict, false),
            ("max-affected", number) => number.parse().map(|number| first(&mut self.max_affected, number)).is_ok(),
            ("tx", "commit") => true,
            _ => false,
        }
    }

    /// Rows that a write may touch; counts under `handling=strict` only, as in PostgREST.
    pub(super) fn max_affected(&self) -> Option<u64> {
        self.max_affected.filter(|_| self.strict == Some(true))
    }

    /// What counted for a read.
    pub(super) fn applied_to_read(&self) -> Option<HeaderValue> {
        header([self.count_applied(), self.strict_applied()])
    }

    /// What counted for an insert.
    pub(super) fn applied_to_insert(&self) -> Option<HeaderValue> {
        let resolution = self.resolution.map(|resolution| match resolution {
            Resolution::MergeDuplicates => "resolution=merge-duplicates",
            Resolution::IgnoreDuplicates => "resolution=ignore-duplicates",
        });
        let applied = [resolution, self.missing_applied(), self.returns_applied(), self.count_applied(), self.strict_applied()];
        header(applied)
    }

    /// What counted for an update.
    pub(super) fn applied_to_update(&self) -> Option<HeaderValue> {
        self.applied_to_change(self.missing_applied())
    }

    /// What counted for a delete.
    pub(super) fn applied_to_delete(&self) -> Option<HeaderValue> {
        self.applied_to_change(None)
    }

    fn applied_to_change(&self, missing: Option<&str>) -> Option<HeaderValue> {
        let max_affected = self.max_affected().map(|max| format!("max-affected={max}"));
        header([missing, self.returns_applied(), self.count_applied(), self.strict_applied(), max_affected.as_deref()])
    }

    fn missing_applied(&self) -> Option<&'static str> {
        self.missing_default.map(|default| if default { "missing=default" } else { "missing=null" })
    }

    fn returns_applied(&self) -> Option<&'static str> {
        self.returns.map(|returns| match returns {
            Return::Minimal => "return=minimal",
            Return::HeadersOnly => "return=headers-only",
            Return::Representation => "return=representation",
        })
    }

    fn count_applied(&self) -> Option<&'static str> {
        self.count.map(|count| match count {
            CountMode::Exact => "count=exact",
            CountMode::Planned => "count=planned",
            CountMode::Estimated => "count=estimated",
        })
    }

    fn strict_applied(&self) -> Option<&'static str> {
        self.strict.map(|strict| if strict { "handling=strict" } else { "handling=lenient" })
    }
}

fn first<T>(slot: &mut Option<T>, value: T) -> bool {
    slot.get_or_insert(value);
    true
}

fn header<const N: usize>(applied: [Option<&str>; N]) -> Option<HeaderValue> {
    let applied: Vec<_> = applied.into_iter().flatten().collect();
    if applied.is_empty() { None } else { HeaderValue::from_str(&applied.join(", ")).ok() }
}

#[cfg(test)]
mod tests {
    use super::{Preferences, Return};
    use domain::table::{CountMode, Resolution};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn read(lines: &[&'static str]) -> Result<Preferences, u16> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HeaderName::from_static("prefer"), HeaderValue::from_static(line));
        }
        Preferences::read(&headers).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn preferences_come_in_one_line_or_in_several_and_the_first_counts() {
        let preferences = read(&["return=representation, count=exact", "resolution=merge-duplicates,return=minimal", "missing=default"]).unwrap();
        assert_eq!(preferences.returns, Some(Return::Representation));
        assert_eq!(preferences.count, Some(CountMode::Exact));
        assert_eq!(preferences.resolution, Some(Resolution::MergeDuplicates));
        assert_eq!(preferences.missing_default, Some(true));
        assert_eq!(preferences.applied_to_insert().unwrap(), "resolution=merge-duplicates, missing=default, return=representation, count=exact");
        assert_eq!(preferences.applied_to_read().unwrap(), "count=exact");
        assert_eq!(read(&[]).unwrap().applied_to_read(), None);
    }

    #[test]
    fn what_is_not_understood_is_an_error_under_strict_handling_only() {
        assert_eq!(read(&["return=everything, foo=bar"]), Ok(Preferences::default()));
        assert_eq!(read(&["handling=strict, foo=bar"]), Err(400));
        assert_eq!(read(&["foo", "handling=strict"]), Err(400));
        assert!(read(&["handling=strict, count=planned, tx=commit"]).is_ok());
        assert_eq!(read(&["tx=rollback"]), Err(400));
    }

    #[test]
    fn the_bound_on_affected_rows_counts_under_strict_handling_only() {
        assert_eq!(read(&["max-affected=5"]).unwrap().max_affected(), None);
        let strict = read(&["handling=strict, max-affected=5"]).unwrap();
        assert_eq!(strict.max_affected(), Some(5));
        assert_eq!(strict.applied_to_delete().unwrap(), "handling=strict, max-affected=5");
        let missing = read(&["missing=default, return=minimal"]).unwrap();
        assert_eq!(missing.applied_to_update().unwrap(), "missing=default, return=minimal");
        assert_eq!(missing.applied_to_delete().unwrap(), "return=minimal");
        assert_eq!(read(&["handling=strict, max-affected=-1"]), Err(400));
    }
}
