//! A span around every use case; failures of ours are logged here, once, with their cause.

use async_trait::async_trait;
use domain::{Caller, Failure};
use ports::driving::{Command, UseCase};
use std::error::Error;
use tracing::Instrument;

/// Traces a use case.
#[derive(Debug)]
pub struct Traced<U>(U);

impl<U> Traced<U> {
    /// Wraps a use case.
    pub fn new(inner: U) -> Self {
        Self(inner)
    }
}

#[async_trait]
impl<C: Command, U: UseCase<C>> UseCase<C> for Traced<U> {
    async fn run(&self, caller: &Caller, command: C) -> Result<C::Output, Failure> {
        let span = tracing::debug_span!("usecase", action = C::ACTION.name(), request.id = %caller.request_id);
        let result = self.0.run(caller, command).instrument(span).await;
        if let Err(failure) = &result
            && is_ours(failure)
        {
            let cause = failure.source().map(chain).unwrap_or_default();
            tracing::error!(action = C::ACTION.name(), request.id = %caller.request_id, cause, "{failure}");
        }
        result
    }
}

/// Whether something here is broken, unlike what the caller only has to wait for: a branch that is being made.
const fn is_ours(failure: &Failure) -> bool {
    matches!(failure, Failure::Internal(_) | Failure::Unavailable { source: Some(_), .. })
}

/// A cause and what lies behind it, as one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::is_ours;
    use domain::Failure;

    #[test]
    fn what_only_takes_time_is_no_failure_of_ours() {
        assert!(is_ours(&Failure::internal("broken")) && is_ours(&Failure::unavailable("later", Some("cause".into()))));
        assert!(!is_ours(&Failure::unavailable("the branch is creating", None)) && !is_ours(&Failure::not_found("table", "t")));
    }
}
