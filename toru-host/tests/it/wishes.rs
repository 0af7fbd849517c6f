//! What is asked for, as it is recorded and taken over: `config.json`, and stores of an application's own.

use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use toru_host::PluginManager;
use toru_host::error::StateError;
use toru_host::plugin::{DesiredState, PluginId, PluginState};
use toru_host::state::{Change, Desired, DesiredPlugin, StateFuture, StateStore};

use crate::actor::Script;
use crate::host::{Host, id, soon};
use crate::support::Place;
use crate::zoo;

/// Writes the file by hand.
fn edit(host: &Host, document: &Value) {
    fs::write(host.state_file(), serde_json::to_vec(document).unwrap()).unwrap();
}

fn codes(host: &Host) -> Vec<&'static str> {
    host.manager.notices().iter().map(|notice| notice.code).collect()
}

/// A place with the plugin `good` in it.
fn place() -> Option<Place> {
    let place = Place::new();
    zoo::compile(&place, "good", &[])?;
    Some(place)
}

fn write_state(place: &Place, text: &[u8]) {
    let folder = place.plugins().join(".metadata");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), text).unwrap();
}

#[tokio::test]
async fn c1_the_file_is_made_at_the_first_start_and_every_plugin_is_disabled() {
    let Some(place) = place() else { return };
    let host = Host::new(place).await;
    assert_eq!(host.recorded(), json!({ "version": 1, "plugins": {} }));
    assert_eq!(host.state("good"), PluginState::Disabled);
    assert!(codes(&host).is_empty());
}

#[tokio::test]
async fn t13_what_was_enabled_runs_at_the_next_start_and_what_was_disabled_does_not() {
    let place = Place::new();
    for plugin in ["one", "two", "three"] {
        if zoo::compile_as(&place, "good", plugin, &[]).is_none() {
            return;
        }
    }
    let host = Host::new(place).await;
    for plugin in ["one", "two"] {
        host.enable(plugin).await.unwrap();
    }
    host.disable("two").await;
    let host = host.restart().await;
    for (plugin, state) in [
        ("one", PluginState::Enabled),
        ("two", PluginState::Disabled),
        ("three", PluginState::Disabled),
    ] {
        assert_eq!(host.state(plugin), state, "{plugin}");
    }
    assert_eq!(host.get("one/ok").await.text(), "ok");
    assert_eq!(
        host.get("two/ok").await.problem(),
        (404, "plugin_disabled".into())
    );
}

#[tokio::test]
async fn c2_c3_a_damaged_file_is_kept_aside_and_the_previous_one_is_used() {
    let Some(place) = place() else { return };
    let host = Host::new(place).await;
    host.enable("good").await.unwrap();
    // The previous file is the one before the last change: it names the plugin as enabled, too.
    edit_and_adopt(&host).await;
    fs::write(host.state_file(), "{\"version\":1,\"plug").unwrap();
    let host = host.restart().await;
    assert_eq!(host.state("good"), PluginState::Enabled);
    assert_eq!(host.manager.notices().len(), 1, "{:?}", host.manager.notices());
    let kept: Vec<_> = fs::read_dir(host.state_file().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("config.json.bad-"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(host.recorded()["plugins"]["good"]["enabled"], true);

    // Told as long as this host runs, and shown by the API.
    host.scan().await.unwrap();
    let list = host.get("").await;
    let list: Value = serde_json::from_slice(&list.body).unwrap();
    assert_eq!(list["notices"].as_array().unwrap().len(), 1, "{list}");
    let host = host.restart().await;
    assert!(codes(&host).is_empty());
}

/// Makes a change, so that there is a previous file with the plugin enabled.
async fn edit_and_adopt(host: &Host) {
    host.disable("good").await;
    host.enable("good").await.unwrap();
    let mut document = host.recorded();
    document["note"] = json!("edited");
    edit(host, &document);
    host.scan().await.unwrap();
    host.disable("good").await;
    fs::remove_file(host.state_file()).unwrap();
    document["plugins"]["good"]["enabled"] = json!(true);
    edit(host, &document);
    host.scan().await.unwrap();
}

#[tokio::test]
async fn c3_without_a_previous_file_every_plugin_is_disabled_and_the_host_starts() {
    for damaged in [
        &b""[..],
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe{\0}\0",
        b"{\"version\":1,\"version\":1}",
    ] {
        let Some(place) = place() else { return };
        write_state(&place, damaged);
        let host = Host::new(place).await;
        assert_eq!(host.state("good"), PluginState::Disabled);
        assert_eq!(host.manager.notices().len(), 1, "{damaged:?}");
        host.enable("good").await.unwrap();
        assert_eq!(host.recorded()["plugins"]["good"]["enabled"], true);
    }
}

#[tokio::test]
async fn c5_a_newer_file_is_used_but_never_changed() {
    let Some(place) = place() else { return };
    let text = br#"{"version": 7, "plugins": {"good": {"enabled": true, "priority": "high"}}, "fleet": [1]}"#;
    write_state(&place, text);
    let host = Host::new(place).await;
    assert_eq!(host.state("good"), PluginState::Enabled);
    assert!(host.manager.is_read_only());
    let answer = host.post("good/disable", "").await;
    assert_eq!(answer.problem(), (409, "newer_state".into()));
    assert_eq!(
        host.state("good"),
        PluginState::Enabled,
        "what is refused is not done"
    );
    let list: Value = serde_json::from_slice(&host.get("").await.body).unwrap();
    assert_eq!(list["read_only"], true);
    assert_eq!(fs::read(host.state_file()).unwrap(), text);
}

#[tokio::test]
async fn c6_c7_what_the_host_does_not_know_survives_and_absent_plugins_are_missing() {
    let Some(place) = place() else { return };
    write_state(
        &place,
        br#"{"version": 1, "x": 1.50, "plugins": {"ghost": {"enabled": true, "config": {"b": 1, "a": 2}}, "off": {"enabled": false}}}"#,
    );
    let host = Host::new(place).await;
    for plugin in ["ghost", "off"] {
        assert_eq!(host.state(plugin), PluginState::Missing);
        assert_eq!(
            host.get(&format!("{plugin}/x")).await.problem(),
            (404, "plugin_missing".into())
        );
    }
    assert_eq!(host.status("ghost").desired, DesiredState::Enabled);
    host.enable("good").await.unwrap();
    let text = fs::read_to_string(host.state_file()).unwrap();
    for kept in ["1.50", r#"{"b": 1, "a": 2}"#] {
        assert!(text.contains(kept), "{text}");
    }
    assert_eq!(host.enable("ghost").await.unwrap_err().code(), "unknown_plugin");
    host.disable("ghost").await;
    assert_eq!(host.recorded()["plugins"]["ghost"]["enabled"], false);
    assert_eq!(host.recorded()["plugins"]["ghost"]["config"]["a"], 2);
}

#[tokio::test]
async fn c7_a_plugin_whose_file_comes_back_runs_again() {
    let Some(place) = place() else { return };
    let host = Host::new(place).await;
    host.enable("good").await.unwrap();
    let (file, aside) = (
        host.place.plugins().join("good.so"),
        host.place.root().join("aside.so"),
    );
    fs::rename(&file, &aside).unwrap();
    let host = host.restart().await;
    assert_eq!(host.state("good"), PluginState::Missing);
    fs::rename(&aside, &file).unwrap();
    host.scan().await.unwrap();
    assert_eq!(host.state("good"), PluginState::Enabled);
    assert_eq!(host.get("good/ok").await.text(), "ok");
}

#[tokio::test]
async fn c9_an_edit_by_hand_stops_the_next_change_and_is_taken_over_by_a_scan() {
    let host = Script::default().run().await;
    let edited = json!({ "version": 1, "plugins": { "actor": { "enabled": false, "config": { "a": 1 } } } });
    edit(&host, &edited);
    for action in ["enable", "disable"] {
        let answer = host.post(&format!("actor/{action}"), "").await;
        assert_eq!(answer.problem(), (409, "state_changed".into()), "{action}");
    }
    assert_eq!(host.recorded(), edited, "nothing is overwritten");
    assert_eq!(host.state("actor"), PluginState::Enabled, "and nothing was done");

    assert_eq!(host.post("-/scan", "").await.status, 200);
    assert_eq!(
        host.state("actor"),
        PluginState::Disabled,
        "what is recorded is done"
    );
    assert_eq!(host.status("actor").desired, DesiredState::Disabled);
    host.enable("actor").await.unwrap();
    assert_eq!(
        host.recorded()["plugins"]["actor"],
        json!({ "enabled": true, "config": { "a": 1 } })
    );

    edit(&host, &json!({ "version": 1, "plugins": {} }));
    host.scan().await.unwrap();
    assert_eq!(host.state("actor"), PluginState::Disabled);
    edit(
        &host,
        &json!({ "version": 1, "plugins": { "actor": { "enabled": true } } }),
    );
    host.scan().await.unwrap();
    assert_eq!(host.state("actor"), PluginState::Enabled);
}

#[tokio::test]
async fn c9_an_edit_that_cannot_be_read_is_refused_and_left_for_its_author_to_mend() {
    let host = Script::default().run().await;
    fs::write(host.state_file(), "{ oops").unwrap();
    assert_eq!(
        host.post("-/scan", "").await.problem(),
        (409, "malformed_state".into())
    );
    assert_eq!(host.state("actor"), PluginState::Enabled);
    assert_eq!(
        host.post("actor/disable", "").await.problem(),
        (409, "state_changed".into())
    );
    assert_eq!(fs::read_to_string(host.state_file()).unwrap(), "{ oops");
    edit(&host, &json!({ "version": 1, "plugins": {} }));
    host.scan().await.unwrap();
    assert_eq!(host.state("actor"), PluginState::Disabled);
}

#[tokio::test]
async fn c11_a_second_host_is_refused_until_the_first_has_shut_down() {
    let Some(place) = place() else { return };
    let host = Host::new(place).await;
    let second = || soon(PluginManager::builder(host.place.plugins()).start());
    let error = second().await.unwrap_err();
    assert_eq!(error.code(), "already_running", "{error}");
    host.enable("good").await.unwrap();
    soon(host.manager.shutdown()).await;
    for changed in [
        host.enable("good").await,
        soon(host.manager.disable(&id("good"))).await,
        host.scan().await,
    ] {
        assert_eq!(changed.unwrap_err().code(), "shutting_down");
    }
    let second = second().await.unwrap();
    assert_eq!(second.status(&id("good")).unwrap().state, PluginState::Enabled);
}

/// A store in memory that refuses on demand.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    desired: Desired,
    refusal: Option<std::io::ErrorKind>,
}

impl Memory {
    fn refuse(&self, with: Option<std::io::ErrorKind>) {
        self.0.lock().unwrap().refusal = with;
    }

    fn ask(&self, plugin: &str, enabled: bool) {
        let mut content = self.0.lock().unwrap();
        let entry = content.desired.plugins.entry(id(plugin)).or_default();
        entry.enabled = enabled;
    }

    fn asked(&self, plugin: &str) -> Option<bool> {
        let content = self.0.lock().unwrap();
        content
            .desired
            .plugins
            .get(&id(plugin))
            .map(|plugin| plugin.enabled)
    }
}

impl StateStore for Memory {
    fn load(&self) -> StateFuture<'_, Desired> {
        Box::pin(async move { Ok(self.0.lock().unwrap().desired.clone()) })
    }

    fn save<'a>(&'a self, plugin: &'a PluginId, change: Change) -> StateFuture<'a, ()> {
        Box::pin(async move {
            let mut content = self.0.lock().unwrap();
            if let Some(kind) = content.refusal {
                return Err(StateError::Unwritable {
                    path: "memory".into(),
                    source: kind.into(),
                });
            }
            let entry: &mut DesiredPlugin = content.desired.plugins.entry(plugin.clone()).or_default();
            if let Change::Enabled(enabled) = change {
                entry.enabled = enabled;
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn c10_a_change_that_cannot_be_recorded_is_not_made() {
    let store = Memory::default();
    let host = Script::default()
        .load(|builder| builder.state_store(store.clone()))
        .await;
    for (kind, problem) in [
        (std::io::ErrorKind::StorageFull, (507, "storage_full")),
        (std::io::ErrorKind::PermissionDenied, (500, "unwritable_state")),
    ] {
        let problem = (problem.0, problem.1.to_owned());
        store.refuse(Some(kind));
        assert_eq!(host.post("actor/enable", "").await.problem(), problem);
        assert_eq!(host.state("actor"), PluginState::Disabled);
        assert_eq!(host.status("actor").desired, DesiredState::Disabled);
        store.refuse(None);
        host.enable("actor").await.unwrap();
        store.refuse(Some(kind));
        assert_eq!(host.post("actor/disable", "").await.problem(), problem);
        assert_eq!(host.state("actor"), PluginState::Enabled);
        assert_eq!(host.get("actor/ok").await.status, 200);
        store.refuse(None);
        host.disable("actor").await;
    }
}

#[tokio::test]
async fn a_store_of_the_applications_own_decides_what_runs() {
    let store = Memory::default();
    store.ask("actor", true);
    let host = Script::default()
        .load(|builder| builder.state_store(store.clone()))
        .await;
    assert_eq!(host.state("actor"), PluginState::Enabled);
    assert!(!host.state_file().exists(), "the file is not used");
    host.disable("actor").await;
    assert_eq!(store.asked("actor"), Some(false));
    // Another machine asks for it.
    store.ask("actor", true);
    host.scan().await.unwrap();
    assert_eq!(host.state("actor"), PluginState::Enabled);
}
