//! Rows L17 to L20 and L23 of the table of outcomes: plugins whose code runs and goes wrong at once.

use std::fs;
use std::time::Duration;

use toru_host::plugin::PluginState;

use crate::actor::Script;
use crate::host::{Host, install};
use crate::rust_zoo;
use crate::support::Place;
use crate::zoo::{self, id_of};

/// Enables the plugin, which fails with that code; the host goes on. Returns the message.
async fn fails(host: &Host, name: &str, code: &str) -> String {
    let plugin = id_of(name);
    let error = host.enable(&plugin).await.unwrap_err();
    assert_eq!(error.code(), code, "{name}: {error}");
    let status = host.status(&plugin);
    assert_eq!(status.state, PluginState::Failed, "{name}");
    assert_eq!(status.error.unwrap().code, code, "{name}");
    assert_eq!(
        host.get(&format!("{plugin}/ok")).await.problem(),
        (503, "plugin_failed".into())
    );
    error.to_string()
}

/// The same for a plugin of the zoo in a host of its own; its constructor ran.
async fn zoo_fails(name: &str, defines: &[&str], code: &str) -> Option<(Host, String)> {
    let host = zoo::host_with(name, defines).await?;
    let message = fails(&host, name, code).await;
    assert!(host.place.marker().exists(), "its constructor has run");
    Some((host, message))
}

#[tokio::test]
async fn l17_an_unusable_table() {
    for (name, code) in [
        ("create_plugin_returns_an_error", "create_failed"),
        ("null_table", "bad_table"),
        ("misaligned_table", "bad_table"),
        ("wrong_magic", "bad_table"),
        ("wrong_major_in_the_table", "bad_table"),
        ("table_without_create", "bad_table"),
        ("table_without_destroy", "bad_table"),
        ("create_fails_with_words", "create_failed"),
        ("create_fails_without_words", "create_failed"),
    ] {
        let Some((_, message)) = zoo_fails(name, &[], code).await else {
            return;
        };
        match name {
            "create_fails_with_words" => assert!(message.contains("the moon is not full"), "{message}"),
            "create_fails_without_words" => assert!(message.contains("status 23"), "{message}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn l17_a_table_is_never_read_beyond_its_end() {
    // Where the fields of version 1.0 end; behind each lies a page that nobody may touch.
    for cut in [4, 8, 16, 18, 20, 24, 32, 40, 48, 56, 64, 72, 80] {
        let cut = format!("ZOO_CUT={cut}");
        let Some(_) = zoo_fails("short_table", &[&cut], "bad_table").await else {
            return;
        };
    }
    for enough in ["ZOO_CUT=88", "ZOO_CUT=96"] {
        let Some(host) = zoo::host_with("short_table", &[enough]).await else {
            return;
        };
        host.enable("short-table").await.unwrap();
        assert_eq!(
            host.get("short-table/ok").await.text(),
            "ok",
            "only `ext` may be missing"
        );
    }
}

#[tokio::test]
async fn a_plugin_with_nothing_but_create_and_destroy_runs() {
    let Some(host) = zoo::host_of("nothing_but_create_and_destroy").await else {
        return;
    };
    let plugin = "nothing-but-create-and-destroy";
    host.enable(plugin).await.unwrap();
    assert_eq!(
        host.get(&format!("{plugin}/ok")).await.problem(),
        (404, "unknown_route".into())
    );
    host.disable(plugin).await;
}

#[tokio::test]
async fn l18_an_init_that_fails() {
    for (name, words) in [
        ("init_fails_with_words", "no licence for Tuesdays [31m"),
        ("init_fails_at_its_second_poll", "changed its mind"),
        ("init_returns_an_unknown_status", "status 4711"),
        ("init_pends_without_an_operation", "status 17"),
        ("init_claims_more_words_than_there_is_room", "xxxxxxxx"),
    ] {
        let Some((_, message)) = zoo_fails(name, &[], "init_failed").await else {
            return;
        };
        assert!(message.contains(words), "{name}: {message}");
        assert!(message.len() < 5000 && !message.contains('\x1b'), "{message:?}");
    }
}

#[tokio::test]
async fn l18_a_plugin_that_failed_can_be_tried_again() {
    let place = Place::new();
    let host = Host::with(place, |builder| builder).await;
    drop(host);
    let tries = std::sync::atomic::AtomicU32::new(0);
    let script = Script {
        init: Some(Box::new(move |_| {
            let first = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            Box::pin(async move { if first { Err("not today".into()) } else { Ok(()) } })
        })),
        ..Script::default()
    };
    let host = script.load(|builder| builder).await;
    let message = fails(&host, "actor", "init_failed").await;
    assert!(message.contains("not today"), "{message}");
    host.enable("actor").await.unwrap();
    assert_eq!(host.get("actor/ok").await.text(), "ok");
    assert!(host.status("actor").error.is_none());
}

#[tokio::test]
async fn l19_an_init_that_panics() {
    for (fault, words) in [
        ("init", "zoo panics at init"),
        ("second-poll-of-start", "at the second poll of init"),
    ] {
        let host = rust_zoo::zoo_with(&format!(r#"{{"fault":"{fault}"}}"#)).await;
        let message = fails(&host, "rust_zoo", "init_panicked").await;
        assert!(
            message.contains(words) && message.contains("src/lib.rs:"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn l20_an_init_that_suspends_forever() {
    let place = Place::new();
    let Some(_) = zoo::compile(&place, "init_suspends_forever", &[]) else {
        return;
    };
    let host = Host::with(place, |builder| builder.init_timeout(Duration::from_millis(100))).await;
    fails(&host, "init_suspends_forever", "init_timeout").await;
    // Its operation is cancelled and it is destroyed; the next try works.
    host.enable("init-suspends-forever").await.unwrap();
    let zoo = zoo::Zoo {
        host,
        id: "init-suspends-forever".into(),
    };
    assert_eq!((zoo.count("dropped").await, zoo.count("made").await), (1, 2));
    while zoo.count("ended").await < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        zoo.count("stopped").await,
        0,
        "what never started is not shut down"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l20_an_init_that_blocks_its_thread_while_another_plugin_starts() {
    let place = Place::new();
    let Some((pipe, release)) = zoo::pipe(&place) else {
        return;
    };
    let define = format!("ZOO_PIPE={pipe:?}");
    let Some(_) = zoo::compile(&place, "init_blocks_its_thread", &[&define]) else {
        return;
    };
    zoo::compile(&place, "good", &[]);
    let blocked = "init-blocks-its-thread";
    // Both are wanted: they start side by side with the host, which does not wait for the one that hangs.
    fs::create_dir(place.plugins().join(".metadata")).unwrap();
    let config =
        format!(r#"{{"version":1,"plugins":{{"{blocked}":{{"enabled":true}},"good":{{"enabled":true}}}}}}"#);
    fs::write(place.plugins().join(".metadata/config.json"), config).unwrap();
    let host = Host::with(place, |builder| builder.init_timeout(Duration::from_millis(100))).await;
    assert_eq!(host.status("good").state, PluginState::Enabled);
    assert_eq!(host.status(blocked).state, PluginState::Failed);
    assert_eq!(host.status(blocked).error.unwrap().code, "init_timeout");
    assert_eq!(host.get("good/ok").await.text(), "ok");
    // Its thread still hangs in there: another one would hang as well.
    assert_eq!(host.enable(blocked).await.unwrap_err().code(), "still_starting");
    // Released at last, it finds that nobody waits for it: it is shut down and destroyed.
    drop(release);
    while let Err(error) = host.enable(blocked).await {
        assert_eq!(error.code(), "still_starting");
        tokio::task::yield_now().await;
    }
    let zoo = zoo::Zoo {
        host,
        id: blocked.into(),
    };
    while zoo.count("ended").await < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!((zoo.count("made").await, zoo.count("stopped").await), (2, 1));
}

#[tokio::test]
async fn l20_a_plugin_whose_start_hangs_is_not_entered_again_when_its_file_comes_back() {
    let place = Place::new();
    let Some((pipe, release)) = zoo::pipe(&place) else {
        return;
    };
    let define = format!("ZOO_PIPE={pipe:?}");
    let Some(library) = zoo::compile(&place, "init_blocks_its_thread", &[&define]) else {
        return;
    };
    let blocked = "init-blocks-its-thread";
    let host = Host::with(place, |builder| builder.init_timeout(Duration::from_millis(100))).await;
    assert_eq!(host.enable(blocked).await.unwrap_err().code(), "init_timeout");
    // Nothing names it any more, and its file is gone.
    let kept = host.place.root().join("kept");
    fs::rename(&library, &kept).unwrap();
    fs::write(host.state_file(), r#"{"version":1,"plugins":{}}"#).unwrap();
    host.scan().await.unwrap();
    assert_eq!(host.state(blocked), PluginState::Missing);
    install(&host.place, &kept, "back.so");
    host.scan().await.unwrap();
    assert_eq!(host.enable(blocked).await.unwrap_err().code(), "still_starting");
    drop(release);
}

#[tokio::test]
async fn l23_routes_that_cannot_be() {
    for (first, second, both) in [
        ("/same", "/same", ["/same", "registered twice"]),
        ("/a/{x}", "/a/{y}", ["/a/{x}", "/a/{y}"]),
        ("/a", "/enable", ["/enable", "belongs to the host"]),
        ("/a", "/-/x", ["/-/x", "belongs to the host"]),
        ("/a", "/b/{", ["/b/{", "malformed"]),
        ("/a", "/b/{*rest}/c", ["/b/{*rest}/c", "malformed"]),
        ("/a", "b", ["b", "does not start"]),
        ("/a", "", ["``", "does not start"]),
        ("/a", "/b/../c", ["/b/../c", "dot segment"]),
        ("/a", "/b c", ["/b c", "characters"]),
    ] {
        let defines = [format!("ZOO_FIRST={first:?}"), format!("ZOO_SECOND={second:?}")];
        let defines: Vec<_> = defines.iter().map(String::as_str).collect();
        let Some((_, message)) = zoo_fails("routes_that_cannot_be", &defines, "invalid_route").await else {
            return;
        };
        assert!(
            both.iter().all(|words| message.contains(words)),
            "{first} {second}: {message}"
        );
    }
}

#[tokio::test]
async fn l23_routes_whose_description_is_wrong() {
    for (name, words) in [
        ("route_without_a_handler", "has no handler"),
        (
            "route_with_an_unknown_flag",
            "a flag that this host does not know",
        ),
        ("route_with_wild_alignment", "scratch memory"),
        ("short_route", "too short"),
    ] {
        let Some((_, message)) = zoo_fails(name, &[], "invalid_route").await else {
            return;
        };
        assert!(message.contains(words), "{name}: {message}");
    }
}

#[tokio::test]
async fn an_unusable_file_of_the_frontend_is_refused() {
    for asset in ["ZOO_ASSET=0", "ZOO_ASSET=1", "ZOO_ASSET=2", "ZOO_ASSET=3"] {
        let Some(_) = zoo_fails("unusable_asset", &[asset], "invalid_frontend").await else {
            return;
        };
    }
}

#[tokio::test]
async fn an_instance_that_failed_is_destroyed() {
    let Some(host) = zoo::host_of("init_fails_with_words").await else {
        return;
    };
    for _ in 0..3 {
        fails(&host, "init_fails_with_words", "init_failed").await;
    }
    assert_eq!(
        host.status("init-fails-with-words").generation,
        1,
        "the same library all the time"
    );
}
