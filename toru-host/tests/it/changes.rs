//! What those are told who subscribe to changes.

use std::collections::BTreeMap;

use toru_host::plugin::{DesiredState, PluginInfo, PluginState};
use toru_host::{PluginEvent, PluginEvents};

use crate::actor::Script;
use crate::host::{Host, soon};
use crate::support::Place;
use crate::zoo;

async fn next(events: &mut PluginEvents) -> PluginEvent {
    soon(events.next()).await.expect("the manager runs")
}

/// What the next events say about the one plugin there is, up to that state.
async fn states_up_to(events: &mut PluginEvents, last: PluginState) -> Vec<PluginState> {
    let mut states = Vec::new();
    while states.last() != Some(&last) {
        let PluginEvent::Changed { plugin, .. } = next(events).await else {
            panic!("only changes are expected");
        };
        if states.last() != Some(&plugin.status.state) {
            states.push(plugin.status.state);
        }
    }
    states
}

/// What a listener knows who believes what it is told.
#[derive(Default)]
struct Believer {
    sequence: u64,
    plugins: BTreeMap<String, PluginInfo>,
}

impl Believer {
    fn hear(&mut self, event: PluginEvent) {
        match event {
            PluginEvent::Snapshot { sequence, plugins } => {
                assert!(sequence >= self.sequence, "a snapshot never goes back");
                self.sequence = sequence;
                self.plugins = plugins
                    .into_iter()
                    .map(|plugin| (plugin.id.to_string(), plugin))
                    .collect();
            }
            PluginEvent::Changed { sequence, plugin } => {
                self.follows(sequence);
                self.plugins.insert(plugin.id.to_string(), (*plugin).clone());
            }
            PluginEvent::Removed { sequence, id } => {
                self.follows(sequence);
                assert!(
                    self.plugins.remove(id.as_str()).is_some(),
                    "{id} was never told of"
                );
            }
            PluginEvent::Lagged { missed } => assert!(missed > 0),
            other => panic!("{other:?}"),
        }
    }

    fn follows(&mut self, sequence: u64) {
        self.sequence += 1;
        assert_eq!(sequence, self.sequence, "nothing is left out or repeated");
    }

    fn agrees_with(&self, host: &Host) {
        let told: Vec<_> = self
            .plugins
            .values()
            .map(|plugin| (&plugin.id, &plugin.status, &plugin.routes))
            .collect();
        let listed = host.manager.list();
        let listed: Vec<_> = listed
            .iter()
            .map(|plugin| (&plugin.id, &plugin.status, &plugin.routes))
            .collect();
        assert_eq!(told, listed);
    }
}

#[tokio::test]
async fn a_snapshot_comes_first_and_then_every_state_in_order() {
    let host = Script::default().load(|builder| builder).await;
    let mut events = host.manager.subscribe();
    let PluginEvent::Snapshot { plugins, .. } = next(&mut events).await else {
        panic!("a snapshot comes first");
    };
    assert_eq!(plugins.len(), 1);
    assert_eq!(plugins[0].status.state, PluginState::Disabled);

    host.enable("actor").await.unwrap();
    let states = states_up_to(&mut events, PluginState::Enabled).await;
    assert_eq!(
        states,
        [PluginState::Disabled, PluginState::Starting, PluginState::Enabled]
    );
    host.disable("actor").await;
    let states = states_up_to(&mut events, PluginState::Disabled).await;
    assert_eq!(
        states,
        [PluginState::Enabled, PluginState::Stopping, PluginState::Disabled]
    );
}

#[tokio::test]
async fn a_change_tells_what_was_asked_for_and_the_routes_of_a_plugin_that_runs() {
    let host = Script::default().load(|builder| builder).await;
    let mut events = host.manager.subscribe();
    host.enable("actor").await.unwrap();
    loop {
        if let PluginEvent::Changed { plugin, .. } = next(&mut events).await
            && plugin.status.state == PluginState::Enabled
        {
            assert_eq!(plugin.status.desired, DesiredState::Enabled);
            assert!(!plugin.routes.is_empty());
            break;
        }
    }
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_told_so_and_begins_anew() {
    let host = Script::default().run().await;
    let mut events = host.manager.subscribe();
    let mut believer = Believer::default();
    // Several changes each time: more than any listener may be behind.
    for _ in 0..100 {
        host.disable("actor").await;
        host.enable("actor").await.unwrap();
    }
    believer.hear(next(&mut events).await);
    let PluginEvent::Lagged { missed } = next(&mut events).await else {
        panic!("it missed some");
    };
    assert!(missed > 100, "{missed}");
    let snapshot = next(&mut events).await;
    assert!(matches!(snapshot, PluginEvent::Snapshot { .. }), "{snapshot:?}");
    believer.hear(snapshot);
    believer.agrees_with(&host);

    host.disable("actor").await;
    while believer.plugins["actor"].status.state != PluginState::Disabled {
        believer.hear(next(&mut events).await);
    }
    believer.agrees_with(&host);
}

#[tokio::test]
async fn plugins_that_come_and_go_are_told() {
    let place = Place::new();
    let Some(library) = zoo::compile(&place, "good", &[]) else {
        return;
    };
    let aside = place.root().join("aside.so");
    std::fs::rename(&library, &aside).unwrap();
    let host = Host::new(place).await;
    let mut events = host.manager.subscribe();
    let mut believer = Believer::default();
    believer.hear(next(&mut events).await);
    assert!(believer.plugins.is_empty());
    std::fs::rename(&aside, &library).unwrap();
    host.scan().await.unwrap();
    while !believer.plugins.contains_key("good") {
        believer.hear(next(&mut events).await);
    }
    std::fs::rename(&library, &aside).unwrap();
    host.scan().await.unwrap();
    while believer.plugins.contains_key("good") {
        believer.hear(next(&mut events).await);
    }
    believer.agrees_with(&host);
}

#[tokio::test]
async fn nothing_is_told_when_nothing_changes() {
    let host = Script::default().run().await;
    let mut events = host.manager.subscribe();
    let PluginEvent::Snapshot { sequence, .. } = next(&mut events).await else {
        panic!("a snapshot comes first");
    };
    host.scan().await.unwrap();
    host.enable("actor").await.unwrap();
    let PluginEvent::Snapshot { sequence: after, .. } = next(&mut host.manager.subscribe()).await else {
        panic!("a snapshot comes first");
    };
    assert_eq!(after, sequence);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_believes_what_is_told_knows_what_is_true() {
    let host = Script::default().load(|builder| builder).await;
    let listeners: Vec<_> = (0..8)
        .map(|lazy| {
            let manager = host.manager.clone();
            tokio::spawn(async move {
                for _ in 0..lazy * 3 {
                    tokio::task::yield_now().await;
                }
                let mut events = manager.subscribe();
                drop(manager);
                let mut believer = Believer::default();
                while let Some(event) = soon(events.next()).await {
                    believer.hear(event);
                    for _ in 0..lazy {
                        tokio::task::yield_now().await;
                    }
                }
                believer
            })
        })
        .collect();
    for _ in 0..50 {
        host.enable("actor").await.unwrap();
        host.disable("actor").await;
    }
    soon(host.manager.shutdown()).await;
    for listener in listeners {
        soon(listener).await.unwrap().agrees_with(&host);
    }
}

#[tokio::test]
async fn a_subscription_ends_with_the_manager() {
    let host = Script::default().run().await;
    let mut events = host.manager.subscribe();
    let mut late = host.manager.subscribe();
    soon(host.manager.shutdown()).await;
    while soon(events.next()).await.is_some() {}
    assert!(soon(events.next()).await.is_none());
    assert!(matches!(
        next(&mut host.manager.subscribe()).await,
        PluginEvent::Snapshot { .. }
    ));
    drop(host);
    while soon(late.next()).await.is_some() {}
}
