//! How the times of one plugin's calls are distributed. Without the feature `metrics` there is nothing here.

use std::time::Duration;

use crate::plugin::PluginId;

/// Tells the recorder of the application how long calls took.
#[derive(Debug, Default)]
pub(super) struct Durations {
    #[cfg(feature = "metrics")]
    plugin: String,
    /// Looked up at the first call, by which time the application has a recorder, and kept: looking it up again would cost
    /// more than everything else that is counted.
    #[cfg(feature = "metrics")]
    histogram: std::sync::OnceLock<metrics::Histogram>,
}

#[cfg(feature = "metrics")]
impl Durations {
    pub(super) fn new(plugin: &PluginId) -> Self {
        Self {
            plugin: plugin.to_string(),
            ..Self::default()
        }
    }

    #[inline]
    pub(super) fn add(&self, time: Duration) {
        let name = crate::metrics::REQUEST_DURATION;
        let histogram = self
            .histogram
            .get_or_init(|| metrics::histogram!(name, "plugin" => self.plugin.clone()));
        histogram.record(time.as_secs_f64());
    }
}

#[cfg(not(feature = "metrics"))]
impl Durations {
    pub(super) fn new(_: &PluginId) -> Self {
        Self::default()
    }

    #[inline(always)]
    pub(super) const fn add(&self, _: Duration) {}
}
