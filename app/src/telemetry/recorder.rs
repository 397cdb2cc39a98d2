//! Where metrics are gathered, for `/metrics` to render.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the times that requests are sorted into, in seconds.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Starts gathering. Nothing is listened on: whoever holds the handle may render what there is.
pub(crate) fn gather() -> Result<PrometheusHandle, BuildError> {
    let duration = Matcher::Full("fluxbase_request_duration_seconds".to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(duration, &SECONDS)?.install_recorder()?;
    metrics::describe_counter!(
        "fluxbase_requests_total",
        "Requests by door (rest, mcp, internal), action and outcome: ok, abandoned, database (PostgreSQL refused it), or a failure's code."
    );
    metrics::describe_histogram!("fluxbase_request_duration_seconds", "How long requests took, by door and action.");
    metrics::describe_gauge!("fluxbase_connections", "Connections to PostgreSQL by pool (data, control) and state (in_use, idle).");
    metrics::describe_gauge!("fluxbase_connections_max", "Connections that a pool may have.");
    metrics::describe_gauge!("fluxbase_audit_queue", "Audit rows that wait to be written.");
    metrics::describe_gauge!("fluxbase_branches", "Live branches by status, main aside.");
    metrics::describe_gauge!("fluxbase_operations", "Operations that are open, or ended within a day, by kind and status.");
    metrics::describe_gauge!("fluxbase_build_info", "1, with the version.");
    metrics::gauge!("fluxbase_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}
