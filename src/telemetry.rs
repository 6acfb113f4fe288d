//! Logs and figures. Log lines carry ids, counts and causes, never a name, an address or a message.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Starts logging to standard error. A second call changes nothing.
///
/// # Errors
/// When the level cannot be read.
pub fn start_logs(format: LogFormat, level: &str) -> anyhow::Result<()> {
    // Libraries log what they send and receive at their finer levels, so they never go below warnings.
    let filter = EnvFilter::try_new(format!("warn,beadle={level}"))
        .or_else(|_| EnvFilter::try_new(level))
        .map_err(|e| anyhow::anyhow!("[service] log_level '{level}' cannot be read: {e}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _already_started = match format {
        LogFormat::Text => builder.try_init().is_err(),
        LogFormat::Json => builder.json().try_init().is_err(),
    };
    Ok(())
}

/// Starts counting. `None` where something else counts already.
#[must_use]
pub fn start_metrics() -> Option<PrometheusHandle> {
    let handle = PrometheusBuilder::new().install_recorder().ok()?;
    metrics::describe_counter!("beadle_messages_taken_in_total", "Messages taken in, by account");
    metrics::describe_counter!("beadle_messages_worked_on_total", "Messages brought to their end, by how");
    metrics::describe_counter!("beadle_mail_total", "Outgoing mail, by how a try ended");
    metrics::describe_counter!("beadle_account_failures_total", "Failures of watched accounts, by account");
    Some(handle)
}
