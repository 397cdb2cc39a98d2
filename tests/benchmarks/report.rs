//! The figures as people read them.

use crate::figures::{Figures, Subject};
use std::{fmt::Write, time::Duration};

/// Medians over the rounds; ratios are to the two pgbench of their own round.
pub(crate) fn table(measured: &[Figures], connections: &[u32]) -> String {
    let mut table = String::from("connections  subject          requests/s  of socket  of TCP    p50 ms    p99 ms  fluxbase us  postgres us\n");
    for &connections in connections {
        let of = |subject| measured.iter().filter(move |one| one.connections == connections && one.subject == subject);
        for subject in Subject::ALL {
            let median_of = |figure: &dyn Fn(&Figures) -> f64| median(of(subject).map(figure).collect());
            let ratio_to = |base| median(of(subject).zip(of(base)).map(|(one, raw)| one.speed.per_second / raw.speed.per_second).collect());
            let latency = |which: fn(&(Duration, Duration)) -> Duration| {
                let known = of(subject).filter_map(|one| one.speed.latency.as_ref()).map(|latency| which(latency).as_secs_f64() * 1e3);
                let known: Vec<f64> = known.collect();
                if known.is_empty() { "-".to_owned() } else { format!("{:.2}", median(known)) }
            };
            writeln!(
                table,
                "{connections:>11}  {:<15}  {:>10.0}  {:>9.2}  {:>6.2}  {:>8}  {:>8}  {:>11.0}  {:>11.0}",
                subject.name(),
                median_of(&|one| one.speed.per_second),
                ratio_to(Subject::PgbenchSocket),
                ratio_to(Subject::PgbenchTcp),
                latency(|latency| latency.0),
                latency(|latency| latency.1),
                median_of(&|one| one.per_request(one.fluxbase_cores)),
                median_of(&|one| one.per_request(one.postgres_cores)),
            )
            .expect("a string takes everything");
        }
    }
    table
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
