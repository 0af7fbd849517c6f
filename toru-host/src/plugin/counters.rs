//! What a plugin has done so far.

use serde::Serialize;
use utoipa::ToSchema;

/// What a plugin has done since the host started. Counts go on when it is disabled and enabled again.
///
/// The numbers are read one after the other while the plugin works, so they may be apart by what happens meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[non_exhaustive]
pub struct PluginCounters {
    /// How often it was started, successfully or not.
    pub starts: u64,
    /// Requests that reached it.
    pub calls: u64,
    /// Requests that it has not answered yet, responses that it still streams, and blocking handlers that still run
    /// although nobody waits for them.
    pub in_flight: u64,
    /// Calls that panicked, in the handler or while they streamed, also those whose client had gone away before.
    pub panicked: u64,
    /// Calls whose handler returned an error or ended without an answer.
    pub failed: u64,
    /// Calls whose answer broke a rule of HTTP.
    pub invalid_responses: u64,
    /// Calls whose client went away before there was an answer.
    pub cancelled: u64,
    /// Calls that were stopped together with the plugin.
    pub stopped: u64,
    /// Response bodies that ended with an error of the plugin, after their head was on its way.
    pub broken_bodies: u64,
    /// Calls that took too long and were cancelled.
    pub timed_out: u64,
    /// Requests that were turned away because the plugin had as many as it may. They are no calls.
    pub rejected: u64,
    /// Time from the arrival of requests to the heads of their responses, in nanoseconds, summed up over all calls.
    pub time_ns: u64,
    /// Bytes of request bodies that it read.
    pub bytes_in: u64,
    /// Bytes of response bodies that it produced.
    pub bytes_out: u64,
}
