//! How long a branch lives.

use std::{fmt, str::FromStr};
use time::{Duration, OffsetDateTime};

use super::Branch;

/// A lifetime, from one second up: `90s`, `30m`, `12h`, `7d`, or several of them (`1d12h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpiresIn(Duration);

/// Why a text is no lifetime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no duration; expected numbers with a unit of s, m, h or d, from 1s to 3652d, such as 168h or 1d12h")]
pub struct InvalidDuration(pub String);

impl ExpiresIn {
    /// Ten years with their leap days, as the configuration reads `10y`.
    const MAX: Duration = Duration::seconds(315_576_000);

    /// The lifetime.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// A lifetime of so many seconds; `None` for zero, which means never.
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        let duration = Duration::seconds(i64::try_from(seconds).ok()?);
        (duration >= Duration::SECOND && duration <= Self::MAX).then_some(Self(duration))
    }
}

impl FromStr for ExpiresIn {
    type Err = InvalidDuration;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        seconds(raw).and_then(Self::from_seconds).ok_or_else(|| InvalidDuration(raw.to_owned()))
    }
}

/// Numbers with their units, added up.
fn seconds(raw: &str) -> Option<u64> {
    let (mut total, mut digits) = (0_u64, String::new());
    for c in raw.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let number: u64 = std::mem::take(&mut digits).parse().ok()?;
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        total = number.checked_mul(unit).and_then(|part| total.checked_add(part))?;
    }
    (digits.is_empty() && !raw.is_empty()).then_some(total)
}

/// How old a kept copy of rows may be: 0, which allows none, or a time as [`ExpiresIn`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxAge(Duration);

/// Why a text is no age.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no age; expected 0, or numbers with a unit of s, m, h or d, up to 3652d, such as 1h or 1d12h")]
pub struct InvalidMaxAge(pub String);

impl MaxAge {
    /// In seconds.
    pub const fn seconds(self) -> u64 {
        self.0.whole_seconds().unsigned_abs()
    }
}

impl FromStr for MaxAge {
    type Err = InvalidMaxAge;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw == "0" || seconds(raw) == Some(0) {
            return Ok(Self(Duration::ZERO));
        }
        raw.parse().map(|age: ExpiresIn| Self(age.duration())).map_err(|_| InvalidMaxAge(raw.to_owned()))
    }
}

impl fmt::Display for MaxAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.whole_seconds())
    }
}

impl fmt::Display for ExpiresIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.whole_seconds())
    }
}

impl Branch {
    /// How long before its end a branch's people are warned at most.
    pub const WARN_WITHIN: Duration = Duration::HOUR;

    /// Whether it is time to warn of its end: a tenth of its life is left, or an hour, whichever is less.
    pub fn expires_soon(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_some_and(|at| {
            let tenth: Duration = (at - self.created_at) / 10;
            at > now && at - now <= tenth.min(Self::WARN_WITHIN)
        })
    }

    /// Whether its time has come.
    pub fn expired(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::{ExpiresIn, MaxAge};
    use time::Duration;

    #[test]
    fn parts_add_up() {
        for (raw, expected) in [("1s", 1), ("30m", 1800), ("168h", 604_800), ("1d12h", 129_600)] {
            assert_eq!(raw.parse::<ExpiresIn>().unwrap().duration(), Duration::seconds(expected));
        }
    }

    #[test]
    fn ten_years_are_a_lifetime() {
        assert!(ExpiresIn::from_seconds(10 * 31_557_600).is_some() && ExpiresIn::from_seconds(10 * 31_557_600 + 1).is_none());
        assert!("3652d".parse::<ExpiresIn>().is_ok());
    }

    #[test]
    fn an_age_may_be_none_at_all() {
        for (raw, expected) in [("0", 0), ("0s", 0), ("0h0m", 0), ("90s", 90), ("1d12h", 129_600)] {
            let age: MaxAge = raw.parse().unwrap();
            assert_eq!(age.seconds(), expected, "{raw}");
            assert_eq!(age.to_string().parse(), Ok(age));
        }
        for raw in ["", "1", "-1s", "soon", "4000d"] {
            assert!(raw.parse::<MaxAge>().unwrap_err().to_string().contains("expected 0, or"), "{raw:?}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for raw in ["", "0s", "5", "h", "-1h", "1w", "99999999999999999999d", "4000d", "1.5h"] {
            assert!(raw.parse::<ExpiresIn>().is_err(), "{raw:?}");
        }
    }
}
