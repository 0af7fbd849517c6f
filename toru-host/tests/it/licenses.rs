//! Licence keys: who gives them, who is told of another one, and who never sees them.

mod api;
mod offers;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use toru_host::error::ManagerError;
use toru_host::plugin::{DesiredState, PluginState};
use toru_plugin_api::{LicenseFault, PluginContext, PluginError, PluginKvStore, Response};

use crate::actor::{Script, restart};
use crate::host::{Host, id, soon, until};

/// The only key that the plugin of these tests accepts.
const GOOD: &str = "toru1.ed25519.2026.R09PRC1QQVlMT0FE.R09PRC1TSUdOQVRVUkU";
/// One that it does not.
const BAD: &str = "toru1.ed25519.2026.QkFELVBBWUxPQUQ.QkFELVNJR05BVFVSRQ";

fn accept(ctx: PluginContext) -> Result<(), PluginError> {
    let key = ctx.license()?;
    if key.as_str() == GOOD {
        return Ok(());
    }
    let text = "the licence ended on 2026-01-31; ask the vendor for a new key".to_owned();
    Err(PluginError::License(LicenseFault::Expired, text))
}

/// A plugin that needs a key to start, and answers requests with the number of its start.
fn picky() -> (Script, Arc<AtomicUsize>) {
    let starts = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&starts);
    let mut script = Script::act({
        let starts = Arc::clone(&starts);
        move |_, _| {
            let text = starts.load(Ordering::SeqCst).to_string();
            async move { Ok(Response::text(text)) }
        }
    });
    script.init = Some(Box::new(move |ctx| {
        counting.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { accept(ctx) })
    }));
    (script, starts)
}

async fn give(host: &Host, key: &str) {
    let key = (!key.is_empty()).then(|| key.to_owned());
    soon(host.manager.set_license(&id("actor"), key)).await.unwrap();
}

fn failure(host: &Host) -> (PluginState, String, String) {
    let status = host.status("actor");
    let (code, message) = status
        .error
        .map(|error| (error.code.to_owned(), error.message))
        .unwrap_or_default();
    (status.state, code, message)
}

#[tokio::test]
async fn a_plugin_without_its_key_fails_and_is_started_by_a_good_one() {
    let (script, starts) = picky();
    let host = script.load(|builder| builder).await;
    let refused = host.enable("actor").await.unwrap_err();
    assert_eq!(refused.code(), "license_missing");
    let (state, code, message) = failure(&host);
    assert_eq!((state, code.as_str()), (PluginState::Failed, "license_missing"));
    assert!(message.contains("ask its vendor for one"), "{message}");
    give(&host, BAD).await;
    let (state, code, message) = failure(&host);
    assert_eq!((state, code.as_str()), (PluginState::Failed, "license_expired"));
    assert_eq!(
        message,
        "the licence ended on 2026-01-31; ask the vendor for a new key"
    );
    give(&host, &format!("\n  {GOOD}\t\n")).await;
    assert_eq!(host.state("actor"), PluginState::Enabled);
    assert_eq!(host.get("actor/act").await.text(), "3");
    // The same key again is no news.
    give(&host, GOOD).await;
    assert_eq!(starts.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_plugin_whose_key_is_taken_away_fails_and_keeps_its_data() {
    let (mut script, _) = picky();
    script.act = Some(Box::new(|ctx, request| {
        Box::pin(async move {
            if request.query() == "store" {
                ctx.kv.set("kept", "data").await?;
            }
            let kept = ctx.kv.get("kept").await?.unwrap_or_default();
            Ok(Response::text(String::from_utf8_lossy(&kept).into_owned()))
        })
    }));
    let host = script.load(|builder| builder).await;
    give(&host, GOOD).await;
    assert_eq!(
        host.state("actor"),
        PluginState::Disabled,
        "a key turns nothing on that nobody asked for"
    );
    host.enable("actor").await.unwrap();
    assert_eq!(host.get("actor/act?store").await.text(), "data");
    give(&host, "").await;
    assert_eq!(failure(&host).1, "license_missing");
    assert_eq!(
        host.get("actor/act").await.problem(),
        (503, "plugin_failed".into())
    );
    let usage = soon(host.manager.storage(&id("actor")).usage()).await.unwrap();
    assert_eq!(usage.keys, 1);
    give(&host, GOOD).await;
    assert_eq!(host.get("actor/act").await.text(), "data");
}

#[tokio::test]
async fn a_key_survives_the_host() {
    let (script, _) = picky();
    let host = script.load(|builder| builder).await;
    give(&host, GOOD).await;
    host.enable("actor").await.unwrap();
    let host = restart(host).await;
    assert_eq!(host.state("actor"), PluginState::Enabled);
}

#[tokio::test]
async fn a_plugin_that_listens_is_told_and_goes_on() {
    let (mut script, starts) = picky();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&heard);
    script.license = Some(Box::new(move |ctx| {
        let key = ctx.license().map(|key| key.as_str().to_owned());
        hearing.lock().unwrap().push(key.unwrap_or_default());
        // Also by a future that suspends.
        Box::pin(async move {
            ctx.runtime.sleep(Duration::from_millis(1)).await?;
            accept(ctx).or_else(|error| match error {
                PluginError::License(LicenseFault::Missing, _) => Ok(()),
                error => Err(error),
            })
        })
    }));
    let host = script.load(|builder| builder).await;
    give(&host, GOOD).await;
    host.enable("actor").await.unwrap();
    give(&host, "").await;
    give(&host, GOOD).await;
    assert_eq!(*heard.lock().unwrap(), ["", GOOD]);
    assert_eq!(starts.load(Ordering::SeqCst), 1, "it was never started anew");
    // What it does not accept, its `init` has to.
    give(&host, BAD).await;
    assert_eq!(failure(&host).1, "license_expired");
    assert_eq!(starts.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_plugin_that_never_asked_is_left_alone() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&starts);
    let mut script = Script::act(|_, _| async { Ok(Response::text("on")) });
    script.init = Some(Box::new(move |_| {
        counting.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }));
    let host = script.run().await;
    give(&host, GOOD).await;
    give(&host, "").await;
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    let license = host.manager.license(&id("actor")).unwrap();
    assert!(!license.asked_for && license.key.is_none(), "{license:?}");
}

#[tokio::test]
async fn a_plugin_that_panics_or_hangs_when_it_is_told_is_started_anew() {
    for fault in ["panics", "waits", "blocks"] {
        let (mut script, starts) = picky();
        let told = Arc::new(AtomicUsize::new(0));
        let telling = Arc::clone(&told);
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Mutex::new(released);
        script.license = Some(Box::new(move |_| {
            telling.fetch_add(1, Ordering::SeqCst);
            if fault == "blocks" {
                // Until the test ends.
                let _ = released.lock().unwrap().recv();
            }
            Box::pin(async move {
                assert_ne!(fault, "panics", "as asked for");
                std::future::pending().await
            })
        }));
        let limit = Duration::from_secs(if fault == "panics" { 60 } else { 1 });
        let drain = Duration::from_millis(50);
        let host = script
            .load(|builder| builder.init_timeout(limit).drain_timeout(drain))
            .await;
        give(&host, GOOD).await;
        host.enable("actor").await.unwrap();
        give(&host, BAD).await;
        assert_eq!(failure(&host).1, "license_expired", "{fault}");
        assert_eq!(starts.load(Ordering::SeqCst), 2, "{fault}");
        assert_eq!(told.load(Ordering::SeqCst), 1, "{fault}");
        drop(release);
    }
}

/// Host, number of starts, what lets the plugin go, and the change that waits for it.
type Told = (
    Host,
    Arc<AtomicUsize>,
    Arc<tokio::sync::Semaphore>,
    tokio::task::JoinHandle<()>,
);

/// A plugin that is being told of another key, and holds that up until it is let go. It then refuses.
async fn being_told(act: impl Fn() + Send + Sync + 'static) -> Told {
    let (mut script, starts) = picky();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (told, gated) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::clone(&gate));
    let telling = Arc::clone(&told);
    script.act = Some(Box::new(move |_, _| {
        act();
        Box::pin(async { Ok(Response::text("acted")) })
    }));
    script.license = Some(Box::new(move |_| {
        telling.add_permits(1);
        let gate = Arc::clone(&gated);
        Box::pin(async move {
            let _passed = gate.acquire().await;
            Err(PluginError::Unsupported("to go on"))
        })
    }));
    let host = script
        .load(|builder| builder.init_timeout(Duration::from_secs(60)))
        .await;
    give(&host, GOOD).await;
    host.enable("actor").await.unwrap();
    let manager = host.manager.clone();
    let other = format!("{GOOD}x");
    let giving = tokio::spawn(async move {
        let _ = manager.set_license(&id("actor"), Some(other)).await;
    });
    let _told = soon(told.acquire()).await.unwrap();
    (host, starts, gate, giving)
}

#[tokio::test]
async fn another_key_frees_no_plugin_that_was_quarantined_meanwhile() {
    let (host, starts, gate, giving) = being_told(|| panic!("as asked for")).await;
    for _ in 0..3 {
        assert_eq!(host.get("actor/act").await.status, 500);
    }
    assert_eq!(host.state("actor"), PluginState::Quarantined);
    gate.add_permits(1);
    soon(giving).await.unwrap();
    assert_eq!(host.state("actor"), PluginState::Quarantined);
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    // Neither does a key that comes afterwards.
    give(&host, GOOD).await;
    assert_eq!(host.state("actor"), PluginState::Quarantined);
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    let host = restart(host).await;
    assert_eq!(host.state("actor"), PluginState::Quarantined, "it was recorded");
}

#[tokio::test]
async fn another_key_starts_no_plugin_that_was_turned_off_meanwhile() {
    let (host, starts, gate, giving) = being_told(|| {}).await;
    let mut state = host.recorded();
    state["plugins"]["actor"]["enabled"] = json!(false);
    std::fs::write(host.state_file(), state.to_string()).unwrap();
    let manager = host.manager.clone();
    let scanning = tokio::spawn(async move { manager.scan().await });
    until(|| host.status("actor").desired == DesiredState::Disabled).await;
    gate.add_permits(1);
    soon(scanning).await.unwrap().unwrap();
    soon(giving).await.unwrap();
    assert_eq!(host.state("actor"), PluginState::Disabled);
    assert_eq!(starts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_same_key_is_tried_again_when_somebody_gives_it_again() {
    let (mut script, starts) = picky();
    let counting = Arc::clone(&starts);
    script.init = Some(Box::new(move |ctx| {
        // The first time, the machine's clock is wrong.
        let is_early = counting.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            accept(ctx)?;
            let text = "set the clock".to_owned();
            (!is_early)
                .then_some(())
                .ok_or(PluginError::License(LicenseFault::NotYetValid, text))
        })
    }));
    let host = script.load(|builder| builder).await;
    give(&host, GOOD).await;
    assert_eq!(
        host.enable("actor").await.unwrap_err().code(),
        "license_not_yet_valid"
    );
    give(&host, GOOD).await;
    assert_eq!(host.state("actor"), PluginState::Enabled);
}

#[tokio::test]
async fn a_plugin_that_has_read_its_key_and_fails_in_other_words_is_tried_again() {
    let (mut script, _) = picky();
    script.init = Some(Box::new(|ctx| {
        Box::pin(async move { accept(ctx).map_err(|error| PluginError::other(error.to_string())) })
    }));
    let host = script.load(|builder| builder).await;
    assert_eq!(host.enable("actor").await.unwrap_err().code(), "init_failed");
    give(&host, GOOD).await;
    assert_eq!(host.state("actor"), PluginState::Enabled);
}

#[tokio::test]
async fn a_key_in_the_recorded_state_is_taken_over_by_a_scan() {
    let (script, _) = picky();
    let host = script.load(|builder| builder).await;
    host.enable("actor").await.unwrap_err();
    let write = |license: Value| {
        let mut state = host.recorded();
        state["plugins"]["actor"]["license"] = license;
        std::fs::write(host.state_file(), state.to_string()).unwrap();
    };
    write(json!(format!("{GOOD}\n")));
    host.scan().await.unwrap();
    assert_eq!(host.state("actor"), PluginState::Enabled);
    write(json!(""));
    host.scan().await.unwrap();
    assert_eq!(failure(&host).1, "license_missing");
    write(json!("a key\u{0}"));
    host.scan().await.unwrap();
    assert_eq!(failure(&host).1, "license_missing");
    let notices = host.manager.notices();
    assert!(
        notices
            .iter()
            .any(|notice| notice.code == "invalid_license" && !notice.message.contains("a key\0")),
        "{notices:?}"
    );
}

#[tokio::test]
async fn what_can_be_no_key_changes_nothing() {
    let (script, starts) = picky();
    let host = script.load(|builder| builder).await;
    give(&host, GOOD).await;
    host.enable("actor").await.unwrap();
    let recorded = host.recorded();
    for text in [" \n".to_owned(), "a\0b".to_owned(), "x".repeat(20_000)] {
        let refused = soon(host.manager.set_license(&id("actor"), Some(text))).await;
        assert!(
            matches!(refused, Err(ManagerError::InvalidLicense { .. })),
            "{refused:?}"
        );
    }
    let unknown = soon(host.manager.set_license(&id("nobody"), Some(GOOD.into()))).await;
    assert!(
        matches!(unknown, Err(ManagerError::UnknownPlugin { .. })),
        "{unknown:?}"
    );
    assert_eq!(host.recorded(), recorded);
    assert_eq!(starts.load(Ordering::SeqCst), 1);
}
