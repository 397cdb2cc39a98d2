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
        median(self.of(part, subject).to_vec())
    }

    /// The median of the ratios of each round, where both were measured in each: what slowed down one round slowed down both of them in it.
    fn ratio(&self, part: &'static str, subject: &'static str, base: &'static str) -> f64 {
        let (of_subject, of_base) = (self.of(part, subject), self.of(part, base));
        if of_subject.len() == of_base.len() {
            return median(of_subject.iter().zip(of_base).map(|(subject, base)| subject / base).collect());
        }
        self.median(part, subject) / self.median(part, base)
    }

    fn of(&self, part: &'static str, subject: &'static str) -> &[f64] {
        self.seconds.get(&(part, subject)).map_or(&[], Vec::as_slice)
    }
}

/// Not a number, of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::ways::{DUMP, TEMPLATE};
        writeln!(f, "{:<22} {:<36} {:>9} {:>15} {:>14}", "part", "subject", "seconds", "of pg_dump|psql", "of bare copy")?;
        for &(part, subject) in &self.order {
            let seconds = self.median(part, subject);
            let ratio = |base| match self.ratio(part, subject, base) {
                ratio if ratio.is_nan() => "-".to_owned(),
                ratio => format!("{ratio:.2}"),
            };
            writeln!(f, "{part:<22} {subject:<36} {seconds:>9.3} {:>15} {:>14}", ratio(DUMP), ratio(TEMPLATE))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}
