//! How plugins end: what they left in the background, and applications that end without a word.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use toru_host::PluginManager;
use toru_host::plugin::{DesiredState, PluginState};
use toru_plugin_api::Response;

use crate::actor::Script;
use crate::host::{Host, get, id, read, soon, until};
use crate::support::Place;
use crate::zoo::{self, Zoo};

const SHORT: Duration = Duration::from_millis(50);

/// Runs when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[tokio::test]
async fn background_tasks_are_dropped_before_the_plugin() {
    let order = Arc::new(AtomicU32::new(0));
    let (first, second) = (Arc::clone(&order), Arc::clone(&order));
    let next = |order: &AtomicU32, from, to| {
        let _ = order.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
    };
    let script = Script {
        init: Some(Box::new(move |ctx| {
            let first = Arc::clone(&first);
            Box::pin(async move {
                let dropped = OnDrop(move || next(&first, 0, 1));
                ctx.runtime.spawn(async move {
                    let _dropped = dropped;
                    std::future::pending::<()>().await;
                })
            })
        })),
        dropped: Some(Box::new(move |_| next(&second, 1, 2))),
        ..Script::default()
    };
    let host = script.run().await;
    tokio::task::yield_now().await;
    assert_eq!(order.load(Ordering::SeqCst), 0);
    host.disable("actor").await;
    assert_eq!(order.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn blocking_work_is_not_waited_for_longer_than_a_shutdown() {
    let place = Place::new();
    let Some((pipe, release)) = zoo::pipe(&place) else {
        return;
    };
    let define = format!("ZOO_PIPE={pipe:?}");
    let Some(_) = zoo::compile(&place, "blocks_in_the_background", &[&define]) else {
        return;
    };
    let host = Host::with(place, |builder| builder.shutdown_timeout(SHORT)).await;
    let id = "blocks-in-the-background".to_owned();
    host.enable(&id).await.unwrap();
    host.disable(&id).await;
    host.enable(&id).await.unwrap();
    let zoo = Zoo { host, id };
    assert_eq!((zoo.count("stopped").await, zoo.count("ended").await), (1, 0));
    drop(release);
    while zoo.count("ended").await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(zoo.count("ended").await, 1, "destroyed, and after its work");
}

#[tokio::test]
async fn an_application_may_end_without_a_word() {
    // The runtime goes first, the manager with its running plugin afterwards, and the other way round.
    for runtime_first in [false, true] {
        let ending = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let host = runtime.block_on(Script::act(|_, _| std::future::pending()).run());
            let call = host.call(get("actor/act"));
            if runtime_first {
                drop(runtime);
                drop((host, call));
            } else {
                drop((call, host));
                drop(runtime);
            }
        });
        tokio::task::spawn_blocking(move || ending.join().unwrap())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn one_deadline_is_for_all_plugins_and_all_that_keeps_them() {
    const LONG: Duration = Duration::from_secs(600);
    let script = Script {
        shutdown: Some(Box::new(|_| Box::pin(std::future::pending()))),
        ..Script::act(|_, _| std::future::pending())
    };
    let host = script
        .load(|builder| {
            builder
                .drain_timeout(LONG)
                .shutdown_timeout(LONG)
                .stop_timeout(SHORT)
        })
        .await;
    host.enable("actor").await.unwrap();
    let call = tokio::spawn(host.call(get("actor/act")));
    until(|| host.info("actor").counters.in_flight == 1).await;
    soon(host.manager.shutdown()).await;
    assert_eq!(soon(call).await.unwrap().unwrap().status(), 503);
    // The folder is free for the next host.
    let next = soon(PluginManager::builder(host.place.plugins()).start()).await;
    assert_eq!(next.unwrap().list().len(), 1);
}

#[tokio::test]
async fn within_the_deadline_running_requests_get_time_and_plugins_an_orderly_end() {
    let let_go = Arc::new(Notify::new());
    let ended = Arc::new(AtomicU32::new(0));
    let (wait, end) = (Arc::clone(&let_go), Arc::clone(&ended));
    let script = Script {
        shutdown: Some(Box::new(move |_| {
            end.fetch_add(1, Ordering::SeqCst);
            Box::pin(async {})
        })),
        ..Script::act(move |_, _| {
            let wait = Arc::clone(&wait);
            async move {
                wait.notified().await;
                Ok(Response::text("in time"))
            }
        })
    };
    let host = script.run().await;
    let call = tokio::spawn(host.call(get("actor/act")));
    until(|| host.info("actor").counters.in_flight == 1).await;
    let manager = host.manager.clone();
    let stopping = tokio::spawn(async move { manager.shutdown().await });
    until(|| host.state("actor") == PluginState::Stopping).await;
    assert_eq!(
        host.get("actor/ok").await.problem(),
        (404, "plugin_disabled".into())
    );
    let_go.notify_one();
    assert_eq!(
        read(soon(call).await.unwrap().unwrap()).await.unwrap().text(),
        "in time"
    );
    soon(stopping).await.unwrap();
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    assert_eq!(
        host.status("actor").desired,
        DesiredState::Enabled,
        "and it runs again next time"
    );
}

#[tokio::test]
async fn plugins_are_stopped_side_by_side() {
    let let_go = Arc::new(Notify::new());
    let wait = Arc::clone(&let_go);
    let script = Script::act(move |_, _| {
        let wait = Arc::clone(&wait);
        async move {
            wait.notified().await;
            Ok(Response::text("at last"))
        }
    });
    let host = script.run().await;
    for plugin in ["aaa", "zzz"] {
        if zoo::compile_as(&host.place, "good", plugin, &[]).is_none() {
            return;
        }
    }
    host.scan().await.unwrap();
    for plugin in ["aaa", "zzz"] {
        host.enable(plugin).await.unwrap();
    }
    let call = tokio::spawn(host.call(get("actor/act")));
    until(|| host.info("actor").counters.in_flight == 1).await;
    let manager = host.manager.clone();
    let stopping = tokio::spawn(async move { manager.shutdown().await });
    // Neither the one before it nor the one after it waits for the one that is busy.
    until(|| ["aaa", "zzz"].map(|plugin| host.state(plugin)) == [PluginState::Disabled; 2]).await;
    assert_eq!(host.state("actor"), PluginState::Stopping);
    let_go.notify_one();
    soon(stopping).await.unwrap();
    assert_eq!(soon(call).await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn plugins_that_wait_for_their_turn_when_the_host_ends_are_not_started() {
    // A machine that stalls for longer than a start may keep others waiting proves nothing.
    while !one_that_waits_is_not_started().await {}
}

/// Ends a host while one plugin is in its `init` and another waits behind it. Returns whether it came to that.
async fn one_that_waits_is_not_started() -> bool {
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let is_inside = Arc::<AtomicBool>::default();
    let inside = Arc::clone(&is_inside);
    let script = Script {
        init: Some(Box::new(move |_| {
            inside.store(true, Ordering::SeqCst);
            let _ = wait.lock().unwrap().recv();
            Box::pin(async { Ok(()) })
        })),
        ..Script::default()
    };
    let host = script.load(|builder| builder).await;
    if zoo::compile(&host.place, "good", &[]).is_none() {
        return true;
    }
    host.scan().await.unwrap();
    let enable = |plugin: &str| {
        let (manager, plugin) = (host.manager.clone(), id(plugin));
        tokio::spawn(async move { manager.enable(&plugin).await })
    };
    let first = enable("actor");
    until(|| is_inside.load(Ordering::SeqCst)).await;
    let second = enable("good");
    until(|| host.state("good") == PluginState::Starting).await;
    let manager = host.manager.clone();
    let ending = tokio::spawn(async move { manager.shutdown().await });
    while host.scan().await.is_ok() {}
    let has_waited = host.status("good").generation == 0;
    drop(release);
    soon(first).await.unwrap().unwrap();
    let told = soon(second).await.unwrap().map_err(|error| error.code());
    soon(ending).await.unwrap();
    if has_waited {
        assert_eq!(told, Err("shutting_down"));
        assert_eq!(host.status("good").generation, 0, "its code was not entered");
        assert_eq!(host.recorded()["plugins"]["good"]["enabled"], true);
    }
    has_waited
}
