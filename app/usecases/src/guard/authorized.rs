//! The one place where scopes are checked.

use async_trait::async_trait;
use domain::{Caller, Failure};
use ports::driving::{Command, UseCase};

/// Refuses callers whose credential does not reach as far as the action.
#[derive(Debug)]
pub struct Authorized<U>(U);

impl<U> Authorized<U> {
    /// Wraps a use case.
    pub fn new(inner: U) -> Self {
        Self(inner)
    }
}

#[async_trait]
impl<C: Command, U: UseCase<C>> UseCase<C> for Authorized<U> {
    async fn run(&self, caller: &Caller, command: C) -> Result<C::Output, Failure> {
        caller.principal.authorize(C::ACTION)?;
        self.0.run(caller, command).await
    }
}
