//! What a hold writes down, and whether it must be on disk.

use super::Hold;
use crate::testing::FakeWork;
use domain::{
    BranchId, Operation, OperationId, OperationKind, StepName,
    operation::{Claim, Progress},
};
use ports::driven::{BuildProgress, MockClock, NoFailpoints};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use time::OffsetDateTime;
use uuid::Uuid;

#[tokio::test]
async fn a_step_need_not_be_on_disk_and_what_is_read_again_after_a_crash_must() {
    for (what, tells_only) in [("a step", true), ("what was applied before", false)] {
        let mut work = FakeWork::default();
        let running = what == "a step";
        work.operations
            .expect_save()
            .once()
            .withf(move |claim| claim.operation.steps.iter().any(|step| step.status == Progress::Running) == running)
            .returning(|_| Ok(()));
        work.operations.expect_cancel_requested().returning(|_| Ok(false));
        let (said, committed) = (work.tells_only(), work.committed());
        let mut clock = MockClock::new();
        clock.expect_now().return_const(OffsetDateTime::UNIX_EPOCH);
        let id = OperationId::from_uuid(Uuid::nil());
        let operation = Operation::queued(id, OperationKind::MigrateBranch, BranchId::from_uuid(Uuid::nil()), OffsetDateTime::UNIX_EPOCH);
        let claim = Claim { operation, fence: 1, failures: 0 };
        let hold = Hold::new(claim, work.control_plane(), Arc::new(clock), Arc::new(NoFailpoints), Duration::from_secs(15));
        if running {
            hold.step(StepName::Migrate).await.unwrap();
        } else {
            hold.note_applied_before(Vec::new()).await.unwrap();
        }
        assert!(committed.load(Ordering::SeqCst), "{what}");
        assert_eq!(said.load(Ordering::SeqCst), tells_only, "{what}");
    }
}
