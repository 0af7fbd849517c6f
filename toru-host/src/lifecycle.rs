//! The life of one plugin as a machine of states. It knows no library, no file and no clock.
//!
//! What is told to people, the [`PluginState`], is worked out from four facts: what the plugin is doing, whether its
//! file is there, what was asked for, and what went wrong. So no two of them can ever contradict each other.
//!
//! | event | resting | starting | running | stopping |
//! |---|---|---|---|---|
//! | `Appeared`, `Vanished`, `Asked` | noted | noted | noted | noted |
//! | `Begun` | **starting**, if its file is there | – | – | – |
//! | `Entered` | – | generation noted | – | – |
//! | `Started` | – | **running** | – | – |
//! | `Refused` | – | **resting**, failed | – | – |
//! | `Closed` | – | – | **stopping** | stays |
//! | `Stopped` | – | – | – | **resting** |
//! | `Quarantined` | noted | – | **stopping**, noted | stays |
//! | `Released` | noted | – | – | noted |
//!
//! A dash is an event that cannot happen there: it changes nothing and is told to the caller.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use crate::plugin::{DesiredState, PluginFault, PluginMoment, PluginState, PluginStatus};

/// How many of the last states are remembered.
const HISTORY_MAX: usize = 32;
/// How long it may take from the first word of a plugin to the look at its file.
const FIRST_SIGHT: Duration = Duration::from_secs(1);

/// One plugin's life.
#[derive(Clone, Debug)]
pub(crate) struct Lifecycle {
    activity: Activity,
    is_present: bool,
    failure: Option<PluginFault>,
    quarantine: Option<PluginFault>,
    status: PluginStatus,
    /// The states so far, the last one being the current one.
    history: VecDeque<PluginMoment>,
}

/// What a plugin is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    Resting,
    Starting,
    Running,
    Stopping,
}

/// What happens to a plugin.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Its file was found.
    Appeared,
    /// The administrator asked for this.
    Asked(DesiredState),
    /// Its start begins.
    Begun,
    /// Nothing is let in any more.
    Closed,
    /// Its code is about to be entered, in this generation.
    Entered(u64),
    /// It crashed, hung or panicked too often.
    Quarantined(PluginFault),
    /// Its start failed.
    Refused(PluginFault),
    /// An administrator gave it another chance.
    Released,
    /// Its start succeeded.
    Started,
    /// It has ended.
    Stopped,
    /// Its file is gone.
    Vanished,
}

/// An event that cannot happen in the state the plugin is in: a mistake of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen to a plugin that is {activity:?}")]
pub(crate) struct Impossible {
    event: &'static str,
    activity: Activity,
}

impl Lifecycle {
    /// A plugin that is known by name, and not asked for.
    pub(crate) fn new(is_present: bool, now: SystemTime) -> Self {
        let mut lifecycle = Self {
            activity: Activity::Resting,
            is_present,
            failure: None,
            quarantine: None,
            status: PluginStatus {
                desired: DesiredState::Disabled,
                state: PluginState::Disabled,
                error: None,
                generation: 0,
                since: now,
            },
            history: VecDeque::new(),
        };
        lifecycle.status.state = lifecycle.state();
        lifecycle.remember(true);
        lifecycle
    }

    pub(crate) const fn status(&self) -> &PluginStatus {
        &self.status
    }

    /// The states so far, oldest first; the last one is the current one.
    pub(crate) fn history(&self) -> impl Iterator<Item = &PluginMoment> {
        self.history.iter()
    }

    pub(crate) const fn activity(&self) -> Activity {
        self.activity
    }

    /// Whether the plugin should be started, without anybody asking again: it is wanted, and nothing is held against
    /// it.
    pub(crate) fn is_due(&self) -> bool {
        self.activity == Activity::Resting
            && self.status.desired == DesiredState::Enabled
            && self.status.state == PluginState::Disabled
    }

    /// Whether the plugin is wanted, and failed with a code of that kind.
    pub(crate) fn is_refused_for(&self, is_such: impl FnOnce(&str) -> bool) -> bool {
        let failure = self
            .failure
            .as_ref()
            .filter(|_| self.status.state == PluginState::Failed);
        self.status.desired == DesiredState::Enabled && failure.is_some_and(|fault| is_such(fault.code))
    }

    /// Whether the plugin should be stopped, without anybody asking again.
    pub(crate) fn is_overdue(&self) -> bool {
        self.activity == Activity::Running && self.status.desired == DesiredState::Disabled
    }

    /// Whether the plugin is on its way to where it is not wanted any more.
    pub(crate) fn is_contrary(&self) -> bool {
        match self.activity {
            Activity::Starting => self.status.desired == DesiredState::Disabled,
            Activity::Stopping => {
                self.status.state == PluginState::Stopping && self.status.desired == DesiredState::Enabled
            }
            Activity::Resting | Activity::Running => false,
        }
    }

    /// Whether something is held against the plugin, also while nobody wants it to run.
    pub(crate) const fn is_quarantined(&self) -> bool {
        self.quarantine.is_some()
    }

    /// What is held against the plugin.
    pub(crate) const fn quarantine(&self) -> Option<&PluginFault> {
        self.quarantine.as_ref()
    }

    /// Lets something happen. Returns whether that changed the plugin's status.
    pub(crate) fn apply(&mut self, event: Event, now: SystemTime) -> Result<bool, Impossible> {
        use Activity::{Resting, Running, Starting, Stopping};

        let mut generation = self.status.generation;
        match (event, self.activity) {
            (Event::Appeared, _) => self.is_present = true,
            (Event::Vanished, _) => self.is_present = false,
            (Event::Asked(desired), _) => {
                let is_new = std::mem::replace(&mut self.status.desired, desired) != desired;
                if desired == DesiredState::Disabled {
                    self.failure = None;
                }
                return Ok(self.settle(generation, now) || is_new);
            }
            (Event::Begun, Resting) if self.is_present => {
                self.activity = Starting;
                self.failure = None;
                self.quarantine = None;
            }
            (Event::Entered(entered), Starting) => generation = entered,
            (Event::Started, Starting) => self.activity = Running,
            (Event::Refused(fault), Starting) => {
                self.activity = Resting;
                self.failure = Some(fault);
            }
            (Event::Closed, Running | Stopping) => self.activity = Stopping,
            (Event::Stopped, Stopping) => self.activity = Resting,
            (Event::Quarantined(fault), Resting) => self.quarantine = Some(fault),
            (Event::Quarantined(fault), Running) => {
                self.activity = Stopping;
                self.quarantine = Some(fault);
            }
            (Event::Quarantined(_), Stopping) => {}
            (Event::Released, Resting | Stopping) => self.quarantine = None,
            (event, activity) => {
                let event = event.name();
                return Err(Impossible { event, activity });
            }
        }
        Ok(self.settle(generation, now))
    }

    /// Works the status out anew. Returns whether it changed.
    fn settle(&mut self, generation: u64, now: SystemTime) -> bool {
        let state = self.state();
        let error = match state {
            PluginState::Failed => self.failure.clone(),
            PluginState::Quarantined => self.quarantine.clone(),
            _ => None,
        };
        let status = &mut self.status;
        let is_changed = status.state != state || status.error != error || status.generation != generation;
        let is_new = status.state != state;
        if is_new {
            status.since = now;
        }
        (status.state, status.error, status.generation) = (state, error, generation);
        if is_changed {
            self.remember(is_new);
        }
        is_changed
    }

    /// Writes down what the status is, as a new state or as more about the current one.
    fn remember(&mut self, is_new: bool) {
        // A plugin is known a moment before its file is.
        let is_first_sight = self.history.len() == 1
            && self.history.back().is_some_and(|first| {
                first.state == PluginState::Missing
                    && self.status.since.duration_since(first.since).unwrap_or_default() < FIRST_SIGHT
            });
        if !is_new || is_first_sight {
            // It takes the place of that one.
            self.history.pop_back();
        } else if self.history.len() == HISTORY_MAX {
            self.history.pop_front();
        }
        let PluginStatus {
            state,
            generation,
            since,
            ..
        } = self.status;
        let code = self.status.error.as_ref().map(|error| error.code);
        self.history.push_back(PluginMoment {
            state,
            generation,
            since,
            code,
        });
    }

    fn state(&self) -> PluginState {
        // Nothing is held against a plugin that nobody wants.
        let is_quarantined = self.is_quarantined() && self.status.desired == DesiredState::Enabled;
        match self.activity {
            Activity::Starting => PluginState::Starting,
            Activity::Running => PluginState::Enabled,
            // What counts for people is why it stops.
            Activity::Stopping if is_quarantined => PluginState::Quarantined,
            Activity::Stopping => PluginState::Stopping,
            Activity::Resting if !self.is_present => PluginState::Missing,
            Activity::Resting if is_quarantined => PluginState::Quarantined,
            Activity::Resting if self.failure.is_some() => PluginState::Failed,
            Activity::Resting => PluginState::Disabled,
        }
    }
}

impl Event {
    const fn name(&self) -> &'static str {
        match self {
            Self::Appeared => "Appeared",
            Self::Asked(_) => "Asked",
            Self::Begun => "Begun",
            Self::Closed => "Closed",
            Self::Entered(_) => "Entered",
            Self::Quarantined(_) => "Quarantined",
            Self::Refused(_) => "Refused",
            Self::Released => "Released",
            Self::Started => "Started",
            Self::Stopped => "Stopped",
            Self::Vanished => "Vanished",
        }
    }
}

#[cfg(test)]
mod tests;
