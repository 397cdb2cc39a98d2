//! Showing how an operation gets on.

use crate::cli::output::Format;
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

/// What fits standard error: where results are for programs, its lines are for an error, which is a document too.
pub(super) fn on_stderr(format: Format) -> Box<dyn Show> {
    match format {
        _ if io::stderr().is_terminal() => Box::new(Line::new()),
        Format::Table => Box::new(Lines::to(io::stderr())),
        Format::Json | Format::Yaml => Box::new(Nothing),
    }
}

/// Nobody looks.
struct Nothing;

impl Show for Nothing {
    fn update(&mut self, _: &Operation) {}

    fn trouble(&mut self, _: &RemoteFailure) {}
}

/// One line that changes: a bar where it is known how much there is, and a line that stays for each step that ended.
struct Line {
    bar: ProgressBar,
    told: Vec<StepName>,
}

impl Line {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(style(SPINNER));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, told: Vec::new() }
    }
}

const SPINNER: &str = "{spinner} {msg} ({elapsed})";
const BAR: &str = "{spinner} [{bar:24}] {percent:>3} % {msg} ({elapsed})";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a constant template is valid").progress_chars("=> ")
}

impl Show for Line {
    fn update(&mut self, operation: &Operation) {
        for step in newly_ended(&mut self.told, operation) {
            self.bar.println(ended(step));
        }
        if operation.status.is_final() {
            self.bar.finish_and_clear();
            return;
        }
        match at_work_step(operation).and_then(|(_, step)| step.done.zip(step.total)) {
            Some((done, total)) if total > 0 => {
                self.bar.set_style(style(BAR));
                self.bar.set_length(total);
                self.bar.set_position(done.min(total));
            }
            _ => self.bar.set_style(style(SPINNER)),
        }
        self.bar.set_message(at_work(operation));
    }

    fn trouble(&mut self, failure: &RemoteFailure) {
        self.bar.set_message(trouble(failure));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The steps that ended since the last look.
fn newly_ended<'a>(told: &mut Vec<StepName>, operation: &'a Operation) -> Vec<&'a Step> {
    let ended = operation.steps.iter().filter(|step| step.status.is_final());
    let new: Vec<_> = ended.filter(|step| !told.contains(&step.name)).collect();
    told.extend(new.iter().map(|step| step.name));
    new
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
        for step in newly_ended(&mut self.told, operation) {
            self.say(&ended(step));
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

/// `step 3 of 8: copy rows, 12000 of 50000 rows`.
pub(in crate::cli) fn at_work(operation: &Operation) -> String {
    let Some((index, step)) = at_work_step(operation) else { return operation.status.name().to_owned() };
    let place = format!("step {} of {}: {}", index + 1, operation.steps.len(), title(step));
    match amount(step) {
        Some(amount) => format!("{place}, {amount}"),
        None => place,
    }
}

fn at_work_step(operation: &Operation) -> Option<(usize, &Step)> {
    operation.steps.iter().enumerate().find(|(_, step)| !step.status.is_final())
}

fn title(step: &Step) -> String {
    step.name.name().replace('_', " ")
}

/// `5 of 9 rows`, `1.5 of 20.0 MB`, `1 file`; nothing of what there was nothing of.
pub(in crate::cli) fn amount(step: &Step) -> Option<String> {
    let (done, unit) = (step.done?, step.unit.as_deref().unwrap_or_default());
    let total = step.total.filter(|total| *total != done);
    let amount = match (total, unit) {
        (Some(total), "bytes") => format!("{} of {}", bytes(done), bytes(total)),
        (None, "bytes") => bytes(done),
        (Some(total), _) => format!("{done} of {total} {unit}"),
        (None, _) if done == 0 => return None,
        (None, _) if done == 1 => format!("1 {}", unit.strip_suffix('s').unwrap_or(unit)),
        (None, _) => format!("{done} {unit}"),
    };
    Some(amount.trim_end().to_owned())
}

/// `12.3 MB`.
pub(in crate::cli) fn bytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::{amount, at_work, ended};
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
        assert_eq!(at_work(&operation), "step 3 of 8: copy rows, 5 of 9 rows");
        operation.steps[2].status = Progress::Succeeded;
        operation.steps[2].done = Some(9);
        assert_eq!(ended(&operation.steps[2]), "copy rows ... done (9 rows)");
        assert_eq!(at_work(&operation), "step 4 of 8: add constraints");
        let bytes = Step { done: Some(1_500_000), total: Some(20_000_000), unit: Some("bytes".to_owned()), ..operation.steps[3].clone() };
        assert_eq!(amount(&bytes).unwrap(), "1.50 MB of 20.00 MB");
        let files = |done| amount(&Step { done: Some(done), total: Some(done), unit: Some("files".to_owned()), ..operation.steps[3].clone() });
        assert_eq!([0, 1, 2].map(files), [None, Some("1 file".to_owned()), Some("2 files".to_owned())]);
        operation.steps[3].status = Progress::Failed;
        assert_eq!(ended(&operation.steps[3]), "add constraints ... failed");
    }
}
