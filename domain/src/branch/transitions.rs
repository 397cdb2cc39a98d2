//! What may be begun on a branch, and what stands in the way.

use super::{Branch, BranchState, Generation, IllegalTransition, Previous};
use crate::{Failure, operation::OperationId};
use time::OffsetDateTime;

impl Branch {
    /// One operation at a time works on a branch.
    pub fn check_idle(&self) -> Result<(), Failure> {
        match self.state.operation() {
            None => Ok(()),
            Some(operation) => Err(Failure::Conflict {
                code: "operation_running",
                reason: format!(
                    "operation {operation} is at work on branch '{}' (it is {}); wait for it, or cancel it",
                    self.slug,
                    self.state.status()
                ),
            }),
        }
    }

    /// A protected branch keeps its data, whoever asks and however.
    pub fn check_unprotected(&self) -> Result<(), Failure> {
        if !self.protected {
            return Ok(());
        }
        let reason = format!("branch '{}' is protected: take the protection off first (protected: false)", self.slug);
        Err(Failure::Conflict { code: "branch_protected", reason })
    }

    /// A branch that data can be cut from, or that can be worked on.
    pub fn check_serves(&self) -> Result<Generation, Failure> {
        let code = if matches!(self.state, BranchState::Error { .. }) { "branch_error" } else { "branch_not_ready" };
        self.state.serving().ok_or_else(|| Failure::Conflict { code, reason: self.nothing_serves() })
    }

    /// A sentence that says why nothing serves it, to be asked for where nothing does.
    pub fn nothing_serves(&self) -> String {
        let slug = &self.slug;
        match &self.state {
            BranchState::Error { reason, .. } => format!("branch '{slug}' could not be made: {reason}"),
            BranchState::Deleting { .. } => format!("branch '{slug}' is being deleted; no data serves it any longer"),
            BranchState::Deleted { .. } => format!("branch '{slug}' is deleted; no data serves it any longer"),
            BranchState::Resetting { .. } => format!("branch '{slug}' is being reset; no data serves it yet"),
            BranchState::Creating { .. } | BranchState::Ready { .. } | BranchState::Migrating { .. } => {
                format!("branch '{slug}' is being made; no data serves it yet")
            }
        }
    }

    /// Begins the delete; refused for main and for protected branches.
    pub fn delete(self, operation: OperationId, now: OffsetDateTime) -> Result<Self, Failure> {
        if self.is_main() {
            return Err(main_stays());
        }
        self.check_unprotected()?;
        self.begin(now, |state| state.delete(operation))
    }

    /// Begins a reset that builds `next`; refused for main and for protected branches.
    pub fn reset(self, operation: OperationId, next: Generation, now: OffsetDateTime) -> Result<Self, Failure> {
        if self.is_main() {
            return Err(Failure::Conflict { code: "main_branch", reason: "the main branch has no parent to be reset to".to_owned() });
        }
        self.check_unprotected()?;
        self.begin(now, |state| state.reset(operation, next))
    }

    /// Begins to bring back what the latest reset replaced, and says what that is.
    pub fn undo(self, operation: OperationId, now: OffsetDateTime) -> Result<(Self, Previous), Failure> {
        self.check_idle()?;
        self.check_unprotected()?;
        let Some(previous) = self.previous.clone().filter(|previous| previous.is_kept(now)) else {
            let reason = match &self.previous {
                None => format!("branch '{}' has no reset that could be undone", self.slug),
                Some(_) => format!("what the latest reset of branch '{}' replaced is kept no longer (branching.reset_undo)", self.slug),
            };
            return Err(Failure::Conflict { code: "nothing_to_undo", reason });
        };
        let begun = self.begin(now, |state| state.undo(operation, previous.generation))?;
        Ok((begun, previous))
    }

    /// Begins to migrate.
    pub fn migrate(self, operation: OperationId, now: OffsetDateTime) -> Result<Self, Failure> {
        self.check_idle()?;
        self.check_serves()?;
        self.begin(now, |state| state.migrate(operation))
    }

    fn begin(mut self, now: OffsetDateTime, change: impl FnOnce(BranchState) -> Result<BranchState, IllegalTransition>) -> Result<Self, Failure> {
        self.check_idle()?;
        let slug = self.slug.clone();
        self.state = change(self.state).map_err(|illegal| Failure::Conflict {
            code: "illegal_transition",
            reason: format!("this cannot be done to branch '{slug}' now: {illegal}"),
        })?;
        self.updated_at = now;
        Ok(self)
    }
}

/// The refusal to delete main, whoever asks and however.
pub fn main_stays() -> Failure {
    Failure::Conflict { code: "main_branch", reason: "the main branch cannot be deleted".to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::branch::{Branch, BranchId, BranchRequest, BranchState, BranchType, DataCloneMode, Generation, Previous, Status};
    use crate::operation::OperationId;
    use time::{Duration, OffsetDateTime};
    use uuid::Uuid;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn operation() -> OperationId {
        OperationId::from_uuid(Uuid::from_u128(9))
    }

    fn number(number: u32) -> Generation {
        Generation::new(number).unwrap()
    }

    fn ready() -> Branch {
        let request = BranchRequest {
            id: BranchId::from_uuid(Uuid::nil()),
            name: "x".parse().unwrap(),
            parent_id: BranchId::from_uuid(Uuid::nil()),
            branch_type: BranchType::Preview,
            clone_mode: DataCloneMode::SchemaOnly,
            created_by: None,
            expires_in: None,
            pull_request: None,
        };
        let made = Branch::request(request, "x".parse().unwrap(), number(1), operation(), NOW);
        Branch { state: BranchState::Ready { generation: number(2) }, ..made }
    }

    fn kept(until: OffsetDateTime) -> Previous {
        Previous { generation: number(1), since: NOW, until, closed: true, withheld: Vec::new(), data_as_of: None }
    }

    #[test]
    fn one_operation_at_a_time_works_on_a_branch_and_is_named() {
        let busy = ready().migrate(operation(), NOW).unwrap();
        for refused in [
            busy.clone().delete(operation(), NOW).map(drop),
            busy.clone().reset(operation(), number(3), NOW).map(drop),
            busy.clone().undo(operation(), NOW).map(drop),
            busy.migrate(operation(), NOW).map(drop),
        ] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.code(), "operation_running");
            assert!(refused.to_string().contains(&operation().to_string()), "{refused}");
        }
    }

    #[test]
    fn protection_keeps_data_and_main_keeps_itself() {
        let protected = Branch { protected: true, previous: Some(kept(NOW + Duration::HOUR)), ..ready() };
        assert_eq!(protected.clone().delete(operation(), NOW).unwrap_err().code(), "branch_protected");
        assert_eq!(protected.clone().reset(operation(), number(3), NOW).unwrap_err().code(), "branch_protected");
        assert_eq!(protected.clone().undo(operation(), NOW).unwrap_err().code(), "branch_protected");
        assert!(protected.keeps_its_data() && protected.migrate(operation(), NOW).is_ok());
        let main = Branch { branch_type: BranchType::Main, ..ready() };
        assert!(main.keeps_its_data() && !main.protected && !ready().keeps_its_data());
        assert_eq!(main.clone().delete(operation(), NOW).unwrap_err().code(), "main_branch");
        assert_eq!(main.reset(operation(), number(3), NOW).unwrap_err().code(), "main_branch");
    }

    #[test]
    fn what_serves_no_data_says_why() {
        let (operation, generation) = (operation(), number(1));
        let failed = BranchState::Error { reason: "the disk is full".to_owned(), generation: None };
        for (state, code, reason) in [
            (failed.clone(), "branch_error", "branch 'x' could not be made: the disk is full"),
            (
                BranchState::Deleting { operation, generation: Some(generation) },
                "branch_not_ready",
                "branch 'x' is being deleted; no data serves it any longer",
            ),
            (BranchState::Creating { operation, generation }, "branch_not_ready", "branch 'x' is being made; no data serves it yet"),
            (
                BranchState::Resetting { operation, generation: None, next: generation },
                "branch_not_ready",
                "branch 'x' is being reset; no data serves it yet",
            ),
        ] {
            let refused = Branch { state, ..ready() }.check_serves().unwrap_err();
            assert_eq!((refused.code(), refused.to_string().as_str()), (code, reason));
        }
        assert_eq!(Branch { state: failed, ..ready() }.migrate(operation, NOW).unwrap_err().code(), "branch_error");
        let failed_later = BranchState::Error { reason: "a file failed".to_owned(), generation: Some(generation) };
        assert!(Branch { state: failed_later, ..ready() }.check_serves().is_ok());
    }

    #[test]
    fn only_what_is_still_kept_is_brought_back() {
        assert_eq!(ready().undo(operation(), NOW).unwrap_err().code(), "nothing_to_undo");
        let late = Branch { previous: Some(kept(NOW)), ..ready() };
        assert_eq!(late.clone().undo(operation(), NOW).unwrap_err().code(), "nothing_to_undo");
        assert!(late.set_aside().is_some());
        let (begun, previous) = Branch { previous: Some(kept(NOW + Duration::SECOND)), ..ready() }.undo(operation(), NOW).unwrap();
        assert_eq!((begun.state.status(), previous.generation), (Status::Migrating, number(1)));
        assert_eq!(begun.set_aside(), None, "it is on its way back");
        assert_eq!(begun.generations(), [number(1), number(2)]);
        assert_eq!(begun.state.switched().unwrap(), (BranchState::Ready { generation: number(1) }, Some(number(2))));
    }
}
