//! What branch actions answer where branching is switched off.

use async_trait::async_trait;
use domain::{Caller, Failure};
use ports::driving::{Command, UseCase};

/// Refuses, whatever is asked: `branching.enabled` is `false`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BranchingDisabled;

#[async_trait]
impl<C: Command> UseCase<C> for BranchingDisabled {
    async fn run(&self, _caller: &Caller, _command: C) -> Result<C::Output, Failure> {
        let reason = "branching is switched off on this server (branching.enabled)".to_owned();
        Err(Failure::Conflict { code: "branching_disabled", reason })
    }
}
