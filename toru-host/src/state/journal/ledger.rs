//! What the lines of a journal come to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::QuarantineRecord;
use crate::plugin::{PluginId, Stage};

/// Something that happened to a plugin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event {
    Begin { generation: u64 },
    Inside { stage: Stage },
    Waiting,
    Late,
    End,
    Quarantine(QuarantineRecord),
    Release,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    plugin: PluginId,
    #[serde(flatten)]
    event: Event,
}

/// Everything that still matters of what happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    starts: BTreeMap<PluginId, Start>,
    quarantined: BTreeMap<PluginId, QuarantineRecord>,
}

/// A start that has begun and not ended.
#[derive(Clone, Debug)]
struct Start {
    generation: u64,
    /// Where the plugin's code was last seen.
    stage: Option<Stage>,
    is_inside: bool,
    /// Whether the host has given it up, although its code has not come back.
    is_late: bool,
}

impl Event {
    /// The line that tells of it.
    pub(super) fn line(&self, plugin: &PluginId) -> Vec<u8> {
        let line = Line {
            plugin: plugin.clone(),
            event: self.clone(),
        };
        // Texts and numbers always have a JSON form.
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Whether it must not be lost with the machine.
    pub(super) const fn is_durable(&self) -> bool {
        !matches!(self, Self::Inside { .. } | Self::Waiting | Self::Late)
    }

    /// Whether it has happened even where it cannot be written down.
    pub(super) const fn is_a_fact(&self) -> bool {
        matches!(self, Self::Inside { .. } | Self::Waiting | Self::Late | Self::End)
    }
}

impl Ledger {
    /// Reads lines as far as they are readable, and counts those that are not.
    pub(super) fn replay(text: &[u8]) -> (Self, usize) {
        let mut ledger = Self::default();
        let mut skipped = 0;
        let mut lines = text.split(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            match serde_json::from_slice::<Line>(line) {
                Ok(line) => ledger.apply(&line.plugin, line.event),
                // The last line was being written when the process died.
                Err(_) if lines.peek().is_none() => {}
                Err(_) => skipped += usize::from(!line.is_empty()),
            }
        }
        (ledger, skipped)
    }

    /// Whether an event would change nothing.
    pub(super) fn says(&self, plugin: &PluginId, event: &Event) -> bool {
        let start = self.starts.get(plugin);
        match event {
            Event::Begin { .. } | Event::Quarantine(_) => false,
            Event::Inside { stage } => {
                start.is_some_and(|start| start.is_inside && start.stage == Some(*stage))
            }
            Event::Waiting => start.is_none_or(|start| !start.is_inside),
            Event::Late => start.is_none_or(|start| start.is_late),
            Event::End => start.is_none(),
            Event::Release => !self.quarantined.contains_key(plugin),
        }
    }

    pub(super) fn apply(&mut self, plugin: &PluginId, event: Event) {
        match event {
            Event::Begin { generation } => {
                // Only an administrator starts one that is quarantined, and the release may not have been recorded.
                self.quarantined.remove(plugin);
                self.starts.insert(plugin.clone(), Start::new(generation));
            }
            Event::Inside { stage } => {
                // A `begin` that could not be written does not keep the plugin from being found out.
                let start = self.starts.entry(plugin.clone()).or_insert(Start::new(0));
                start.stage = Some(stage);
                start.is_inside = true;
            }
            Event::Waiting => {
                if let Some(start) = self.starts.get_mut(plugin) {
                    start.is_inside = false;
                }
            }
            Event::Late => {
                if let Some(start) = self.starts.get_mut(plugin) {
                    start.is_late = true;
                }
            }
            Event::End => {
                self.starts.remove(plugin);
            }
            Event::Quarantine(record) => {
                self.starts.remove(plugin);
                self.quarantined.insert(plugin.clone(), record);
            }
            Event::Release => {
                self.quarantined.remove(plugin);
            }
        }
    }

    /// Judges the starts that a dead process left unfinished, and forgets them.
    ///
    /// Quarantines the plugin that ended the process if only one can have done it, and returns all that may have
    /// done it otherwise. Those that the host had given up are under suspicion only when nobody else is, and then all
    /// of them are quarantined: none of them ran, and to start them one by one would tell nothing, since each would
    /// hang again, and end the process later.
    pub(super) fn settle(&mut self) -> Vec<PluginId> {
        let starts = std::mem::take(&mut self.starts);
        let (late, fresh): (Vec<_>, Vec<_>) = starts.into_iter().partition(|(_, start)| start.is_late);
        let mut inside = fresh.iter().filter(|(_, start)| start.is_inside);
        let culprit = match (inside.next(), inside.next()) {
            (Some(only), None) => Some(only),
            (None, _) if fresh.len() == 1 && late.is_empty() => fresh.first(),
            _ => None,
        };
        if let Some((plugin, start)) = culprit {
            self.blame(plugin, start);
        } else if fresh.is_empty() {
            for (plugin, start) in &late {
                self.blame(plugin, start);
            }
        } else {
            return fresh.into_iter().map(|(plugin, _)| plugin).collect();
        }
        Vec::new()
    }

    fn blame(&mut self, plugin: &PluginId, start: &Start) {
        // Without a word of its own it was about to be opened.
        let record = QuarantineRecord::crashed(start.stage.unwrap_or(Stage::Open));
        tracing::warn!(%plugin, code = %record.code, "{}", record.message);
        self.quarantined.insert(plugin.clone(), record);
    }

    /// All plugins whose starts have not ended.
    pub(super) fn unfinished(&self) -> Vec<PluginId> {
        self.starts.keys().cloned().collect()
    }

    pub(super) const fn quarantined(&self) -> &BTreeMap<PluginId, QuarantineRecord> {
        &self.quarantined
    }

    /// The fewest lines that come to the same.
    pub(super) fn lines(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (plugin, record) in &self.quarantined {
            text.extend(Event::Quarantine(record.clone()).line(plugin));
        }
        for (plugin, start) in &self.starts {
            let generation = start.generation;
            text.extend(Event::Begin { generation }.line(plugin));
            if let Some(stage) = start.stage {
                text.extend(Event::Inside { stage }.line(plugin));
                if !start.is_inside {
                    text.extend(Event::Waiting.line(plugin));
                }
            }
            if start.is_late {
                text.extend(Event::Late.line(plugin));
            }
        }
        text
    }
}

impl Start {
    const fn new(generation: u64) -> Self {
        Self {
            generation,
            stage: None,
            is_inside: false,
            is_late: false,
        }
    }
}
