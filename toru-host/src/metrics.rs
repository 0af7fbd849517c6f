//! What plugins do, told through the [`metrics`] facade. Feature `metrics`.
//!
//! The application chooses an exporter and installs it as the recorder, before it starts its plugins. Everything but the
//! durations is taken from what the host counts anyway: [`record`] copies it, once for each scrape. The calls themselves pay
//! for one recording of their duration.
//!
//! Every series has the label `plugin`, the plugin's id.
//!
//! | Name | Kind, unit | What |
//! |---|---|---|
//! | `toru_plugin_state` | gauge, 0 or 1 | 1 for the label `state` that the plugin is in, 0 for the others |
//! | `toru_plugin_starts_total` | counter | how often it was started, successfully or not |
//! | `toru_plugin_retired_generations` | gauge | earlier libraries of it that are still mapped |
//! | `toru_plugin_in_flight` | gauge | requests without an answer yet, and responses that still stream |
//! | `toru_plugin_requests_total` | counter | requests that reached it |
//! | `toru_plugin_failures_total` | counter | requests that came to nothing, by the label `reason` |
//! | `toru_plugin_rejected_requests_total` | counter | requests that were turned away because it had too many |
//! | `toru_plugin_request_duration_seconds` | histogram, seconds | from the arrival of a request to the head of its response, or to its failure |
//! | `toru_plugin_request_body_bytes_total` | counter, bytes | of request bodies that it read |
//! | `toru_plugin_response_body_bytes_total` | counter, bytes | of response bodies that it produced |
//!
//! `state` is `disabled`, `enabled`, `failed`, `missing`, `quarantined`, `starting` or `stopping`. `reason` is `panicked`,
//! `failed`, `invalid_response`, `cancelled`, `stopped`, `timed_out` or `broken_body`, as of
//! [`PluginCounters`](crate::plugin::PluginCounters). The share of failures is
//! `rate(toru_plugin_failures_total[5m]) / ignoring(reason) group_left rate(toru_plugin_requests_total[5m])`.
//!
//! A plugin that is gone keeps its last values in most exporters, unless they forget what is not told any more.
//!
//! # Examples
//!
//! ```
//! use metrics_exporter_prometheus::PrometheusBuilder;
//! use toru_host::PluginManager;
//!
//! # fn example(manager: PluginManager) -> Result<(), Box<dyn std::error::Error>> {
//! // Once, before the manager is started:
//! let exporter = PrometheusBuilder::new().install_recorder()?;
//! toru_host::metrics::describe();
//!
//! // Every few seconds: this exporter keeps every measured duration until then, or until the next scrape.
//! exporter.run_upkeep();
//!
//! // For each scrape:
//! toru_host::metrics::record(&manager);
//! let page: String = exporter.render();
//! # Ok(())
//! # }
//! ```

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::manager::PluginManager;
use crate::plugin::{PluginInfo, PluginState};

/// Name of the one histogram, for exporters whose buckets are set by name.
pub const REQUEST_DURATION: &str = "toru_plugin_request_duration_seconds";

const STATE: &str = "toru_plugin_state";
const STARTS: &str = "toru_plugin_starts_total";
const RETIRED: &str = "toru_plugin_retired_generations";
const IN_FLIGHT: &str = "toru_plugin_in_flight";
const REQUESTS: &str = "toru_plugin_requests_total";
const FAILURES: &str = "toru_plugin_failures_total";
const REJECTED: &str = "toru_plugin_rejected_requests_total";
const BYTES_IN: &str = "toru_plugin_request_body_bytes_total";
const BYTES_OUT: &str = "toru_plugin_response_body_bytes_total";

const STATES: [(PluginState, &str); 7] = [
    (PluginState::Disabled, "disabled"),
    (PluginState::Enabled, "enabled"),
    (PluginState::Failed, "failed"),
    (PluginState::Missing, "missing"),
    (PluginState::Quarantined, "quarantined"),
    (PluginState::Starting, "starting"),
    (PluginState::Stopping, "stopping"),
];

/// Tells the recorder what the numbers mean and in which units they are.
pub fn describe() {
    describe_gauge!(STATE, Unit::Count, "1 for the state that the plugin is in");
    describe_counter!(STARTS, Unit::Count, "How often the plugin was started");
    describe_gauge!(RETIRED, Unit::Count, "Earlier libraries that are still mapped");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Requests and streams that have not ended");
    describe_counter!(REQUESTS, Unit::Count, "Requests that reached the plugin");
    describe_counter!(FAILURES, Unit::Count, "Requests that came to nothing");
    describe_counter!(
        REJECTED,
        Unit::Count,
        "Requests that were turned away as too many"
    );
    describe_histogram!(REQUEST_DURATION, Unit::Seconds, "Time to the response's head");
    describe_counter!(BYTES_IN, Unit::Bytes, "Bytes of request bodies read");
    describe_counter!(BYTES_OUT, Unit::Bytes, "Bytes of response bodies produced");
}

/// Tells the recorder how every plugin is doing now. To be called before each scrape.
pub fn record(manager: &PluginManager) {
    for plugin in manager.list() {
        record_one(&plugin);
    }
}

fn record_one(plugin: &PluginInfo) {
    let (id, now) = (plugin.id.to_string(), &plugin.counters);
    for (state, name) in STATES {
        let is_in = f64::from(u8::from(plugin.status.state == state));
        gauge!(STATE, "plugin" => id.clone(), "state" => name).set(is_in);
    }
    gauge!(RETIRED, "plugin" => id.clone()).set(as_f64(plugin.retired_generations as u64));
    gauge!(IN_FLIGHT, "plugin" => id.clone()).set(as_f64(now.in_flight));
    for (reason, count) in [
        ("panicked", now.panicked),
        ("failed", now.failed),
        ("invalid_response", now.invalid_responses),
        ("cancelled", now.cancelled),
        ("stopped", now.stopped),
        ("timed_out", now.timed_out),
        ("broken_body", now.broken_bodies),
    ] {
        counter!(FAILURES, "plugin" => id.clone(), "reason" => reason).absolute(count);
    }
    for (name, count) in [
        (STARTS, now.starts),
        (REQUESTS, now.calls),
        (REJECTED, now.rejected),
        (BYTES_IN, now.bytes_in),
        (BYTES_OUT, now.bytes_out),
    ] {
        counter!(name, "plugin" => id.clone()).absolute(count);
    }
}

/// Exact up to 2 to the power of 53.
#[expect(clippy::cast_precision_loss, reason = "gauges of few things")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
