//! What stands around every use case, written once: tracing, metrics, audit, scope, rate limit.

mod audited;
mod authorized;
mod limited;
mod metered;
mod named;
mod traced;
mod unread;

pub use audited::Audited;
pub use authorized::Authorized;
pub use limited::{Limited, RateLimits};
pub use metered::Metered;
pub use named::Named;
pub use traced::Traced;

use ports::{
    driven::{AuditLog, BranchDirectory, Clock, RateLimiter},
    driving::{Command, UnreadRequests, UseCase},
};
use std::sync::Arc;

/// What the guards need.
#[derive(Clone)]
pub struct Guards {
    /// Where audit rows go.
    pub audit: Arc<dyn AuditLog>,
    /// Whose budgets are taken from.
    pub limiter: Arc<dyn RateLimiter>,
    /// How many requests a minute.
    pub limits: RateLimits,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whose ids commands name.
    pub branches: Arc<dyn BranchDirectory>,
}

impl Guards {
    /// Puts every guard around a use case: traced, then counted and timed, then told whose ids it names, then audited (refusals too), then held to its budget (who tries what it may
    /// not is held as well), then authorised.
    pub fn around<C: Command>(&self, use_case: impl UseCase<C> + 'static) -> Arc<dyn UseCase<C>> {
        let limited = Limited::new(Authorized::new(use_case), Arc::clone(&self.limiter), self.limits);
        let audited = Audited::new(limited, Arc::clone(&self.audit), Arc::clone(&self.clock));
        Arc::new(Traced::new(Metered::new(Named::new(audited, Arc::clone(&self.branches)))))
    }

    /// Only traced: for a look that is part of another command, which was counted, written down and authorised as a whole. Whoever waits for what it began
    /// itself need not have the scope to look at what others began.
    pub fn within<C: Command>(use_case: impl UseCase<C> + 'static) -> Arc<dyn UseCase<C>> {
        Arc::new(Traced::new(use_case))
    }

    /// The same guards for what could not be read as a command.
    pub fn around_nothing(&self) -> Arc<dyn UnreadRequests> {
        Arc::new(unread::Unread(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Guards, RateLimits};
    use crate::testing::caller;
    use domain::{
        Action, Caller, Failure, Scope,
        access::Door,
        branch::BranchMentions,
        table::{Delete, Returning, TableName},
    };
    use ports::{
        driven::{MockAuditLog, MockBranchDirectory, MockClock, MockRateLimiter, NoBudget, StoreError, Written},
        driving::{CreateUser, DeleteRecord, ListUsers, MockUseCase, UseCase},
    };
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };
    use time::OffsetDateTime;

    /// Never ends.
    struct Never;
    #[async_trait::async_trait]
    impl UseCase<ListUsers> for Never {
        async fn run(&self, _: &Caller, _: ListUsers) -> Result<domain::page::Page<domain::user::User>, Failure> {
            std::future::pending().await
        }
    }

    struct Rig {
        guards: Guards,
        outcomes: Arc<Mutex<Vec<String>>>,
        budgets: Arc<Mutex<Vec<String>>>,
    }

    /// Guards whose audit log remembers outcomes, and whose limiter remembers what was taken and gives `left` requests.
    fn rig(left: usize) -> Rig {
        let (outcomes, budgets) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (mut audit, mut limiter, mut clock) = (MockAuditLog::new(), MockRateLimiter::new(), MockClock::new());
        audit.expect_has_room().return_const(true);
        audit.expect_can_persist().return_const(true);
        let told = outcomes.clone();
        audit.expect_queue().returning(move |entry| {
            told.lock().unwrap().push(entry.outcome);
            Ok(())
        });
        let taken = budgets.clone();
        limiter.expect_take().returning(move |key, _| {
            let mut taken = taken.lock().unwrap();
            taken.push(key.to_owned());
            if taken.len() > left { Err(NoBudget::UsedUp(Duration::from_secs(9))) } else { Ok(()) }
        });
        clock.expect_now().return_const(OffsetDateTime::UNIX_EPOCH);
        let limits = RateLimits { mcp_per_minute: 100 };
        Rig {
            guards: Guards {
                audit: Arc::new(audit),
                limiter: Arc::new(limiter),
                limits,
                clock: Arc::new(clock),
                branches: Arc::new(MockBranchDirectory::new()),
            },
            outcomes,
            budgets,
        }
    }

    fn list() -> ListUsers {
        ListUsers { page: domain::page::PageRequest::default() }
    }

    fn over_mcp(caller: Caller) -> Caller {
        Caller { door: Door::Mcp, ..caller }
    }

    fn answering() -> MockUseCase<ListUsers> {
        let mut use_case = MockUseCase::new();
        use_case.expect_run().returning(|_, _| Ok(domain::page::Page { items: Vec::new(), next_cursor: None }));
        use_case
    }

    #[tokio::test]
    async fn who_lacks_the_scope_does_not_reach_the_use_case_and_leaves_a_row_all_the_same() {
        let rig = rig(10);
        let mut unreached = MockUseCase::<ListUsers>::new();
        unreached.expect_run().never();
        let refused = rig.guards.around(unreached).run(&caller(None, [Scope::ReadTables]), list()).await.unwrap_err();
        assert_eq!(refused.code(), "missing_scope");
        assert_eq!(*rig.outcomes.lock().unwrap(), ["missing_scope"]);
    }

    #[tokio::test]
    async fn the_budget_is_taken_before_the_scope_is_looked_at() {
        let rig = rig(1);
        let guarded = rig.guards.around(answering());
        let nobody = over_mcp(caller(None, []));
        assert_eq!(guarded.run(&nobody, list()).await.unwrap_err().code(), "missing_scope");
        let limited = guarded.run(&nobody, list()).await.unwrap_err();
        assert!(matches!(limited, Failure::RateLimited { per_minute: 100, retry_after } if retry_after == Duration::from_secs(9)));
        assert_eq!(*rig.outcomes.lock().unwrap(), ["missing_scope", "rate_limited"]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_takes_from_the_budget_and_leaves_a_row_and_says_first_what_the_credential_lacks() {
        let rig = rig(2);
        let unread = rig.guards.around_nothing();
        let (keeper, nobody) = (over_mcp(caller(None, [Scope::AdminKeys])), over_mcp(caller(None, [])));
        unread.admit(&keeper, Action::ListUsers, "invalid").await.unwrap();
        assert_eq!(unread.admit(&nobody, Action::ListUsers, "invalid").await.unwrap_err().code(), "missing_scope");
        assert_eq!(unread.admit(&keeper, Action::ListUsers, "invalid").await.unwrap_err().code(), "rate_limited");
        assert_eq!(*rig.outcomes.lock().unwrap(), ["invalid", "missing_scope", "rate_limited"]);
        assert_eq!(rig.budgets.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn who_keeps_the_budgets_cannot_be_reached_is_no_excess_of_the_callers() {
        let mut limiter = MockRateLimiter::new();
        limiter.expect_take().returning(|_, _| Err(NoBudget::Unavailable));
        let rig = rig(0);
        let guards = Guards { limiter: Arc::new(limiter), ..rig.guards };
        let refused = guards.around(answering()).run(&over_mcp(caller(None, [Scope::AdminKeys])), list()).await.unwrap_err();
        assert!(matches!(refused, Failure::Unavailable { .. }), "{refused:?}");
        assert_eq!(*rig.outcomes.lock().unwrap(), ["unavailable"]);
    }

    #[tokio::test]
    async fn where_no_row_can_be_written_nothing_is_done() {
        let mut audit = MockAuditLog::new();
        audit.expect_has_room().return_const(false);
        audit.expect_await_room().once().returning(|| Err(Failure::unavailable("full", None)));
        let mut unreached = MockUseCase::<ListUsers>::new();
        unreached.expect_run().never();
        let guards = Guards { audit: Arc::new(audit), ..rig(10).guards };
        let refused = guards.around(unreached).run(&caller(None, [Scope::AdminKeys]), list()).await.unwrap_err();
        assert!(matches!(refused, Failure::Unavailable { .. }), "{refused:?}");
    }

    #[tokio::test]
    async fn where_rows_do_not_become_durable_no_write_begins_and_reads_go_on() {
        let mut audit = MockAuditLog::new();
        audit.expect_has_room().return_const(true);
        audit.expect_can_persist().return_const(false);
        let (rig, outcomes) = (rig(10), Arc::new(Mutex::new(Vec::new())));
        let told = outcomes.clone();
        audit.expect_queue().returning(move |entry| {
            told.lock().unwrap().push(entry.outcome);
            Ok(())
        });
        let guards = Guards { audit: Arc::new(audit), ..rig.guards };
        let mut unreached = MockUseCase::<DeleteRecord>::new();
        unreached.expect_run().never();
        let delete = Delete { table: TableName::parse("tasks"), filter: None, max_affected: Some(1), dry_run: false, returning: Returning::Count };
        let writer = caller(None, [Scope::WriteTables]);
        let refused = guards.around(unreached).run(&writer, DeleteRecord { branch: BranchMentions::default(), delete }).await.unwrap_err();
        assert!(matches!(refused, Failure::Unavailable { .. }), "{refused:?}");
        guards.around(answering()).run(&caller(None, [Scope::AdminKeys]), list()).await.unwrap();
        assert_eq!(*outcomes.lock().unwrap(), ["unavailable", "ok"]);
    }

    #[tokio::test]
    async fn what_was_written_and_what_may_have_been_is_not_to_be_asked_for_again_and_what_only_read_is() {
        let mut audit = MockAuditLog::new();
        audit.expect_has_room().return_const(true);
        audit.expect_can_persist().return_const(true);
        audit.expect_persist().once().returning(|_| Err(Failure::unavailable("the server is shutting down", None)));
        audit.expect_queue().returning(|_| Err(Failure::unavailable("the server is shutting down", None)));
        let guards = Guards { audit: Arc::new(audit), ..rig(10).guards };
        let delete = Delete { table: TableName::parse("tasks"), filter: None, max_affected: Some(1), dry_run: false, returning: Returning::Count };
        let writer = caller(None, [Scope::WriteTables]);
        for outcome in [Ok(()), Err(())] {
            let mut use_case = MockUseCase::<DeleteRecord>::new();
            use_case.expect_run().returning(move |_, _| match outcome {
                Ok(()) => Ok(Written { affected: 1, inserted: None, document: None }),
                Err(()) => Err(Failure::in_doubt("the connection was lost", None)),
            });
            let command = DeleteRecord { branch: BranchMentions::default(), delete: delete.clone() };
            let refused = guards.around(use_case).run(&writer, command).await.unwrap_err();
            assert!(matches!(refused, Failure::Unavailable { retry_after: None, .. }), "{refused:?}");
        }
        let mut reading = MockUseCase::<ListUsers>::new();
        reading.expect_run().returning(|_, _| Err(Failure::in_doubt("the connection was lost", None)));
        let refused = guards.around(reading).run(&caller(None, [Scope::AdminKeys]), list()).await.unwrap_err();
        assert!(matches!(refused, Failure::Unavailable { retry_after: Some(_), .. }), "{refused:?}");
    }

    #[tokio::test]
    async fn what_the_control_plane_may_have_done_is_told_with_the_way_to_see_it() {
        let rig = rig(10);
        let mut use_case = MockUseCase::<CreateUser>::new();
        use_case.expect_run().returning(|_, _| Err(StoreError::InDoubt("broken pipe".into()).into()));
        let command = CreateUser { email: "a@example.com".parse().unwrap(), password: None, admin: false };
        let refused = rig.guards.around(use_case).run(&caller(None, [Scope::AdminKeys]), command).await.unwrap_err();
        assert!(matches!(refused, Failure::Unavailable { retry_after: None, .. }), "{refused:?}");
        assert!(refused.to_string().ends_with("is not known: look at the list of users before asking again"), "{refused}");
    }

    #[tokio::test]
    async fn rest_has_no_budget_of_its_own_but_a_keys_holds_everywhere() {
        let rig = rig(10);
        let guarded = rig.guards.around(answering());
        let keeper = caller(None, [Scope::AdminKeys]);
        guarded.run(&keeper, list()).await.unwrap();
        assert!(rig.budgets.lock().unwrap().is_empty());

        let mut limited = (*keeper.principal).clone();
        limited.restrictions.rate_limit = Some(5);
        guarded.run(&over_mcp(Caller { principal: Arc::new(limited), ..keeper }), list()).await.unwrap();
        let budgets = rig.budgets.lock().unwrap();
        assert!(budgets.len() == 2 && budgets[1] == format!("mcp:{}", budgets[0]), "{budgets:?}");
    }

    #[tokio::test]
    async fn a_change_of_the_control_plane_writes_its_row_itself() {
        let rig = rig(10);
        let mut use_case = MockUseCase::<CreateUser>::new();
        use_case.expect_run().returning(|_, _| Err(Failure::not_found("x", "y")));
        let command = || CreateUser { email: "a@example.com".parse().unwrap(), password: None, admin: false };
        let keeper = caller(None, [Scope::AdminKeys]);
        rig.guards.around(use_case).run(&keeper, command()).await.unwrap_err();
        assert_eq!(*rig.outcomes.lock().unwrap(), ["not_found"]);
    }

    #[tokio::test]
    async fn a_request_that_its_client_gave_up_leaves_a_row() {
        let rig = rig(10);
        let guarded = rig.guards.around(Never);
        let given_up = tokio::spawn(async move { guarded.run(&caller(None, [Scope::AdminKeys]), list()).await });
        tokio::task::yield_now().await;
        given_up.abort();
        let _ = given_up.await;
        tokio::task::yield_now().await;
        assert_eq!(*rig.outcomes.lock().unwrap(), ["abandoned"]);
    }
}
