//! Times as people say them.

use crate::system::SystemClock;
use ports::driven::Clock;
use time::{Duration, OffsetDateTime};

/// `3 min ago`, `in 6 days`.
pub(super) fn relative(at: OffsetDateTime) -> String {
    to(at, SystemClock.now())
}

fn to(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let distance = at - now;
    let length = length(distance.abs());
    match (distance.abs() < Duration::seconds(1), distance.is_positive()) {
        (true, _) => "now".to_owned(),
        (false, true) => format!("in {length}"),
        (false, false) => format!("{length} ago"),
    }
}

/// In the largest unit of which there are at least two, rounded: a week that has just begun is 7 days, not 6.
fn length(distance: Duration) -> String {
    let in_units = |unit: Duration| Duration::saturating_add(distance, unit / 2).whole_seconds() / unit.whole_seconds();
    for (unit, name) in [(Duration::DAY, "days"), (Duration::HOUR, "h"), (Duration::MINUTE, "min")] {
        if distance >= unit * 2 {
            return format!("{} {name}", in_units(unit));
        }
    }
    format!("{} s", distance.whole_seconds())
}

#[cfg(test)]
mod tests {
    use super::to;
    use time::{Duration, OffsetDateTime};

    #[test]
    fn times_are_told_in_a_fitting_unit() {
        let now = OffsetDateTime::UNIX_EPOCH;
        for (seconds, expected) in
            [(0, "now"), (-5, "5 s ago"), (90, "in 90 s"), (-180, "3 min ago"), (7140, "in 119 min"), (7200, "in 2 h"), (604_795, "in 7 days")]
        {
            assert_eq!(to(now + Duration::seconds(seconds), now), expected);
        }
    }
}
