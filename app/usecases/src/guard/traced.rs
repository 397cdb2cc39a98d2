//! A span around every use case.

use async_trait::async_trait;
use domain::{Caller, Failure};
use ports::driving::{Command, UseCase};
use tracing::Instrument;

/// Traces a use case. Causes of failures are not logged here but where every failure ends, whoever made it: at the door that answers.
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
        self.0.run(caller, command).instrument(span).await
    }
}
