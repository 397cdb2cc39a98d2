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
        if let Err(failure @ (Failure::Internal(_) | Failure::Unavailable { .. })) = &result {
            let cause = failure.source().map(chain).unwrap_or_default();
            tracing::error!(action = C::ACTION.name(), request.id = %caller.request_id, cause, "{failure}");
        }
        result
    }
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
