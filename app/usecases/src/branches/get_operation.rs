//! See how an operation is getting on.

use super::{
    lookup::{check_as, check_seen},
    ports::BranchPorts,
};
use crate::routing::nameless;
use async_trait::async_trait;
use domain::{Branch, Caller, Failure, Operation, OperationId, Principal, branch::AccessLevel, operation::OperationError};
use ports::driving::{GetOperation, UseCase};

/// See [`GetOperation`].
pub struct GetOperationUseCase {
    ports: BranchPorts,
}

impl GetOperationUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }

    /// The operation for somebody who was shown it before, and may by now not see its branch any more.
    pub(super) async fn again(&self, caller: &Caller, id: OperationId) -> Result<Operation, Failure> {
        let (operation, branch, target) = self.find(id).await?;
        check_as(&branch, branch.id, &caller.principal, AccessLevel::Read)?;
        if let Some(target) = target {
            target.check_access(&caller.principal, AccessLevel::Read).map_err(|denied| nameless(denied, target.id))?;
        }
        Ok(shown(operation, &caller.principal))
    }

    /// The operation, its branch, and the one that a proof compares it with: what that tells is as much of either.
    async fn find(&self, id: OperationId) -> Result<(Operation, Branch, Option<Branch>), Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let operation = work.operations().find(id).await?.ok_or_else(|| missing(id))?;
        let branch = work.branches().find(operation.branch_id, false).await?.ok_or_else(|| missing(id))?;
        let target = match operation.input.target {
            Some(target) => Some(work.branches().find(target, false).await?.ok_or_else(|| missing(id))?),
            None => None,
        };
        Ok((operation, branch, target))
    }
}

/// What a key that is held to tables sees of it: how it is getting on, and not what it tells of all other tables, which a diff would not tell it either.
fn shown(operation: Operation, principal: &Principal) -> Operation {
    if principal.restrictions.tables.is_none() {
        return operation;
    }
    let error = operation.error.map(|error| OperationError::new(error.code, UNTOLD));
    Operation { error, result: None, ..operation }
}

const UNTOLD: &str = "why is told to who may see all tables of the branch: this key is held to some";

pub(super) fn missing(id: OperationId) -> Failure {
    Failure::not_found("operation", id.to_string())
}

#[async_trait]
impl UseCase<GetOperation> for GetOperationUseCase {
    async fn run(&self, caller: &Caller, command: GetOperation) -> Result<Operation, Failure> {
        let (operation, branch, target) = self.find(command.id).await?;
        check_seen(&branch, &caller.principal, || missing(command.id))?;
        if let Some(target) = target {
            target.check_access(&caller.principal, AccessLevel::Read).map_err(|_| missing(command.id))?;
        }
        Ok(shown(operation, &caller.principal))
    }
}

#[cfg(test)]
mod tests {
    use super::GetOperationUseCase;
    use crate::testing::{BRANCH, FakeWork, branch, branch_ports, caller, held, pinned_to, work_with};
    use domain::{
        Branch, BranchId, Operation, OperationId, OperationKind, Scope, UserId,
        access::Restrictions,
        operation::{OperationError, OperationInput, Progress},
        table::QualifiedName,
    };
    use ports::driving::{GetOperation, UseCase};
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
            assert_eq!(found.as_ref().err().map(|refused| refused.code().to_owned()), (!shown).then(|| "not_found".to_owned()));
        }
    }

    #[tokio::test]
    async fn a_key_held_to_tables_sees_how_it_goes_and_nothing_of_other_tables() {
        let error =
            OperationError { statement: Some("alter table salaries".to_owned()), ..OperationError::new("migration_failed", "no table salaries") };
        let told = Operation { error: Some(error), result: Some("{\"diff\":\"salaries\"}".to_owned()), ..operation(Progress::Failed) };
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        work.operations.expect_find().returning(move |_| Ok(Some(told.clone())));
        let tables = Restrictions { tables: Some(vec![QualifiedName::new("public", "tasks")]), ..Restrictions::default() };
        let use_case = GetOperationUseCase::new(branch_ports(work));
        let found = use_case.run(&held(tables, Scope::ReadBranches), GetOperation { id: OperationId::from_uuid(Uuid::nil()) }).await.unwrap();
        let error = found.error.unwrap();
        assert_eq!((found.status, found.result, error.code.as_str(), error.statement), (Progress::Failed, None, "migration_failed", None));
        assert!(!error.message.contains("salaries"), "{}", error.message);
    }

    #[tokio::test]
    async fn one_of_another_branch_than_the_key_is_pinned_to_is_none() {
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        work.operations.expect_find().returning(|_| Ok(Some(operation(Progress::Running))));
        let use_case = GetOperationUseCase::new(branch_ports(work));
        let refused = use_case.run(&pinned_to("pr-2", Scope::ReadBranches), GetOperation { id: OperationId::from_uuid(Uuid::nil()) }).await;
        assert_eq!(refused.unwrap_err().code(), "not_found");
    }

    #[tokio::test]
    async fn a_proof_is_shown_to_whom_both_branches_are() {
        let secret = Branch { id: BranchId::from_uuid(Uuid::from_u128(6)), ..branch("secret-deal", Some(2)) };
        for (of_target, shown) in [(Some(1), true), (Some(2), false)] {
            let target = Branch { created_by: of_target.map(|user| UserId::from_uuid(Uuid::from_u128(user))), ..secret.clone() };
            let (mut work, secret_id) = (FakeWork::default(), secret.id);
            work.branches.expect_find().returning(move |id, _| Ok(Some(if id == secret_id { target.clone() } else { branch("pr-1", Some(1)) })));
            let input = OperationInput { target: Some(secret.id), ..OperationInput::default() };
            work.operations.expect_find().returning(move |_| Ok(Some(operation(Progress::Succeeded).with_input(input.clone()))));
            let found = GetOperationUseCase::new(branch_ports(work))
                .run(&caller(Some(1), [Scope::ReadBranches]), GetOperation { id: OperationId::from_uuid(Uuid::nil()) })
                .await;
            assert_eq!(found.is_ok(), shown);
            assert!(found.err().is_none_or(|refused| refused.code() == "not_found" && !refused.to_string().contains("secret")));
        }
    }
}
