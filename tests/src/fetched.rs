//! What tests fetch by the registries' own programs, and what becomes of a test that cannot have it.

use std::{
    env,
    fmt::Display,
    io::{self, Write},
};

/// `required` makes what cannot be fetched a failure: where it is unset, tests say so and pass.
const POLICY: &str = "FLUXBASE_TEST_CLIENTS";

/// What was fetched; `None`, said aloud, where it cannot be had and need not be.
pub fn fetched<T>(what: &str, outcome: Result<T, impl Display>) -> Option<T> {
    let required = env::var(POLICY).as_deref() == Ok("required");
    or_untried(required, what, outcome)
}

fn or_untried<T>(required: bool, what: &str, outcome: Result<T, impl Display>) -> Option<T> {
    match outcome {
        Ok(had) => Some(had),
        Err(reason) => {
            assert!(!required, "{what} is required: {reason}");
            untried(what, &reason);
            None
        }
    }
}

/// Says that something was not tried: past the test harness, which shows nothing of a test that passes.
pub(crate) fn untried(what: &str, reason: &impl Display) {
    let _ = writeln!(io::stderr(), "skipped: {what} cannot be had: {reason}");
}

#[cfg(test)]
mod tests {
    use super::or_untried;

    #[test]
    fn what_need_not_be_had_is_left_untried() {
        assert_eq!(or_untried(false, "a client", Ok::<_, String>(1)), Some(1));
        assert_eq!(or_untried(false, "a client", Err::<u8, _>("no network")), None);
    }

    #[test]
    #[should_panic(expected = "a client is required: no network")]
    fn what_is_required_and_cannot_be_had_fails() {
        or_untried(true, "a client", Err::<u8, _>("no network"));
    }
}
