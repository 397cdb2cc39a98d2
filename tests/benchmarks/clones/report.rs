//! The figures as people read them.

use std::{collections::BTreeMap, fmt, time::Duration};

/// What was measured: seconds, by part and subject, in the order in which they came first.
#[derive(Debug, Default)]
pub(crate) struct Report {
    order: Vec<(&'static str, &'static str)>,
    seconds: BTreeMap<(&'static str, &'static str), Vec<f64>>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, part: &'static str, subject: &'static str, took: Duration) {
        eprintln!("{part}: {subject}: {:.3} s", took.as_secs_f64());
        if !self.order.contains(&(part, subject)) {
            self.order.push((part, subject));
        }
        self.seconds.entry((part, subject)).or_default().push(took.as_secs_f64());
    }

    pub(crate) fn note(&mut self, note: String) {
        eprintln!("{note}");
        self.notes.push(note);
    }

    pub(crate) fn median(&self, part: &'static str, subject: &'static str) -> f64 {
        let Some(seconds) = self.seconds.get(&(part, subject)) else { return f64::NAN };
        let mut sorted = seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::ways::{DUMP, TEMPLATE};
        writeln!(f, "{:<22} {:<36} {:>9} {:>15} {:>14}", "part", "subject", "seconds", "of pg_dump|psql", "of bare copy")?;
        for &(part, subject) in &self.order {
            let seconds = self.median(part, subject);
            let ratio = |base| match self.median(part, base) {
                base if base.is_nan() => "-".to_owned(),
                base => format!("{:.2}", seconds / base),
            };
            writeln!(f, "{part:<22} {subject:<36} {seconds:>9.3} {:>15} {:>14}", ratio(DUMP), ratio(TEMPLATE))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}
