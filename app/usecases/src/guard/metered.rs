//! Counts and times what comes of every use case.

use async_trait::async_trait;
use domain::{Action, Caller, Failure, access::Door};
use metrics::{Counter, Histogram};
use ports::driving::{Command, UseCase};
use std::{
    borrow::Cow,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Counts every request by door, action and outcome, and times it by door and action. Without a recorder it costs nothing.
pub struct Metered<U> {
    inner: U,
    doors: [OnceLock<Meters>; 3],
}

/// What a request through one door moves, looked up once: the recorder finds meters by their labels, which costs more than to move them.
struct Meters {
    went_well: Counter,
    duration: Histogram,
}

impl<U> Metered<U> {
    /// Wraps a use case.
    pub fn new(inner: U) -> Self {
        Self { inner, doors: Default::default() }
    }

    fn meters(&self, door: Door, action: Action) -> &Meters {
        let place = match door {
            Door::Rest => &self.doors[0],
            Door::Mcp => &self.doors[1],
            Door::Internal => &self.doors[2],
        };
        place.get_or_init(|| Meters { went_well: requests(door, action, Cow::Borrowed(WELL)), duration: duration(door, action) })
    }
}

const WELL: &str = "ok";

fn requests(door: Door, action: Action, outcome: Cow<'static, str>) -> Counter {
    metrics::counter!("fluxbase_requests_total", "door" => door.name(), "action" => action.name(), "outcome" => outcome)
}

fn duration(door: Door, action: Action) -> Histogram {
    metrics::histogram!("fluxbase_request_duration_seconds", "door" => door.name(), "action" => action.name())
}

/// Counts and times a request that no use case saw.
pub(super) fn count(door: Door, action: Action, outcome: String, took: Duration) {
    requests(door, action, Cow::Owned(outcome)).increment(1);
    duration(door, action).record(took);
}

#[async_trait]
impl<C: Command, U: UseCase<C>> UseCase<C> for Metered<U> {
    async fn run(&self, caller: &Caller, command: C) -> Result<C::Output, Failure> {
        let meters = self.meters(caller.door, C::ACTION);
        let mut running = Running { began: Instant::now(), action: C::ACTION, door: caller.door, outcome: Cow::Borrowed("abandoned"), meters };
        let result = self.inner.run(caller, command).await;
        running.outcome = outcome(&result);
        result
    }
}

/// A request that is counted when it ends, however it does.
struct Running<'a> {
    began: Instant,
    action: Action,
    door: Door,
    outcome: Cow<'static, str>,
    meters: &'a Meters,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.outcome == WELL {
            self.meters.went_well.increment(1);
        } else {
            requests(self.door, self.action, std::mem::take(&mut self.outcome)).increment(1);
        }
        self.meters.duration.record(self.began.elapsed());
    }
}

/// A word of a closed list: PostgreSQL's own refusals are one, since a function of anybody's may raise whatever code it likes.
fn outcome<T>(result: &Result<T, Failure>) -> Cow<'static, str> {
    match result {
        Ok(_) => Cow::Borrowed(WELL),
        Err(Failure::Database(_)) => Cow::Borrowed("database"),
        Err(failure) => Cow::Owned(failure.code().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Metered;
    use crate::testing::caller;
    use domain::{Failure, Scope, SqlFailure};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use ports::driving::{ListUsers, MockUseCase, UseCase};

    #[tokio::test]
    async fn requests_are_counted_by_outcome_and_timed() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _here = metrics::set_default_local_recorder(&recorder);
        let mut use_case = MockUseCase::<ListUsers>::new();
        let mut outcomes = vec![
            Err(Failure::Database(Box::new(SqlFailure { sqlstate: "PT123".to_owned(), message: "secret row".to_owned(), detail: None, hint: None }))),
            Err(Failure::not_found("x", "secret name")),
            Ok(domain::page::Page { items: Vec::new(), next_cursor: None }),
        ];
        use_case.expect_run().times(3).returning(move |_, _| outcomes.pop().expect("three"));
        let metered = Metered::new(use_case);
        for _ in 0..3 {
            let _ = metered.run(&caller(None, [Scope::AdminKeys]), ListUsers { page: domain::page::PageRequest::default() }).await;
        }
        let text = recorder.handle().render();
        for line in [
            r#"fluxbase_requests_total{door="rest",action="list_users",outcome="ok"} 1"#,
            r#"fluxbase_requests_total{door="rest",action="list_users",outcome="not_found"} 1"#,
            r#"fluxbase_requests_total{door="rest",action="list_users",outcome="database"} 1"#,
            r#"fluxbase_request_duration_seconds_count{door="rest",action="list_users"} 3"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("secret") && !text.contains("PT123"), "{text}");
    }
}
