//! Plugins of other compilers, several of them, and several generations of one.

use std::fs;

use toru_host::plugin::{PanicStrategy, PluginState};

use crate::host::{Host, install, post, read};
use crate::rust_zoo::{Built, nightly, stable};
use crate::support::Place;
use http_body_util::Full;

/// Both Rust plugins in one host, put through what they have.
async fn both_work(built: &Built) {
    let place = Place::new();
    install(&place, &built.hello, "hello.so");
    install(&place, &built.zoo, "zoo.so");
    let host = Host::new(place).await;
    for _ in 0..3 {
        host.enable("hello").await.unwrap();
        host.enable("rust-zoo").await.unwrap();
        assert_eq!(
            host.get("hello/greeting/%C3%9C").await.text(),
            r#"{"message":"Hello, Ü!"}"#
        );
        assert_eq!(host.get("hello/slow?ms=1").await.text(), r#"{"waited_ms":1}"#);
        assert_eq!(
            host.get("hello/panic").await.problem(),
            (500, "plugin_panicked".into())
        );
        let sent = vec![b'e'; 200_000];
        for path in ["hello/echo", "rust-zoo/echo"] {
            let request = post(path, Full::new(bytes::Bytes::from(sent.clone())));
            assert_eq!(
                read(host.respond(request).await).await.unwrap().body,
                sent,
                "{path}"
            );
        }
        assert_eq!(
            host.get("rust-zoo/tenth-poll").await.problem(),
            (500, "plugin_panicked".into())
        );
        assert_eq!(host.get("rust-zoo/bytes").await.body.len(), 100_000);
        host.disable("hello").await;
        assert_eq!(host.get("rust-zoo/ok").await.text(), "ok", "the other goes on");
        host.disable("rust-zoo").await;
    }
}

#[tokio::test]
async fn two_rust_plugins_with_allocators_of_their_own_work_in_one_process() {
    both_work(stable()).await;
}

#[tokio::test]
async fn plugins_of_the_nightly_compiler_work() {
    let Some(built) = nightly() else { return };
    both_work(built).await;
}

#[tokio::test]
async fn plugins_of_two_compilers_work_side_by_side() {
    let Some(built) = nightly() else { return };
    let place = Place::new();
    install(&place, &built.hello, "hello.so");
    install(&place, &stable().zoo, "zoo.so");
    let host = Host::new(place).await;
    host.enable("hello").await.unwrap();
    host.enable("rust-zoo").await.unwrap();
    let compiler = |id| {
        let metadata = host.manager.get(&crate::host::id(id)).unwrap().metadata.unwrap();
        assert_eq!(metadata.panic, PanicStrategy::Unwind);
        metadata.compiler.unwrap()
    };
    assert!(compiler("hello").contains("nightly") || compiler("hello") != compiler("rust-zoo"));
    assert_eq!(
        host.get("hello/panic").await.problem(),
        (500, "plugin_panicked".into())
    );
    assert_eq!(
        host.get("rust-zoo/first-poll").await.problem(),
        (500, "plugin_panicked".into())
    );
    assert_eq!(host.get("hello/greeting/Ada").await.status, 200);
}

#[tokio::test]
async fn a_new_version_is_another_generation_beside_the_old_code() {
    let place = Place::new();
    install(&place, &stable().hello, "hello.so");
    let host = Host::new(place).await;
    host.enable("hello").await.unwrap();
    let first = host
        .manager
        .get(&crate::host::id("hello"))
        .unwrap()
        .sha256
        .unwrap();
    // The same code with bytes behind its end, which nobody reads, is another library to the system.
    let mut changed = fs::read(&stable().hello).unwrap();
    changed.extend(b"another build");
    host.place.write("hello.so", changed);
    assert_eq!(
        host.get("hello/greeting/Ada").await.status,
        200,
        "the running one is unaffected"
    );
    host.disable("hello").await;
    host.enable("hello").await.unwrap();
    let second = host.manager.get(&crate::host::id("hello")).unwrap();
    assert_ne!(second.sha256.unwrap(), first);
    assert_eq!(
        (second.status.state, second.status.generation),
        (PluginState::Enabled, 2)
    );
    assert_eq!(host.get("hello/greeting/Ada").await.status, 200);
    assert_eq!(
        host.get("hello/panic").await.problem(),
        (500, "plugin_panicked".into())
    );
}
