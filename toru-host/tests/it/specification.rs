//! The specification's own tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use toru_host::plugin::{DesiredState, PluginState};
use toru_host::{PluginManager, plugin::PluginInfo};
use tracing::Level;

use crate::host::{Host, get, install, read, soon};
use crate::logs;
use crate::rust_zoo;
use crate::support::{Note, Place};
use crate::zoo;

fn only(manager: &PluginManager) -> PluginInfo {
    let mut all = manager.list();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[tokio::test]
async fn t01_a_valid_library_loads() {
    let place = Place::new();
    install(&place, &rust_zoo::stable().hello, "hello.so");
    let host = Host::new(place).await;
    let found = only(&host.manager);
    assert_eq!(found.id.as_str(), "hello");
    assert_eq!(found.metadata.unwrap().name, "Hello");
    assert_eq!(
        (found.status.state, found.status.desired),
        (PluginState::Disabled, DesiredState::Disabled)
    );
    host.enable("hello").await.unwrap();
    assert_eq!(host.status("hello").state, PluginState::Enabled);
    assert_eq!(
        host.get("hello/greeting/World").await.text(),
        r#"{"message":"Hello, World!"}"#
    );
}

#[tokio::test]
async fn t01_a_library_in_c_loads() {
    let Some(zoo) = zoo::running("good").await else {
        return;
    };
    zoo.serves().await;
    assert!(
        zoo.host.place.marker().exists(),
        "its constructor ran when it was enabled"
    );
    assert_eq!((zoo.count("made").await, zoo.count("started").await), (1, 1));
}

#[tokio::test]
async fn t02_invalid_libraries_are_refused_and_logged_and_the_others_load() {
    let place = Place::new();
    let Some(_) = zoo::compile(&place, "good", &[]) else {
        return;
    };
    let text = b"#!/bin/sh\necho this is no library at all, whatever its name says\n".repeat(2);
    place.write("text.so", text);
    place.write("empty.so", "");
    let good = fs::read(place.plugins().join("good.so")).unwrap();
    place.write("truncated.so", &good[..good.len() / 3]);
    let host = Host::new(place).await;
    let rejected = host.manager.rejected();
    let codes: Vec<_> = rejected.iter().map(|file| file.code).collect();
    assert_eq!(
        codes,
        ["not_a_library", "not_a_library", "malformed_library"],
        "{rejected:?}"
    );
    for file in &rejected {
        let name = file.file.display().to_string();
        let logged = logs::find(|record| record.field("file") == name);
        assert_eq!(logged.len(), 1, "{name}: {logged:?}");
        assert!(logged[0].level <= Level::WARN, "{logged:?}");
        assert_eq!(logged[0].field("plugin.code"), file.code);
        assert_eq!(logged[0].field("reason"), file.message);
        assert_eq!(
            logged[0].field("message"),
            "a file of the plugins folder was refused"
        );
    }
    assert!(!host.place.marker().exists(), "a constructor ran");
    host.enable("good").await.unwrap();
    assert_eq!(host.get("good/ok").await.text(), "ok");
}

#[tokio::test]
async fn t03_a_missing_plugins_folder_is_created() {
    logs::keep();
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("not/yet/plugins");
    let manager = soon(PluginManager::builder(&folder).start()).await.unwrap();
    assert!(manager.list().is_empty() && manager.rejected().is_empty());
    let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode & 0o700, mode & 0o022), (0o700, 0), "{mode:o}");
}

#[tokio::test]
async fn t04_a_library_without_its_function_is_skipped_with_an_error() {
    let place = Place::new();
    let Some(_) = place.library("bare.so", &Note::new("bare"), "", &[]) else {
        return;
    };
    zoo::compile(&place, "good", &[]);
    let host = Host::new(place).await;
    let error = host.enable("bare").await.unwrap_err();
    assert_eq!(error.code(), "symbol_missing");
    assert!(error.to_string().contains("create_plugin"), "{error}");
    let status = host.status("bare");
    assert_eq!(status.state, PluginState::Failed);
    assert_eq!(status.error.unwrap().code, "symbol_missing");
    let logged = logs::find(|record| record.field("plugin.id") == "bare" && record.level == Level::ERROR);
    assert_eq!(logged[0].field("plugin.code"), "symbol_missing", "{logged:?}");
    assert!(!host.place.marker().exists(), "its constructor ran");
    assert_eq!(host.get("bare/ok").await.problem(), (503, "plugin_failed".into()));
    host.enable("good").await.unwrap();
    assert_eq!(host.get("good/ok").await.text(), "ok");
}

#[tokio::test]
async fn t11_enabling_makes_the_routes_available() {
    let place = Place::new();
    install(&place, &rust_zoo::stable().hello, "hello.so");
    let host = Host::new(place).await;
    let path = "hello/greeting/Ada";
    assert_eq!(host.get(path).await.problem(), (404, "plugin_disabled".into()));
    let answer = host.post("hello/enable", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(host.get(path).await.status, 200);
    let routes = only(&host.manager).routes;
    assert!(
        routes.iter().any(|route| route.pattern == "/greeting/{name}"),
        "{routes:?}"
    );
    assert_eq!(
        host.get("hello/nothing").await.problem(),
        (404, "unknown_route".into())
    );
}

#[tokio::test]
async fn t11_an_enabled_plugin_runs_again_at_the_next_start() {
    let place = Place::new();
    install(&place, &rust_zoo::stable().hello, "hello.so");
    let host = Host::new(place).await;
    host.enable("hello").await.unwrap();
    soon(host.manager.shutdown()).await;
    let host = host.restart().await;
    assert_eq!(host.get("hello/greeting/Ada").await.status, 200);
}

#[tokio::test]
async fn t12_disabling_makes_the_routes_answer_404() {
    let place = Place::new();
    install(&place, &rust_zoo::stable().hello, "hello.so");
    let host = Host::new(place).await;
    let path = "hello/greeting/Ada";
    for _ in 0..3 {
        host.enable("hello").await.unwrap();
        assert_eq!(host.get(path).await.status, 200);
        assert_eq!(host.post("hello/disable", "").await.status, 200);
        assert_eq!(host.get(path).await.problem(), (404, "plugin_disabled".into()));
        assert!(only(&host.manager).routes.is_empty());
    }
    assert_eq!(
        host.status("hello").generation,
        1,
        "the same library all the time"
    );
}

#[tokio::test]
async fn t12_a_disabled_plugin_stays_so_at_the_next_start() {
    let place = Place::new();
    install(&place, &rust_zoo::stable().hello, "hello.so");
    let host = Host::new(place).await;
    host.enable("hello").await.unwrap();
    host.disable("hello").await;
    let host = host.restart().await;
    let response = host.respond(get("hello/greeting/Ada")).await;
    assert_eq!(
        read(response).await.unwrap().problem(),
        (404, "plugin_disabled".into())
    );
}
