//! Plugins that keep failing are stopped, and stay so until an administrator says otherwise.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use toru_host::QuarantinePolicy;
use toru_host::plugin::{DesiredState, PluginState, Stage};
use toru_plugin_api::Response;

use crate::actor::{Script, restart};
use crate::clock::FakeClock;
use crate::host::{Host, get, soon, until};

const MINUTE: Duration = Duration::from_secs(60);

/// A plugin that panics when it is asked to.
fn panicking() -> Script {
    Script::act(|_, request| async move {
        assert_ne!(request.query(), "panic", "as asked for");
        Ok(Response::text("fine"))
    })
}

async fn panic(host: &Host) {
    assert_eq!(
        host.get("actor/act?panic").await.problem(),
        (500, "plugin_panicked".into())
    );
}

async fn ended(host: &Host) {
    // Quarantined at once; ended when its requests have left.
    until(|| host.info("actor").routes.is_empty()).await;
}

#[tokio::test]
async fn the_third_panic_within_ten_minutes_quarantines_the_plugin() {
    let host = panicking().run().await;
    for _ in 0..2 {
        panic(&host).await;
        assert_eq!(host.state("actor"), PluginState::Enabled);
    }
    panic(&host).await;
    let status = host.status("actor");
    assert_eq!(
        (status.state, status.desired),
        (PluginState::Quarantined, DesiredState::Enabled)
    );
    let error = status.error.unwrap();
    assert_eq!((error.code, error.stage), ("too_many_faults", Stage::Run));
    assert!(error.message.contains("3 panics"), "{}", error.message);
    let problem = (503, "plugin_quarantined".into());
    assert_eq!(host.get("actor/act").await.problem(), problem);
    let shown: Value = serde_json::from_slice(&host.get("actor").await.body).unwrap();
    assert_eq!(shown["status"]["state"], "quarantined");
    assert_eq!(shown["status"]["error"]["code"], "too_many_faults");

    // It starts with a clean slate when it is enabled again.
    host.enable("actor").await.unwrap();
    assert_eq!(host.get("actor/act").await.text(), "fine");
    for _ in 0..2 {
        panic(&host).await;
    }
    assert_eq!(host.state("actor"), PluginState::Enabled);
}

#[tokio::test]
async fn panics_that_are_far_apart_do_not_add_up() {
    let clock = FakeClock::default();
    let host = panicking().run_with(|builder| builder.clock(clock.clone())).await;
    for _ in 0..10 {
        panic(&host).await;
        clock.pass(MINUTE * 5);
    }
    assert_eq!(host.state("actor"), PluginState::Enabled);
    clock.pass(MINUTE * 5);
    for _ in 0..3 {
        panic(&host).await;
        clock.pass(MINUTE * 4);
    }
    assert_eq!(host.state("actor"), PluginState::Quarantined);
}

#[tokio::test]
async fn an_application_decides_how_much_is_too_much() {
    let host = panicking()
        .run_with(|builder| builder.quarantine(QuarantinePolicy::never()))
        .await;
    for _ in 0..20 {
        panic(&host).await;
    }
    assert_eq!(host.state("actor"), PluginState::Enabled);
    let host = panicking()
        .run_with(|builder| builder.quarantine(QuarantinePolicy::new(1, MINUTE)))
        .await;
    panic(&host).await;
    assert_eq!(host.state("actor"), PluginState::Quarantined);
}

#[tokio::test]
async fn a_quarantine_outlives_the_host_until_an_administrator_ends_it() {
    let mut host = panicking().run().await;
    for _ in 0..3 {
        panic(&host).await;
    }
    ended(&host).await;
    let told = host.status("actor").error;
    for _ in 0..2 {
        host = restart(host).await;
        let status = host.status("actor");
        assert_eq!(status.state, PluginState::Quarantined);
        assert_eq!(status.desired, DesiredState::Enabled);
        assert_eq!(status.error, told);
        host.scan().await.unwrap();
        assert_eq!(
            host.state("actor"),
            PluginState::Quarantined,
            "a scan does not end it"
        );
    }
    host.enable("actor").await.unwrap();
    let host = restart(host).await;
    assert_eq!(host.state("actor"), PluginState::Enabled);

    for _ in 0..3 {
        panic(&host).await;
    }
    host.disable("actor").await;
    assert_eq!(host.state("actor"), PluginState::Disabled);
    let host = restart(host).await;
    assert_eq!(host.state("actor"), PluginState::Disabled);
    host.enable("actor").await.unwrap();
}

#[tokio::test]
async fn whoever_disables_a_quarantined_plugin_has_decided_about_it() {
    let host = panicking().run().await;
    for _ in 0..3 {
        panic(&host).await;
    }
    assert_eq!(host.state("actor"), PluginState::Quarantined);
    host.disable("actor").await;
    assert_eq!(host.status("actor").error, None);
    // Asked for by hand, it is as good as any other.
    let document = r#"{"version":1,"plugins":{"actor":{"enabled":true}}}"#;
    fs::write(host.state_file(), document).unwrap();
    host.scan().await.unwrap();
    assert_eq!(host.state("actor"), PluginState::Enabled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_quarantine_and_changes_at_the_same_time_end_in_order() {
    let host = Arc::new(
        panicking()
            .run_with(|builder| builder.quarantine(QuarantinePolicy::new(2, MINUTE)))
            .await,
    );
    let mut tasks = JoinSet::new();
    for task in 0..32 {
        let host = Arc::clone(&host);
        tasks.spawn(async move {
            for round in 0..20 {
                match (task + round) % 8 {
                    0 => host.enable("actor").await.unwrap(),
                    1 => host.disable("actor").await,
                    _ => {
                        let status = host.get("actor/act?panic").await.status;
                        assert!([500, 503, 404].contains(&status), "{status}");
                    }
                }
            }
        });
    }
    while let Some(ended) = soon(tasks.join_next()).await {
        ended.unwrap();
    }
    host.disable("actor").await;
    host.enable("actor").await.unwrap();
    assert_eq!(host.get("actor/act").await.text(), "fine");
}

/// A plugin whose calls hold their threads until they are let go. Says how many do.
fn holding(is_blocking: bool) -> (Script, Arc<AtomicUsize>, Sender<()>) {
    let (let_go, wait) = channel();
    let wait: Arc<Mutex<Receiver<()>>> = Arc::new(Mutex::new(wait));
    let held = Arc::new(AtomicUsize::new(0));
    let holding = Arc::clone(&held);
    let hold = move || {
        holding.fetch_add(1, Ordering::SeqCst);
        // Over when the sender is gone.
        let _ = wait.lock().unwrap().recv();
    };
    let script = if is_blocking {
        Script::block(move |_, _| {
            hold();
            Ok(Response::text("at last"))
        })
    } else {
        Script::act(move |_, _| {
            hold();
            async { Ok(Response::text("at last")) }
        })
    };
    (script, held, let_go)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_hold_their_threads_quarantine_the_plugin() {
    let (script, held, let_go) = holding(true);
    let host = script
        .run_with(|builder| {
            builder
                .stuck_after(Duration::from_millis(20))
                .drain_timeout(Duration::from_millis(1))
        })
        .await;
    let calls: Vec<_> = (0..3)
        .map(|_| tokio::spawn(host.call(get("actor/block"))))
        .collect();
    until(|| held.load(Ordering::SeqCst) == 3 || host.state("actor") == PluginState::Quarantined).await;
    until(|| host.state("actor") == PluginState::Quarantined).await;
    let error = host.status("actor").error.unwrap();
    assert_eq!(error.code, "too_many_faults");
    assert!(
        error.message.contains("3 calls that do not return their threads"),
        "{}",
        error.message
    );
    assert_eq!(
        host.get("actor/ok").await.problem(),
        (503, "plugin_quarantined".into())
    );
    drop(let_go);
    for call in calls {
        soon(call).await.unwrap().unwrap();
    }
}

#[test]
fn calls_that_hold_all_threads_of_the_runtime_are_noticed_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (script, held, let_go) = holding(false);
    let host = runtime.block_on(script.run_with(|builder| {
        builder
            .stuck_after(Duration::from_millis(20))
            .drain_timeout(Duration::from_millis(1))
            .quarantine(QuarantinePolicy::new(2, MINUTE))
    }));
    let calls: Vec<_> = (0..2)
        .map(|_| runtime.spawn(host.call(get("actor/act"))))
        .collect();
    // Nothing runs in the runtime now: this thread looks.
    while host.state("actor") != PluginState::Quarantined {
        std::thread::yield_now();
    }
    assert!(held.load(Ordering::SeqCst) > 0);
    drop(let_go);
    for call in calls {
        runtime.block_on(soon(call)).unwrap().unwrap();
    }
    runtime.block_on(async {
        ended(&host).await;
        host.enable("actor").await.unwrap();
        assert_eq!(host.get("actor/ok").await.status, 200);
    });
}
