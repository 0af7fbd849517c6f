//! The host, and the folders it lives in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use toru_host::plugin::{DesiredState, PluginState};
use uuid::Uuid;

use super::reference::{Document, Library, Model, Plugin};
use super::{ACTOR, Op, PLUGINS};
use crate::actor::{Script, with_plugin};
use crate::host::{Host, id, soon};
use crate::support::Place;
use crate::zoo;

/// What a process that dies leaves behind.
const LEFT_BEHIND: [&str; 3] = ["config.json", "config.json.previous", "journal.jsonl"];

type Remains = Vec<(&'static str, Option<Vec<u8>>)>;

/// One place for all sequences: its cache keeps the libraries, which are opened once.
pub(super) struct World {
    runtime: Runtime,
    place: Place,
    libraries: Vec<(usize, Library, Place)>,
    installation: Uuid,
    edits: AtomicUsize,
    /// Whether the next `init` is the moment of death.
    is_doomed: Arc<AtomicBool>,
    remains: Arc<Mutex<Remains>>,
}

impl World {
    /// `None`, and a word why, when there is no compiler.
    pub(super) fn new() -> Option<Self> {
        let mut libraries = Vec::new();
        for (plugin, id) in PLUGINS.iter().enumerate().take(ACTOR) {
            for library in [Library::First, Library::Second, Library::Failing] {
                let place = Place::new();
                let source = match library {
                    Library::Failing => "init_fails_with_words",
                    _ => "versioned",
                };
                let define = format!("ZOO_VERSION={:?}", library.version());
                zoo::compile_as(&place, source, id, &[&define])?;
                libraries.push((plugin, library, place));
            }
        }
        let place = Place::new();
        let metadata = place.plugins().join(".metadata");
        let (is_doomed, remains) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Remains>>::default());
        let (doom, left) = (Arc::clone(&is_doomed), Arc::clone(&remains));
        let script = Script {
            init: Some(Box::new(move |_| {
                if doom.swap(false, Ordering::SeqCst) {
                    *left.lock().unwrap() = read_remains(&metadata);
                }
                Box::pin(async { Ok(()) })
            })),
            ..Script::default()
        };
        let installation = Uuid::new_v4();
        script.publish(installation);
        Some(Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            place,
            libraries,
            installation,
            edits: AtomicUsize::new(0),
            is_doomed,
            remains,
        })
    }

    /// Lets all that happen to a new host, and compares it with the model after each step.
    pub(super) fn play(&self, ops: &[Op]) {
        self.clean();
        self.runtime.block_on(async {
            let mut model = Model::new();
            for op in [Op::Replace(0, Library::First), Op::Replace(1, Library::Second)] {
                self.touch(&model, op);
                model.touch(op);
            }
            let mut host = self.start().await;
            model.restart();
            self.compare(&host, &model, "the start").await;
            for op in ops {
                host = self.step(host, &mut model, *op).await;
                self.compare(&host, &model, &format!("{op:?}")).await;
            }
            soon(host.manager.shutdown()).await;
        });
    }

    async fn step(&self, host: Host, model: &mut Model, op: Op) -> Host {
        match op {
            Op::Enable(plugin) => {
                let told = host.enable(PLUGINS[plugin]).await.map_err(|error| error.code());
                same(model.change(plugin, true), told, op);
            }
            Op::Disable(plugin) => {
                let told = soon(host.manager.disable(&id(PLUGINS[plugin]))).await;
                same(
                    model.change(plugin, false),
                    told.map_err(|error| error.code()),
                    op,
                );
            }
            Op::Scan => {
                let told = host.scan().await.map_err(|error| error.code());
                same(model.scan(), told, op);
            }
            Op::Restart => {
                soon(host.manager.shutdown()).await;
                model.restart();
                return self.start().await;
            }
            Op::Crash => {
                let remains = read_remains(&self.metadata());
                model.restart();
                return self.revive(host, &remains).await;
            }
            Op::CrashInInit => {
                self.is_doomed.store(true, Ordering::SeqCst);
                let _ = host.enable(PLUGINS[ACTOR]).await;
                let remains = if self.is_doomed.swap(false, Ordering::SeqCst) {
                    // It did not come to that.
                    read_remains(&self.metadata())
                } else {
                    std::mem::take(&mut *self.remains.lock().unwrap())
                };
                model.crash_in_init();
                return self.revive(host, &remains).await;
            }
            _ => {
                self.touch(model, op);
                model.touch(op);
            }
        }
        host
    }

    /// Starts a host on what a dead one left behind. The dead one is stopped first: only files count.
    async fn revive(&self, host: Host, remains: &Remains) -> Host {
        soon(host.manager.shutdown()).await;
        drop(host);
        for (name, content) in remains {
            let path = self.metadata().join(name);
            match content {
                Some(content) => write(&path, content),
                None => drop(fs::remove_file(path)),
            }
        }
        self.start().await
    }

    async fn start(&self) -> Host {
        Host::with(self.place.clone(), |builder| {
            with_plugin(builder, self.installation)
        })
        .await
    }

    fn metadata(&self) -> PathBuf {
        self.place.plugins().join(".metadata")
    }

    fn file(&self, plugin: usize) -> PathBuf {
        self.place.plugins().join(format!("{}.so", PLUGINS[plugin]))
    }

    fn clean(&self) {
        for plugin in 0..ACTOR {
            let _ = fs::remove_file(self.file(plugin));
        }
        for entry in fs::read_dir(self.metadata()).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_name() != "cache" {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }

    /// Does to the files what happens without the host. `model` is as it was before.
    fn touch(&self, model: &Model, op: Op) {
        match op {
            Op::Replace(plugin, library) => {
                let made = |(p, l, _): &&(usize, Library, Place)| (*p, *l) == (plugin, library);
                let (_, _, place) = self.libraries.iter().find(made).unwrap();
                let from = place.plugins().join(format!("{}.so", PLUGINS[plugin]));
                let beside = self.place.plugins().join(".upload");
                fs::copy(from, &beside).unwrap();
                fs::rename(beside, self.file(plugin)).unwrap();
            }
            Op::Remove(plugin) => drop(fs::remove_file(self.file(plugin))),
            Op::Overwrite(plugin) => write(
                &self.file(plugin),
                b"this is no library, and is long enough to be told so",
            ),
            Op::Edit(plugin, to) => {
                let mut after = model.clone();
                after.edit(plugin, to);
                let document = after.edited.flatten().unwrap();
                write(
                    &self.metadata().join("config.json"),
                    self.text(&document).as_bytes(),
                );
            }
            Op::EditBadly => write(&self.metadata().join("config.json"), b"{ \"version\": 1,"),
            _ => {}
        }
    }

    /// A state file that differs from every other one.
    fn text(&self, document: &Document) -> String {
        let edit = self.edits.fetch_add(1, Ordering::Relaxed);
        json!({ "version": 1, "edit": edit, "plugins": plugins(document) }).to_string()
    }

    async fn compare(&self, host: &Host, model: &Model, after: &str) {
        for (plugin, name) in model.plugins.iter().zip(PLUGINS) {
            compare_one(host, plugin, name, after).await;
        }
        let on_disk = fs::read(self.metadata().join("config.json")).unwrap();
        let on_disk: Option<Value> = serde_json::from_slice(&on_disk).ok();
        let expected = match &model.edited {
            None => Some(&model.recorded),
            Some(edited) => edited.as_ref(),
        };
        assert_eq!(
            on_disk.map(|document| document["plugins"].clone()),
            expected.map(plugins),
            "the state file after {after}"
        );
    }
}

async fn compare_one(host: &Host, plugin: &Plugin, name: &str, after: &str) {
    let told = host.manager.get(&id(name));
    assert_eq!(told.is_some(), plugin.is_known(), "{name} after {after}");
    let Some(told) = told else { return };
    let state = plugin.state();
    assert_eq!(
        told.status.state, state,
        "{name} after {after}: {:?}",
        told.status.error
    );
    let is_desired = told.status.desired == DesiredState::Enabled;
    assert_eq!(is_desired, plugin.is_desired, "{name} after {after}");
    let code = told.status.error.map(|error| error.code);
    let expected = match state {
        PluginState::Quarantined => Some("crashed_while_starting"),
        PluginState::Failed => plugin.failed,
        _ => None,
    };
    assert_eq!(code, expected, "{name} after {after}");
    let update = told.update.map(|update| update.version);
    assert_eq!(update.as_deref(), plugin.update(), "{name} after {after}");
    assert_eq!(
        told.retired_generations,
        plugin.opened.len().saturating_sub(1),
        "{name} after {after}"
    );
    assert_eq!(
        told.status.generation, plugin.generation as u64,
        "{name} after {after}"
    );
    let is_static = name == PLUGINS[ACTOR];
    let path = if is_static { "ok" } else { "version" };
    let answer = host.get(&format!("{name}/{path}")).await;
    let problem = match state {
        PluginState::Enabled => {
            let expected = plugin.running.map(Library::version);
            assert_eq!(answer.status, 200, "{name} after {after}");
            assert_eq!(
                Some(answer.text()),
                expected.filter(|_| !is_static).or(Some("ok"))
            );
            return;
        }
        PluginState::Missing => (404, "plugin_missing"),
        PluginState::Quarantined => (503, "plugin_quarantined"),
        PluginState::Failed => (503, "plugin_failed"),
        _ => (404, "plugin_disabled"),
    };
    assert_eq!(
        answer.problem(),
        (problem.0, problem.1.to_owned()),
        "{name} after {after}"
    );
}

fn same(expected: Result<(), &'static str>, told: Result<(), &'static str>, op: Op) {
    assert_eq!(told, expected, "{op:?}");
}

fn plugins(document: &Document) -> Value {
    let entry =
        |(plugin, enabled): (&usize, &bool)| (PLUGINS[*plugin].to_owned(), json!({ "enabled": enabled }));
    Value::Object(document.iter().map(entry).collect::<Map<_, _>>())
}

fn read_remains(metadata: &std::path::Path) -> Remains {
    LEFT_BEHIND
        .iter()
        .map(|name| (*name, fs::read(metadata.join(name)).ok()))
        .collect()
}

/// Writes over a file, as an editor may, and keeps it private.
fn write(path: &std::path::Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
