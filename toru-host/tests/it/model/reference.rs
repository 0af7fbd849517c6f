//! The model: what should be true.

use std::collections::BTreeMap;

use toru_host::plugin::PluginState;

use super::{ACTOR, Op, PLUGINS};

/// What a plugin's file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Library {
    /// Version 1 of a good plugin.
    First,
    /// Version 2 of it.
    Second,
    /// Its `init` fails.
    Failing,
    /// No library.
    Garbage,
}

impl Library {
    pub(super) const fn version(self) -> &'static str {
        match self {
            Self::First => "1.0.0",
            Self::Second => "2.0.0",
            Self::Failing => "3.0.0",
            Self::Garbage => "",
        }
    }
}

/// What is recorded: whether each named plugin is enabled.
pub(super) type Document = BTreeMap<usize, bool>;

/// One plugin.
#[derive(Clone, Debug, Default)]
pub(super) struct Plugin {
    /// Its file as it is.
    pub(super) file: Option<Library>,
    /// Its file as the host saw it last; nothing when that was no plugin.
    pub(super) seen: Option<Library>,
    pub(super) is_named: bool,
    pub(super) is_desired: bool,
    pub(super) running: Option<Library>,
    pub(super) failed: Option<&'static str>,
    pub(super) is_quarantined: bool,
    /// Libraries that were opened in this process, in order.
    pub(super) opened: Vec<Library>,
    pub(super) generation: usize,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) plugins: [Plugin; PLUGINS.len()],
    /// The state file as the host knows it.
    pub(super) recorded: Document,
    /// The one before the last change; nothing before the first.
    pub(super) previous: Option<Document>,
    /// The state file as somebody left it: `None` when it is damaged.
    pub(super) edited: Option<Option<Document>>,
}

impl Plugin {
    /// Whether the host lists it.
    pub(super) const fn is_known(&self) -> bool {
        self.is_named || self.seen.is_some() || self.running.is_some()
    }

    pub(super) const fn state(&self) -> PluginState {
        match self {
            Self { running: Some(_), .. } => PluginState::Enabled,
            Self { seen: None, .. } => PluginState::Missing,
            Self {
                is_quarantined: true,
                is_desired: true,
                ..
            } => PluginState::Quarantined,
            Self { failed: Some(_), .. } => PluginState::Failed,
            _ => PluginState::Disabled,
        }
    }

    /// The version that is shown to wait for the one that runs to end.
    pub(super) fn update(&self) -> Option<&'static str> {
        let is_new = |seen: &Library| self.running.is_some_and(|running| running != *seen);
        self.seen.filter(is_new).map(Library::version)
    }

    fn ask(&mut self, is_desired: bool) {
        self.is_desired = is_desired;
        if !is_desired {
            self.failed = None;
        }
    }

    /// Starts it. The code of the error, if that fails.
    fn start(&mut self, is_static: bool) -> Result<(), &'static str> {
        if self.running.is_some() {
            return Ok(());
        }
        self.is_quarantined = false;
        self.failed = None;
        // It starts from its file as it is, seen or not.
        let library = match self.file {
            None => Err("unreadable"),
            Some(Library::Garbage) => Err("not_a_library"),
            Some(library) => Ok(library),
        };
        let started = library.and_then(|library| {
            self.seen = Some(library);
            if !is_static && !self.opened.contains(&library) {
                self.opened.push(library);
            }
            let index = self.opened.iter().position(|opened| *opened == library);
            self.generation = index.unwrap_or_default() + 1;
            if library == Library::Failing {
                return Err("init_failed");
            }
            self.running = Some(library);
            Ok(())
        });
        self.failed = started.err();
        started
    }
}

impl Model {
    pub(super) fn new() -> Self {
        let mut model = Self::default();
        model.plugins[ACTOR].file = Some(Library::First);
        model
    }

    /// What a change comes to: the code of its error.
    pub(super) fn change(&mut self, plugin: usize, is_desired: bool) -> Result<(), &'static str> {
        let slot = &mut self.plugins[plugin];
        if !slot.is_known() || (is_desired && slot.state() == PluginState::Missing) {
            return Err("unknown_plugin");
        }
        if self.edited.is_some() {
            return Err("state_changed");
        }
        // One that is not named is off already.
        if self.recorded.get(&plugin).copied().unwrap_or(false) != is_desired {
            self.previous = Some(self.recorded.clone());
            self.recorded.insert(plugin, is_desired);
        }
        slot.is_named |= is_desired;
        slot.is_quarantined = false;
        slot.ask(is_desired);
        if is_desired {
            slot.start(plugin == ACTOR)
        } else {
            slot.running = None;
            Ok(())
        }
    }

    pub(super) fn scan(&mut self) -> Result<(), &'static str> {
        self.see();
        let adopted = match self.edited.take() {
            Some(None) => {
                self.edited = Some(None);
                Err("malformed_state")
            }
            Some(Some(document)) => {
                self.recorded = document;
                Ok(())
            }
            None => Ok(()),
        };
        if adopted.is_ok() {
            self.adopt();
        }
        self.converge();
        for plugin in self.plugins.iter_mut().filter(|plugin| !plugin.is_known()) {
            // Forgotten but for what is held against it, and for what was opened for it.
            plugin.failed = None;
            plugin.generation = 0;
        }
        adopted
    }

    /// The process ends, in one way or another, and the next one starts.
    pub(super) fn restart(&mut self) {
        match self.edited.take() {
            Some(Some(document)) => self.recorded = document,
            Some(None) => self.recorded = self.previous.clone().unwrap_or_default(),
            None => {}
        }
        for plugin in &mut self.plugins {
            plugin.running = None;
            plugin.failed = None;
            plugin.opened.clear();
            plugin.generation = 0;
        }
        self.see();
        self.adopt();
        self.converge();
    }

    /// The process dies while the plugin that is linked in starts; it is started again.
    pub(super) fn crash_in_init(&mut self) {
        let is_started = self.plugins[ACTOR].running.is_none();
        if self.change(ACTOR, true).is_ok() && is_started {
            self.plugins[ACTOR].is_quarantined = true;
        }
        self.restart();
    }

    fn see(&mut self) {
        for plugin in &mut self.plugins {
            plugin.seen = plugin.file.filter(|library| *library != Library::Garbage);
        }
    }

    fn adopt(&mut self) {
        for (index, plugin) in self.plugins.iter_mut().enumerate() {
            let recorded = self.recorded.get(&index);
            plugin.is_named = recorded.is_some();
            plugin.ask(recorded == Some(&true));
        }
    }

    fn converge(&mut self) {
        for (index, plugin) in self.plugins.iter_mut().enumerate() {
            if plugin.is_desired && plugin.state() == PluginState::Disabled {
                let _ = plugin.start(index == ACTOR);
            } else if !plugin.is_desired {
                plugin.running = None;
            }
        }
    }

    /// Somebody edits the state file as it is on disk.
    pub(super) fn edit(&mut self, plugin: usize, to: Option<bool>) {
        // A damaged file is written anew, from what was recorded last.
        let on_disk = self.edited.take().flatten();
        let mut document = on_disk.unwrap_or_else(|| self.recorded.clone());
        match to {
            Some(enabled) => {
                document.insert(plugin, enabled);
            }
            None => {
                document.remove(&plugin);
            }
        }
        self.edited = Some(Some(document));
    }

    /// What happens by itself, without the host.
    pub(super) fn touch(&mut self, op: Op) {
        match op {
            Op::Replace(plugin, library) => self.plugins[plugin].file = Some(library),
            Op::Remove(plugin) => self.plugins[plugin].file = None,
            Op::Overwrite(plugin) => self.plugins[plugin].file = Some(Library::Garbage),
            Op::Edit(plugin, to) => self.edit(plugin, to),
            Op::EditBadly => self.edited = Some(None),
            _ => {}
        }
    }
}
