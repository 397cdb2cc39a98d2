//! Showing how an operation gets on.

use client::RemoteFailure;
use domain::{
    Operation, StepName,
    operation::{Progress, Step},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

/// Told of every look at the operation.
pub(super) trait Show {
    /// It stands like this now.
    fn update(&mut self, operation: &Operation);
    /// The server did not answer this time.
    fn trouble(&mut self, failure: &RemoteFailure);
}

/// What fits standard error.
pub(super) fn on_stderr() -> Box<dyn Show> {
    if io::stderr().is_terminal() { Box::new(Line::new()) } else { Box::new(Lines::to(io::stderr())) }
}

/// One line that changes.
struct Line(ProgressBar);

impl Line {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("a constant template is valid"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }
}

impl Show for Line {
    fn update(&mut self, operation: &Operation) {
        self.0.set_message(at_work(operation));
        if operation.status.is_final() {
            self.0.finish_and_clear();
        }
    }

    fn trouble(&mut self, failure: &RemoteFailure) {
        self.0.set_message(trouble(failure));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line for each step that ended.
pub(super) struct Lines<W> {
    out: W,
    told: Vec<StepName>,
    troubled: bool,
}

impl<W: Write> Lines<W> {
    pub(super) fn to(out: W) -> Self {
        Self { out, told: Vec::new(), troubled: false }
    }

    /// Nobody may be reading, and that is no reason to stop.
    fn say(&mut self, line: &str) {
        let _ = self.out.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.out.flush());
    }
}

impl<W: Write> Show for Lines<W> {
    fn update(&mut self, operation: &Operation) {
        self.troubled = false;
        for step in operation.steps.iter().filter(|step| step.status.is_final()) {
            if !self.told.contains(&step.name) {
                self.told.push(step.name);
                self.say(&ended(step));
            }
        }
    }

    fn trouble(&mut self, failure: &RemoteFailure) {
        if !self.troubled {
            self.troubled = true;
            self.say(&trouble(failure));
        }
    }
}

fn trouble(failure: &RemoteFailure) -> String {
    format!("the server does not answer ({failure}); trying again")
}

/// `copy_rows ... done (50000 rows)`, without the underscore.
fn ended(step: &Step) -> String {
    let what = match step.status {
        Progress::Succeeded => "done",
        Progress::Failed => "failed",
        Progress::Cancelled => "cancelled",
        Progress::Queued | Progress::Running => "under way",
    };
    match amount(step) {
        Some(amount) => format!("{} ... {what} ({amount})", title(step)),
        None => format!("{} ... {what}", title(step)),
    }
}

/// `step 3 of 7: copy rows, 12000 of 50000 rows`.
fn at_work(operation: &Operation) -> String {
    let Some((index, step)) = operation.steps.iter().enumerate().find(|(_, step)| !step.status.is_final()) else {
        return operation.status.name().to_owned();
    };
    let place = format!("step {} of {}: {}", index + 1, operation.steps.len(), title(step));
    match amount(step) {
        Some(amount) => format!("{place}, {amount}"),
        None => place,
    }
}

fn title(step: &Step) -> String {
    step.name.name().replace('_', " ")
}

fn amount(step: &Step) -> Option<String> {
    let (done, unit) = (step.done?, step.unit.as_deref().unwrap_or_default());
    let amount = match step.total {
        Some(total) if total != done => format!("{done} of {total} {unit}"),
        _ => format!("{done} {unit}"),
    };
    Some(amount.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{at_work, ended};
    use domain::{
        BranchId, Operation, OperationId, OperationKind,
        operation::{Progress, Step},
    };
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn operation() -> Operation {
        let (id, branch) = (OperationId::from_uuid(Uuid::nil()), BranchId::from_uuid(Uuid::nil()));
        let mut operation = Operation::queued(id, OperationKind::CreateBranch, branch, OffsetDateTime::UNIX_EPOCH);
        operation.steps[0].status = Progress::Succeeded;
        operation.steps[1].status = Progress::Succeeded;
        let rows = &mut operation.steps[2];
        *rows = Step { status: Progress::Running, done: Some(5), total: Some(9), unit: Some("rows".to_owned()), ..rows.clone() };
        operation
    }

    #[test]
    fn the_step_at_work_is_told_with_how_far_it_is() {
        let mut operation = operation();
        assert_eq!(at_work(&operation), "step 3 of 7: copy rows, 5 of 9 rows");
        operation.steps[2].status = Progress::Succeeded;
        operation.steps[2].done = Some(9);
        assert_eq!(ended(&operation.steps[2]), "copy rows ... done (9 rows)");
        assert_eq!(at_work(&operation), "step 4 of 7: add constraints");
        operation.steps[3].status = Progress::Failed;
        assert_eq!(ended(&operation.steps[3]), "add constraints ... failed");
    }
}
