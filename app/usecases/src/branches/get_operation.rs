//! See how an operation is getting on, once or to its end.

use super::{lookup::check, ports::BranchPorts};
use async_trait::async_trait;
use domain::{Caller, Failure, Operation, OperationId, branch::AccessLevel};
use ports::{
    driven::ControlPlane,
    driving::{FollowOperation, GetOperation, OperationFeed, UseCase},
};
use std::{sync::Arc, time::Duration};

/// How often an operation that is followed is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// See [`GetOperation`], [`FollowOperation`].
pub struct GetOperationUseCase {
    ports: BranchPorts,
}

impl GetOperationUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }

    async fn find(&self, caller: &Caller, id: OperationId) -> Result<Operation, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let operation = work.operations().find(id).await?.ok_or_else(|| missing(id))?;
        let branch = work.branches().find(operation.branch_id, false).await?.ok_or_else(|| missing(id))?;
        check(&branch, &caller.principal, AccessLevel::Read)?;
        Ok(operation)
    }
}

fn missing(id: OperationId) -> Failure {
    Failure::not_found("operation", id.to_string())
}

#[async_trait]
impl UseCase<GetOperation> for GetOperationUseCase {
    async fn run(&self, caller: &Caller, command: GetOperation) -> Result<Operation, Failure> {
        self.find(caller, command.id).await
    }
}

#[async_trait]
impl UseCase<FollowOperation> for GetOperationUseCase {
    async fn run(&self, caller: &Caller, command: FollowOperation) -> Result<Box<dyn OperationFeed>, Failure> {
        self.find(caller, command.id).await?;
        Ok(Box::new(Feed { control_plane: Arc::clone(&self.ports.control_plane), id: command.id, told: None }))
    }
}

/// Looks again and again, and tells what has changed.
struct Feed {
    control_plane: Arc<dyn ControlPlane>,
    id: OperationId,
    told: Option<Operation>,
}

#[async_trait]
impl OperationFeed for Feed {
    async fn next(&mut self) -> Result<Option<Operation>, Failure> {
        if self.told.as_ref().is_some_and(|told| told.status.is_final()) {
            return Ok(None);
        }
        loop {
            let found = self.control_plane.begin().await?.operations().find(self.id).await?.ok_or_else(|| missing(self.id))?;
            if self.told.as_ref() != Some(&found) {
                self.told = Some(found.clone());
                return Ok(Some(found));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Feed, GetOperationUseCase};
    use crate::testing::{BRANCH, FakeWork, branch, branch_ports, caller, work_with};
    use domain::{Operation, OperationId, OperationKind, Scope, operation::Progress};
    use ports::{
        driven::MockControlPlane,
        driving::{GetOperation, OperationFeed, UseCase},
    };
    use std::sync::{Arc, Mutex};
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn operation(status: Progress) -> Operation {
        let queued = Operation::queued(OperationId::from_uuid(BRANCH), OperationKind::CreateBranch, branch("x", None).id, OffsetDateTime::UNIX_EPOCH);
        Operation { status, ..queued }
    }

    #[tokio::test]
    async fn an_operation_is_shown_to_whom_its_branch_is() {
        for (user, shown) in [(1, true), (2, false)] {
            let mut work = work_with(Some(branch("pr-1", Some(1))));
            work.operations.expect_find().returning(|_| Ok(Some(operation(Progress::Running))));
            let found = GetOperationUseCase::new(branch_ports(work))
                .run(&caller(Some(user), [Scope::ReadBranches]), GetOperation { id: OperationId::from_uuid(Uuid::nil()) })
                .await;
            assert_eq!(found.is_ok(), shown);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_tells_changes_only_and_ends_with_the_operation() {
        let states = Mutex::new(vec![Progress::Succeeded, Progress::Running, Progress::Running, Progress::Queued]);
        let states = Arc::new(states);
        let mut control_plane = MockControlPlane::new();
        control_plane.expect_begin().returning(move || {
            let mut work = FakeWork::default();
            let status = states.lock().unwrap().pop().unwrap();
            work.operations.expect_find().returning(move |_| Ok(Some(operation(status))));
            Ok(Box::new(work))
        });
        let mut feed = Feed { control_plane: Arc::new(control_plane), id: OperationId::from_uuid(BRANCH), told: None };
        let mut told = Vec::new();
        while let Some(operation) = feed.next().await.unwrap() {
            told.push(operation.status);
        }
        assert_eq!(told, [Progress::Queued, Progress::Running, Progress::Succeeded]);
    }
}
