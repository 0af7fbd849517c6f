//! Plugins and applications that do their worst at the worst moment.

use std::fs;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use toru_host::plugin::{PluginState, Stage};
use toru_host::state::{Change, Desired, DesiredPlugin, StateFuture, StateStore};
use toru_host::{Builder, PluginEvent, QuarantinePolicy};
use toru_plugin_api::{Body, BodyStream, Frame, PluginError, Response};
use uuid::Uuid;

use crate::actor::{Script, told, with_plugin};
use crate::host::{Host, get, id, install, read, soon, until};
use crate::support::Place;
use crate::zoo;

const SHORT: Duration = Duration::from_millis(50);
const HOUR: Duration = Duration::from_secs(3600);

/// A plugin whose `/block` waits until the sender is dropped. Counts who is inside.
fn blocking(inside: &Arc<AtomicUsize>) -> (Script, Sender<()>) {
    let (sender, receiver) = channel();
    let (receiver, inside) = (Mutex::new(receiver), Arc::clone(inside));
    let script = Script::block(move |_, _| {
        inside.fetch_add(1, Ordering::SeqCst);
        let _ = receiver.lock().unwrap().recv();
        Ok(Response::text("late"))
    });
    (script, sender)
}

/// Like a runtime of an application with few threads for blocking work.
fn with_few_threads(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test);
}

fn impatient(builder: Builder) -> Builder {
    builder
        .stop_timeout(SHORT * 10)
        .drain_timeout(SHORT)
        .shutdown_timeout(SHORT)
}

fn strict(builder: Builder) -> Builder {
    builder.quarantine(QuarantinePolicy::new(1, HOUR))
}

#[test]
fn a_plugin_that_holds_all_threads_for_blocking_work_can_be_disabled_and_others_enabled() {
    let inside = Arc::default();
    let (script, release) = blocking(&inside);
    with_few_threads(async move {
        let host = script.run_with(impatient).await;
        let _calls = [(); 2].map(|()| tokio::spawn(host.call(get("actor/block"))));
        until(|| inside.load(Ordering::SeqCst) > 0).await;
        host.scan().await.unwrap();
        host.disable("actor").await;
        assert_eq!(host.state("actor"), PluginState::Disabled);
        let other = Script::default().run().await;
        assert_eq!(other.get("actor/ok").await.text(), "ok");
        soon(other.manager.shutdown()).await;
        soon(host.manager.shutdown()).await;
        // Given up completely: the next host may have the folder.
        let Host { place, .. } = host;
        Host::new(place).await;
        drop(release);
    });
}

/// Starts a plugin, shuts the host down while that goes on, and returns how the next host sees the plugin.
async fn left_behind(blocks: bool) {
    let (release, wait) = channel::<()>();
    let (wait, release) = (Arc::new(Mutex::new(wait)), Arc::new(Mutex::new(Some(release))));
    let entered = Arc::new(AtomicUsize::new(0));
    let (count, holder) = (Arc::clone(&entered), Arc::clone(&release));
    let script = Script {
        init: Some(Box::new(move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            let wait = Arc::clone(&wait);
            Box::pin(async move {
                match (first, blocks) {
                    (true, true) => wait.lock().unwrap().recv().unwrap_or_default(),
                    (true, false) => std::future::pending().await,
                    (false, _) => {}
                }
                Ok(())
            })
        })),
        ..Script::default()
    };
    let installation = Uuid::new_v4();
    script.publish(installation);
    let build = |builder| impatient(with_plugin(builder, installation));
    let host = Host::with(Place::new(), build).await;
    let manager = host.manager.clone();
    let enabling = tokio::spawn(async move { manager.enable(&id("actor")).await });
    until(|| entered.load(Ordering::SeqCst) == 1).await;
    let host = host.restart_with(build).await;
    let status = host.status("actor");
    assert_eq!(status.state, PluginState::Enabled, "{:?}", status.error);
    drop(holder.lock().unwrap().take());
    // What the first host does with it in the end is of no interest.
    let _ = soon(enabling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_blocks_when_the_host_ends_is_not_blamed() {
    left_behind(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_waits_when_the_host_ends_is_not_blamed() {
    left_behind(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_in_an_init_that_took_too_long_blames_that_plugin() {
    let place = Place::new();
    let Some((pipe, release)) = zoo::pipe(&place) else {
        return;
    };
    let define = format!("ZOO_PIPE={pipe:?}");
    let Some(library) = zoo::compile(&place, "init_blocks_its_thread", &[&define]) else {
        return;
    };
    let blocked = "init-blocks-its-thread";
    let host = Host::with(place, |builder| builder.init_timeout(SHORT)).await;
    let error = host.enable(blocked).await.unwrap_err();
    assert_eq!(error.code(), "init_timeout");
    // What another process would find, if this one ended now.
    let other = Place::new();
    let metadata = other.plugins().join(".metadata");
    fs::create_dir(&metadata).unwrap();
    for name in ["config.json", "journal.jsonl"] {
        fs::copy(
            host.place.plugins().join(".metadata").join(name),
            metadata.join(name),
        )
        .unwrap();
    }
    install(&other, &library, "blocked.so");
    let other = Host::with(other, |builder| builder.init_timeout(SHORT)).await;
    let status = other.status(blocked);
    assert_eq!(status.state, PluginState::Quarantined);
    let error = status.error.unwrap();
    assert_eq!((error.code, error.stage), ("crashed_while_starting", Stage::Init));
    drop(release);
}

#[tokio::test]
async fn a_start_that_failed_is_over_when_that_is_told() {
    let (dropped, mut is_dropped) = told();
    let dropped = Arc::new(Mutex::new(Some(dropped)));
    let script = Script {
        init: Some(Box::new(move |ctx| {
            let work = dropped.lock().unwrap().take();
            Box::pin(async move {
                ctx.runtime.spawn(async move {
                    let _work = work;
                    std::future::pending::<()>().await;
                })?;
                Err("not today".into())
            })
        })),
        ..Script::default()
    };
    let host = script.load(|builder| builder).await;
    host.enable("actor").await.unwrap_err();
    is_dropped.try_recv().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_begins_after_its_plugin_was_stopped_does_not_keep_it_alive() {
    struct Endless;
    impl BodyStream for Endless {
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame, PluginError>>> {
            std::task::Poll::Ready(Some(Ok(Frame::Data("more".into()))))
        }
    }
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let inside = Arc::new(AtomicBool::new(false));
    let entered = Arc::clone(&inside);
    let mut script = Script::act(move |_, _| {
        entered.store(true, Ordering::SeqCst);
        let _ = wait.lock().unwrap().recv();
        async { Ok(Response::new(200).with_body(Body::from_stream(Endless))) }
    });
    let is_dropped = Arc::new(AtomicBool::new(false));
    let dropped = Arc::clone(&is_dropped);
    script.dropped = Some(Box::new(move |_| dropped.store(true, Ordering::SeqCst)));
    let host = script.run_with(|builder| builder.drain_timeout(SHORT)).await;
    let call = tokio::spawn(host.call(get("actor/act")));
    until(|| inside.load(Ordering::SeqCst)).await;
    host.disable("actor").await;
    drop(release);
    // A client that has its response, and reads none of it.
    let response = soon(call).await.unwrap().unwrap();
    until(|| is_dropped.load(Ordering::SeqCst)).await;
    read(response).await.unwrap_err();
}

#[tokio::test]
async fn listeners_learn_that_a_quarantined_plugin_has_ended() {
    let host = Script::act(|_, _| async move { panic!("as asked for") })
        .run_with(strict)
        .await;
    let mut events = host.manager.subscribe();
    host.get("actor/act").await;
    let mut states = Vec::new();
    while let Some(event) = soon(events.next()).await {
        if let PluginEvent::Changed { plugin, .. } = event {
            states.push((plugin.status.state, plugin.routes.is_empty()));
            if plugin.routes.is_empty() {
                break;
            }
        }
    }
    let quarantined = PluginState::Quarantined;
    assert_eq!(states, [(quarantined, false), (quarantined, true)]);
}

#[tokio::test]
async fn listeners_learn_that_the_file_of_a_running_plugin_is_gone_and_nothing_that_is_no_news() {
    let Some(host) = zoo::host_of("good").await else {
        return;
    };
    host.enable("good").await.unwrap();
    let mut events = host.manager.subscribe();
    assert!(matches!(
        soon(events.next()).await,
        Some(PluginEvent::Snapshot { .. })
    ));
    // Nothing has changed, but for counters.
    host.get("good/ok").await;
    host.scan().await.unwrap();
    fs::remove_file(host.place.plugins().join("good.so")).unwrap();
    host.scan().await.unwrap();
    let Some(PluginEvent::Changed { plugin, .. }) = soon(events.next()).await else {
        panic!("another event");
    };
    assert_eq!(
        (plugin.status.state, plugin.file.as_ref()),
        (PluginState::Enabled, None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panics_count_also_when_the_client_has_gone_away() {
    let (release, wait) = channel::<()>();
    let (wait, inside) = (Mutex::new(wait), Arc::new(AtomicUsize::new(0)));
    let entered = Arc::clone(&inside);
    let host = Script::block(move |_, _| {
        entered.fetch_add(1, Ordering::SeqCst);
        let _ = wait
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .recv();
        panic!("as asked for")
    })
    .run()
    .await;
    for n in 1..=3 {
        let call = tokio::spawn(host.call(get("actor/block")));
        until(|| inside.load(Ordering::SeqCst) == n).await;
        call.abort();
        call.await.unwrap_err();
        release.send(()).unwrap();
    }
    until(|| host.state("actor") == PluginState::Quarantined).await;
    let counters = host.info("actor").counters;
    assert_eq!((counters.panicked, counters.cancelled), (3, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_hang_are_noticed_while_other_plugins_come_and_go() {
    let inside = Arc::default();
    let (script, _release) = blocking(&inside);
    let host = script
        .run_with(|builder| strict(builder.stuck_after(SHORT * 4).drain_timeout(SHORT)))
        .await;
    let other = Script::default().load(|builder| builder.stuck_after(HOUR)).await;
    let _call = tokio::spawn(host.call(get("actor/block")));
    soon(async {
        while host.state("actor") == PluginState::Enabled {
            other.enable("actor").await.unwrap();
            other.disable("actor").await;
        }
    })
    .await;
    assert_eq!(host.state("actor"), PluginState::Quarantined);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn background_work_that_holds_a_thread_is_noticed() {
    let (release, wait) = channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let script = Script {
        init: Some(Box::new(move |ctx| {
            let wait = Arc::clone(&wait);
            Box::pin(async move {
                ctx.runtime.spawn(async move {
                    let _ = wait.lock().unwrap().recv();
                })
            })
        })),
        ..Script::default()
    };
    let host = script
        .run_with(|builder| strict(impatient(builder.stuck_after(SHORT))))
        .await;
    until(|| host.state("actor") == PluginState::Quarantined).await;
    drop(release);
}

#[tokio::test]
async fn a_library_that_could_not_be_opened_is_no_generation() {
    let host = Host::with(Place::new(), |builder| builder.max_retired_generations(1)).await;
    let name = "needs_a_symbol_that_nobody_has";
    let Some(library) = zoo::compile(&host.place, name, &[]) else {
        return;
    };
    let plugin = zoo::id_of(name);
    for extra in 0..4_u8 {
        // Another file with the same code.
        let mut bytes = fs::read(&library).unwrap();
        bytes.push(extra);
        fs::write(&library, bytes).unwrap();
        host.scan().await.unwrap();
        let error = host.enable(&plugin).await.unwrap_err();
        assert_eq!(error.code(), "unresolved_symbol", "{error}");
        assert_eq!(host.info(&plugin).retired_generations, 0);
    }
}

/// What is asked for, in memory.
#[derive(Clone, Debug, Default)]
struct Wishes {
    desired: Arc<Mutex<Desired>>,
    loads: Arc<AtomicUsize>,
}

impl StateStore for Wishes {
    fn load(&self) -> StateFuture<'_, Desired> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(self.desired.lock().unwrap().clone()) })
    }

    fn save<'a>(&'a self, plugin: &'a toru_host::plugin::PluginId, change: Change) -> StateFuture<'a, ()> {
        Box::pin(async move {
            let mut desired = self.desired.lock().unwrap();
            let plugin: &mut DesiredPlugin = desired.plugins.entry(plugin.clone()).or_default();
            if let Change::Enabled(enabled) = change {
                plugin.enabled = enabled;
            }
            Ok(())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reports_about_a_plugin_that_was_forgotten_do_not_count_against_one_that_comes_back() {
    let (wishes, place) = (Wishes::default(), Place::new());
    let Some((pipe, _release)) = zoo::pipe(&place) else {
        return;
    };
    let define = format!("ZOO_PIPE={pipe:?}");
    let Some(library) = zoo::compile(&place, "hangs", &[&define]) else {
        return;
    };
    let host = Host::with(place, |builder| {
        let builder = builder.state_store(wishes.clone()).drain_timeout(SHORT);
        strict(builder.stuck_after(SHORT * 10))
    })
    .await;
    host.enable("hangs").await.unwrap();
    let _call = tokio::spawn(host.call(get("hangs/fault")));
    until(|| host.info("hangs").counters.in_flight == 1).await;
    host.disable("hangs").await;
    let kept = host.place.root().join("kept");
    fs::rename(&library, &kept).unwrap();
    wishes.desired.lock().unwrap().plugins.clear();
    host.scan().await.unwrap();
    assert!(host.manager.get(&id("hangs")).is_none());
    install(&host.place, &kept, "hangs.so");
    host.scan().await.unwrap();
    host.enable("hangs").await.unwrap();
    // Long enough for the report: another plugin's call that hangs from now on was noticed.
    let (script, _held) = blocking(&Arc::default());
    let witness = script
        .run_with(|builder| strict(builder.stuck_after(SHORT * 10).drain_timeout(SHORT)))
        .await;
    let _call = tokio::spawn(witness.call(get("actor/block")));
    until(|| witness.state("actor") == PluginState::Quarantined).await;
    assert_eq!(host.state("hangs"), PluginState::Enabled);
}

#[test]
fn a_scan_that_comes_too_late_leaves_the_store_alone() {
    let wishes = Wishes::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let host = Host::with(Place::new(), |builder| builder.state_store(wishes.clone())).await;
        let before = wishes.loads.load(Ordering::SeqCst);
        let manager = host.manager.clone();
        // On this one thread it comes as far as its look at the folder, and goes on after the end.
        let scanning = tokio::spawn(async move { manager.scan().await });
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        soon(host.manager.shutdown()).await;
        let told = soon(scanning).await.unwrap();
        let loads = wishes.loads.load(Ordering::SeqCst) - before;
        // Whichever came first: what was refused has read nothing.
        match told {
            Ok(()) => assert_eq!(loads, 1),
            Err(error) => assert_eq!((error.code(), loads), ("shutting_down", 0)),
        }
    });
}

#[tokio::test]
async fn limits_may_be_endless() {
    let forever = |builder: Builder| {
        builder
            .init_timeout(Duration::MAX)
            .drain_timeout(Duration::MAX)
            .shutdown_timeout(Duration::MAX)
            .stop_timeout(Duration::MAX)
            .stuck_after(Duration::MAX)
            .quarantine(QuarantinePolicy::new(3, Duration::MAX))
    };
    let host = Script::act(|_, _| async move { panic!("as asked for") })
        .run_with(forever)
        .await;
    host.disable("actor").await;
    host.enable("actor").await.unwrap();
    for _ in 0..3 {
        host.get("actor/act").await;
    }
    assert_eq!(host.state("actor"), PluginState::Quarantined);
    soon(host.manager.shutdown()).await;
}

#[tokio::test]
async fn a_quarantine_that_is_decided_while_the_host_ends_is_recorded() {
    let host = Script::act(|_, _| async move { panic!("as asked for") })
        .run_with(strict)
        .await;
    // Decided on this thread, and nothing else has run here since: its own task to record it has not.
    host.get("actor/act").await;
    assert_eq!(host.state("actor"), PluginState::Quarantined);
    let host = crate::actor::restart(host).await;
    assert_eq!(host.state("actor"), PluginState::Quarantined);
}
