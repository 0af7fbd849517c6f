use std::time::{Duration, SystemTime};

use super::{Activity, Event, Lifecycle};
use crate::plugin::{DesiredState, PluginFault, PluginState, Stage};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn fault(code: &'static str) -> PluginFault {
    PluginFault {
        code,
        message: String::new(),
        stage: Stage::Init,
    }
}

fn all_events() -> [Event; 11] {
    [
        Event::Appeared,
        Event::Asked(DesiredState::Enabled),
        Event::Begun,
        Event::Closed,
        Event::Entered(1),
        Event::Quarantined(fault("q")),
        Event::Refused(fault("f")),
        Event::Released,
        Event::Started,
        Event::Stopped,
        Event::Vanished,
    ]
}

/// A plugin that was asked for and brought to that activity.
fn doing(activity: Activity) -> Lifecycle {
    let mut plugin = Lifecycle::new(true, at(0));
    let path: &[Event] = match activity {
        Activity::Resting => &[],
        Activity::Starting => &[Event::Begun],
        Activity::Running => &[Event::Begun, Event::Entered(1), Event::Started],
        Activity::Stopping => &[Event::Begun, Event::Entered(1), Event::Started, Event::Closed],
    };
    let asked = Event::Asked(DesiredState::Enabled);
    for event in std::iter::once(&asked).chain(path) {
        plugin.apply(event.clone(), at(1)).unwrap();
    }
    assert_eq!(plugin.activity(), activity);
    plugin
}

#[test]
fn every_event_in_every_activity_does_what_the_table_says() {
    use Activity::{Resting, Running, Starting, Stopping};

    let table: [(&str, [Option<Activity>; 4]); 11] = [
        (
            "Appeared",
            [Some(Resting), Some(Starting), Some(Running), Some(Stopping)],
        ),
        (
            "Asked",
            [Some(Resting), Some(Starting), Some(Running), Some(Stopping)],
        ),
        ("Begun", [Some(Starting), None, None, None]),
        ("Closed", [None, None, Some(Stopping), Some(Stopping)]),
        ("Entered", [None, Some(Starting), None, None]),
        (
            "Quarantined",
            [Some(Resting), None, Some(Stopping), Some(Stopping)],
        ),
        ("Refused", [None, Some(Resting), None, None]),
        ("Released", [Some(Resting), None, None, Some(Stopping)]),
        ("Started", [None, Some(Running), None, None]),
        ("Stopped", [None, None, None, Some(Resting)]),
        (
            "Vanished",
            [Some(Resting), Some(Starting), Some(Running), Some(Stopping)],
        ),
    ];
    for (event, (name, outcomes)) in all_events().into_iter().zip(table) {
        assert_eq!(event.name(), name);
        for (activity, outcome) in [Resting, Starting, Running, Stopping].into_iter().zip(outcomes) {
            let mut plugin = doing(activity);
            let before = plugin.status().clone();
            let applied = plugin.apply(event.clone(), at(2));
            assert_eq!(applied.is_ok(), outcome.is_some(), "{name} while {activity:?}");
            assert_eq!(
                plugin.activity(),
                outcome.unwrap_or(activity),
                "{name} while {activity:?}"
            );
            let is_changed = *plugin.status() != before;
            assert_eq!(applied.unwrap_or(false), is_changed, "{name} while {activity:?}");
        }
    }
}

#[test]
fn a_plugin_without_a_file_does_not_begin() {
    let mut plugin = Lifecycle::new(false, at(0));
    assert_eq!(plugin.status().state, PluginState::Missing);
    assert!(plugin.apply(Event::Begun, at(1)).is_err());
    assert_eq!(plugin.status().state, PluginState::Missing);
}

#[test]
fn since_tells_when_the_state_changed_and_not_when_something_else_did() {
    let mut plugin = doing(Activity::Running);
    assert_eq!(plugin.status().since, at(1));
    plugin.apply(Event::Asked(DesiredState::Disabled), at(5)).unwrap();
    assert_eq!(plugin.status().since, at(1));
    plugin.apply(Event::Closed, at(6)).unwrap();
    assert_eq!(plugin.status().since, at(6));
}

#[test]
fn a_file_that_comes_and_goes_while_the_plugin_runs_matters_when_it_has_stopped() {
    let mut plugin = doing(Activity::Running);
    plugin.apply(Event::Vanished, at(2)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Enabled);
    plugin.apply(Event::Closed, at(3)).unwrap();
    plugin.apply(Event::Stopped, at(4)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Missing);
    plugin.apply(Event::Appeared, at(5)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Disabled);
    assert!(plugin.is_due(), "it is wanted, and its file is back");
}

#[test]
fn a_failure_is_kept_until_the_plugin_is_disabled_or_starts_again() {
    let mut plugin = doing(Activity::Starting);
    plugin.apply(Event::Refused(fault("init_failed")), at(2)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Failed);
    assert_eq!(plugin.status().error, Some(fault("init_failed")));
    assert!(!plugin.is_due(), "nobody starts it again by themselves");

    let mut again = plugin.clone();
    again.apply(Event::Begun, at(3)).unwrap();
    assert_eq!(again.status().error, None);

    plugin.apply(Event::Asked(DesiredState::Disabled), at(3)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Disabled);
    plugin.apply(Event::Asked(DesiredState::Enabled), at(3)).unwrap();
    assert!(plugin.is_due());
}

#[test]
fn a_quarantined_plugin_is_shown_as_such_at_once_and_until_it_is_released() {
    let mut plugin = doing(Activity::Running);
    plugin.apply(Event::Quarantined(fault("q")), at(2)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Quarantined);
    assert_eq!(plugin.activity(), Activity::Stopping, "it still has to be ended");
    plugin.apply(Event::Stopped, at(3)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Quarantined);
    assert_eq!(plugin.status().since, at(2));
    assert!(!plugin.is_due());

    // Turning the wish off and on behind the host's back is no release.
    plugin.apply(Event::Asked(DesiredState::Disabled), at(4)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Disabled);
    plugin.apply(Event::Asked(DesiredState::Enabled), at(5)).unwrap();
    assert_eq!(plugin.status().state, PluginState::Quarantined);

    plugin.apply(Event::Released, at(6)).unwrap();
    assert!(plugin.is_due());
}

#[test]
fn whatever_happens_in_whatever_order_a_plugin_runs_only_after_it_was_started() {
    // All possible sequences of seven events.
    let events = all_events();
    let mut visited = 0_u32;
    let mut stack = vec![(Lifecycle::new(true, at(0)), 0)];
    while let Some((plugin, depth)) = stack.pop() {
        visited += 1;
        let status = plugin.status();
        assert_eq!(
            status.state == PluginState::Enabled,
            plugin.activity() == Activity::Running
        );
        let needs_reason = matches!(status.state, PluginState::Failed | PluginState::Quarantined);
        assert_eq!(status.error.is_some(), needs_reason, "{plugin:?}");
        if depth == 7 {
            continue;
        }
        for event in &events {
            let mut next = plugin.clone();
            if next.apply(event.clone(), at(1)).is_ok() {
                stack.push((next, depth + 1));
            }
        }
    }
    assert!(visited > 100_000, "{visited}");
}

#[test]
fn the_last_states_are_remembered_with_what_was_wrong() {
    let mut plugin = doing(Activity::Running);
    plugin.apply(Event::Closed, at(2)).unwrap();
    plugin.apply(Event::Stopped, at(3)).unwrap();
    plugin.apply(Event::Begun, at(4)).unwrap();
    plugin.apply(Event::Refused(fault("init_failed")), at(5)).unwrap();
    let told: Vec<_> = plugin
        .history()
        .map(|moment| (moment.state, moment.since, moment.generation, moment.code))
        .collect();
    assert_eq!(
        told,
        [
            (PluginState::Disabled, at(0), 0, None),
            (PluginState::Starting, at(1), 1, None),
            (PluginState::Enabled, at(1), 1, None),
            (PluginState::Stopping, at(2), 1, None),
            (PluginState::Disabled, at(3), 1, None),
            (PluginState::Starting, at(4), 1, None),
            (PluginState::Failed, at(5), 1, Some("init_failed")),
        ]
    );
}

#[test]
fn history_does_not_grow_for_good() {
    let mut plugin = doing(Activity::Resting);
    for second in 0..1000 {
        plugin.apply(Event::Begun, at(second)).unwrap();
        plugin.apply(Event::Refused(fault("f")), at(second)).unwrap();
    }
    assert_eq!(plugin.history().count(), 32);
    let last = plugin.history().last().unwrap();
    assert_eq!((last.state, last.since), (PluginState::Failed, at(999)));
}

#[test]
fn a_file_that_is_found_at_once_was_never_missing() {
    for (found, expected) in [
        (0, &[PluginState::Disabled][..]),
        (60, &[PluginState::Missing, PluginState::Disabled]),
    ] {
        let mut plugin = Lifecycle::new(false, at(0));
        plugin.apply(Event::Appeared, at(found)).unwrap();
        let states: Vec<_> = plugin.history().map(|moment| moment.state).collect();
        assert_eq!(states, expected);
    }
}
