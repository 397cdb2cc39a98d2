//! How long a branch lives, as it is said on the command line.

use domain::branch::{ExpiresIn, InvalidDuration};
use std::str::FromStr;

/// A lifetime, or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime(pub(super) Option<ExpiresIn>);

impl FromStr for Lifetime {
    type Err = InvalidDuration;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw == "never" { Ok(Self(None)) } else { raw.parse().map(Some).map(Self) }
    }
}
