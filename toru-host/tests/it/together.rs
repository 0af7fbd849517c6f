//! Many at once: enabling, disabling and calling.

use std::fs;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, RwLock};
use tokio::task::JoinSet;
use toru_host::plugin::{DesiredState, PluginState};
use toru_plugin_api::Response;

use crate::actor::Script;
use crate::host::{Host, id, soon};
use crate::support::{Place, Random};
use crate::zoo;

const TASKS: usize = 64;
const ROUNDS: usize = 40;

/// What an answer may be while somebody turns the plugin on and off.
const EXPECTED: [(u16, &str); 4] = [
    (200, ""),
    (404, "plugin_disabled"),
    (503, "plugin_starting"),
    (503, "plugin_stopped"),
];

/// A plugin that counts the requests that reach it, and suspends in some.
fn counting(reached: &Arc<AtomicUsize>) -> Script {
    let reached = Arc::clone(reached);
    Script::act(move |_, request| {
        let number = reached.fetch_add(1, Ordering::SeqCst);
        async move {
            drop(request);
            if number.is_multiple_of(3) {
                tokio::task::yield_now().await;
            }
            Ok(Response::text("here"))
        }
    })
}

fn recorded(host: &Host, plugin: &str) -> bool {
    host.recorded()["plugins"][plugin]["enabled"].as_bool().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t11_t12_nothing_reaches_a_plugin_after_disable_has_returned_whatever_others_do() {
    let reached = Arc::new(AtomicUsize::new(0));
    let host = Arc::new(counting(&reached).run().await);
    // Whoever looks closely keeps the others from enabling the plugin meanwhile, and from nothing else.
    let enabling = Arc::new(RwLock::new(()));
    let looks = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let mut seeds = Random::new();
    for _ in 0..TASKS {
        let (host, enabling) = (Arc::clone(&host), Arc::clone(&enabling));
        let (reached, looks) = (Arc::clone(&reached), Arc::clone(&looks));
        let mut random = Random::from_seed(seeds.next());
        tasks.spawn(async move {
            for _ in 0..ROUNDS {
                match random.below(10) {
                    0 | 1 => {
                        let _others_may = enabling.read().await;
                        host.enable("actor").await.unwrap();
                    }
                    2 => host.disable("actor").await,
                    3 => {
                        let _alone = enabling.write().await;
                        host.disable("actor").await;
                        let before = reached.load(Ordering::SeqCst);
                        let answer = host.get("actor/act").await;
                        assert_eq!(answer.problem(), (404, "plugin_disabled".into()));
                        assert_eq!(reached.load(Ordering::SeqCst), before, "a request got through");
                        looks.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => {
                        let (status, code) = host.get("actor/act").await.problem();
                        assert!(EXPECTED.contains(&(status, code.as_str())), "{status} {code}");
                    }
                }
            }
        });
    }
    while let Some(ended) = soon(tasks.join_next()).await {
        ended.unwrap();
    }
    assert!(looks.load(Ordering::Relaxed) > 0);
    assert!(reached.load(Ordering::SeqCst) > 0);

    let status = host.status("actor");
    let is_enabled = status.desired == DesiredState::Enabled;
    assert_eq!(
        recorded(&host, "actor"),
        is_enabled,
        "what is known is what is recorded"
    );
    let settled = if is_enabled {
        PluginState::Enabled
    } else {
        PluginState::Disabled
    };
    assert_eq!(status.state, settled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t13_the_last_change_of_many_at_once_is_the_one_that_a_restart_finds() {
    let place = Place::new();
    for plugin in ["one", "two", "three"] {
        if zoo::compile_as(&place, "good", plugin, &[]).is_none() {
            return;
        }
    }
    let mut host = Arc::new(Host::new(place).await);
    let mut seeds = Random::new();
    for _ in 0..5 {
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let host = Arc::clone(&host);
            let mut random = Random::from_seed(seeds.next());
            tasks.spawn(async move {
                for _ in 0..4 {
                    let plugin = ["one", "two", "three"][random.below(3)];
                    if random.below(2) == 0 {
                        host.enable(plugin).await.unwrap();
                    } else {
                        host.disable(plugin).await;
                    }
                }
            });
        }
        while let Some(ended) = soon(tasks.join_next()).await {
            ended.unwrap();
        }
        let before: Vec<_> = host
            .manager
            .list()
            .into_iter()
            .map(|p| (p.id, p.status.desired))
            .collect();
        host = Arc::new(Arc::into_inner(host).unwrap().restart().await);
        let after: Vec<_> = host
            .manager
            .list()
            .into_iter()
            .map(|p| (p.id, p.status.desired))
            .collect();
        assert_eq!(before, after);
        for plugin in ["one", "two", "three"] {
            let is_enabled = recorded(&host, plugin);
            let expected = if is_enabled {
                PluginState::Enabled
            } else {
                PluginState::Disabled
            };
            assert_eq!(host.state(plugin), expected, "{plugin}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_whose_caller_goes_away_is_made_as_a_whole() {
    let host = Script::default().load(|builder| builder).await;
    let plugin = id("actor");
    for polls in 0..20 {
        for is_enabled in [true, false] {
            let (manager, plugin) = (host.manager.clone(), plugin.clone());
            let change = async move {
                if is_enabled {
                    manager.enable(&plugin).await
                } else {
                    manager.disable(&plugin).await
                }
            };
            {
                let mut change = pin!(change);
                let mut left = polls;
                // Polled that often, and dropped.
                std::future::poll_fn(|cx| {
                    if left == 0 || change.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    left -= 1;
                    Poll::Pending
                })
                .await;
            }
            // Whoever comes next finds the plugin whole: it waits for what is still going on.
            let status = settled(&host).await;
            let expected = if status.desired == DesiredState::Enabled {
                PluginState::Enabled
            } else {
                PluginState::Disabled
            };
            assert_eq!(status.state, expected);
            if polls > 0 {
                assert_eq!(status.desired == DesiredState::Enabled, is_enabled);
                assert_eq!(recorded(&host, "actor"), is_enabled);
            }
        }
    }
}

/// How the plugin is once nothing goes on any more.
async fn settled(host: &Host) -> toru_host::plugin::PluginStatus {
    // A change of the plugin waits for those before it; this one changes nothing.
    let status = host.status("actor");
    match status.desired {
        DesiredState::Enabled => host.enable("actor").await.unwrap(),
        DesiredState::Disabled => {}
    }
    crate::host::until(|| {
        let state = host.state("actor");
        matches!(state, PluginState::Enabled | PluginState::Disabled)
    })
    .await;
    host.status("actor")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn plugins_that_hang_while_they_start_delay_nobody_else() {
    let place = Place::new();
    let hanging: Vec<String> = (0..12).map(|number| format!("hangs-{number}")).collect();
    for plugin in &hanging {
        if zoo::compile_as(&place, "init_suspends_forever", plugin, &[]).is_none() {
            return;
        }
    }
    zoo::compile(&place, "good", &[]).unwrap();
    // Fewer than those that hang.
    let host = Host::with(place, |builder| {
        builder
            .max_concurrent_starts(2)
            .init_timeout(Duration::from_secs(600))
            .stop_timeout(Duration::from_millis(1))
    })
    .await;
    let mut starting = JoinSet::new();
    for plugin in &hanging {
        let (manager, plugin) = (host.manager.clone(), id(plugin));
        starting.spawn(async move { manager.enable(&plugin).await });
    }
    crate::host::until(|| {
        hanging
            .iter()
            .all(|plugin| host.state(plugin) == PluginState::Starting)
    })
    .await;
    host.enable("good").await.unwrap();
    assert_eq!(host.get("good/ok").await.text(), "ok");
    for plugin in &hanging {
        assert_eq!(host.state(plugin), PluginState::Starting);
    }
    // Neither do they keep the host from ending.
    soon(host.manager.shutdown()).await;
}

#[tokio::test]
async fn plugins_that_a_scan_starts_do_not_wait_for_each_other() {
    let let_go = Arc::new(Notify::new());
    let wait = Arc::clone(&let_go);
    let script = Script {
        init: Some(Box::new(move |_| {
            let wait = Arc::clone(&wait);
            Box::pin(async move {
                wait.notified().await;
                Ok(())
            })
        })),
        ..Script::default()
    };
    let host = script
        .load(|builder| builder.init_timeout(Duration::from_secs(600)))
        .await;
    for plugin in ["aaa", "zzz"] {
        if zoo::compile_as(&host.place, "good", plugin, &[]).is_none() {
            return;
        }
    }
    let enabled =
        r#"{"version":1,"plugins":{"aaa":{"enabled":true},"actor":{"enabled":true},"zzz":{"enabled":true}}}"#;
    fs::write(host.state_file(), enabled).unwrap();
    let manager = host.manager.clone();
    let scanning = tokio::spawn(async move { manager.scan().await });
    crate::host::until(|| {
        let is_enabled = |plugin: &&str| {
            host.manager
                .status(&id(plugin))
                .is_some_and(|status| status.state == PluginState::Enabled)
        };
        ["aaa", "zzz"].iter().all(is_enabled)
    })
    .await;
    assert_eq!(host.state("actor"), PluginState::Starting);
    let_go.notify_one();
    soon(scanning).await.unwrap().unwrap();
    assert_eq!(
        host.state("actor"),
        PluginState::Enabled,
        "a scan returns when all have settled"
    );
}
