//! When a plugin has gone too far: so many faults within so much time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ffi::Fault;

/// When a plugin that keeps failing is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantinePolicy {
    /// How many panics, or calls that hold a thread for too long, are one too many. 0: never quarantine for them.
    pub faults: u32,
    /// The time within which they count together.
    pub within: Duration,
}

impl Default for QuarantinePolicy {
    /// The third fault within ten minutes.
    fn default() -> Self {
        Self::new(3, Duration::from_secs(10 * 60))
    }
}

impl QuarantinePolicy {
    /// So many faults within so much time.
    #[must_use]
    pub const fn new(faults: u32, within: Duration) -> Self {
        Self { faults, within }
    }

    /// Plugins are never quarantined for panics and calls that hang.
    #[must_use]
    pub const fn never() -> Self {
        Self::new(0, Duration::ZERO)
    }
}

/// The faults of one plugin that still count.
#[derive(Debug, Default)]
pub(super) struct Strikes(VecDeque<(Duration, Fault)>);

impl Strikes {
    /// Adds a fault that happened at `now`. Returns a sentence about all of them when that is one too many.
    pub(super) fn add(&mut self, fault: Fault, now: Duration, policy: QuarantinePolicy) -> Option<String> {
        if policy.faults == 0 {
            return None;
        }
        self.0.retain(|(at, _)| now.saturating_sub(*at) < policy.within);
        self.0.push_back((now, fault));
        (self.0.len() >= policy.faults as usize).then(|| self.tell(policy))
    }

    /// Forgets them all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn tell(&self, policy: QuarantinePolicy) -> String {
        let panics = self
            .0
            .iter()
            .filter(|(_, fault)| matches!(fault, Fault::Panicked))
            .count();
        let count = |n, one: &str, many: &str| match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {many}")),
        };
        let faults = [
            count(panics, "panic", "panics"),
            count(
                self.0.len() - panics,
                "call that does not return its thread",
                "calls that do not return their threads",
            ),
        ];
        let faults: Vec<String> = faults.into_iter().flatten().collect();
        format!(
            "the plugin was stopped after {} within {} s; see its log, then enable it again or remove it",
            faults.join(" and "),
            policy.within.as_secs()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{QuarantinePolicy, Strikes};
    use crate::ffi::Fault;

    const MINUTE: Duration = Duration::from_secs(60);

    fn panics_at(minutes: &[u32], policy: QuarantinePolicy) -> Vec<bool> {
        let mut strikes = Strikes::default();
        let add = |minute: &u32| strikes.add(Fault::Panicked, MINUTE * *minute, policy).is_some();
        minutes.iter().map(add).collect()
    }

    #[test]
    fn the_third_fault_within_ten_minutes_is_one_too_many() {
        let policy = QuarantinePolicy::default();
        assert_eq!(panics_at(&[0, 0, 0], policy), [false, false, true]);
        assert_eq!(panics_at(&[0, 5, 9], policy), [false, false, true]);
        assert_eq!(panics_at(&[0, 5], policy), [false, false], "too few");
    }

    #[test]
    fn faults_that_are_spaced_out_never_add_up() {
        let policy = QuarantinePolicy::default();
        assert_eq!(panics_at(&[0, 5, 10, 15, 20, 25], policy), [false; 6]);
        // Neither does the first of three count that came exactly the whole time before.
        assert_eq!(panics_at(&[0, 9, 10], policy), [false; 3]);
        assert_eq!(panics_at(&[0, 9, 10, 18], policy), [false, false, false, true]);
    }

    #[test]
    fn a_policy_can_be_stricter_or_switched_off() {
        assert_eq!(panics_at(&[0], QuarantinePolicy::new(1, MINUTE)), [true]);
        assert_eq!(panics_at(&[0; 100], QuarantinePolicy::never()), [false; 100]);
    }

    #[test]
    fn the_sentence_names_what_happened() {
        let mut strikes = Strikes::default();
        let policy = QuarantinePolicy::new(3, MINUTE);
        let stuck = Fault::Stuck { for_at_least: MINUTE };
        assert_eq!(strikes.add(Fault::Panicked, MINUTE, policy), None);
        assert_eq!(strikes.add(stuck, MINUTE, policy), None);
        let told = strikes.add(Fault::Panicked, MINUTE, policy).unwrap();
        assert!(
            told.contains("2 panics and 1 call that does not return its thread within 60 s"),
            "{told}"
        );
    }
}
