//! Calls of the plugin's routes: to their end, while it is disabled, and cancelled.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use anyhow::Result;
use http::Method;
use tokio::time::{Instant, sleep, timeout};
use toru_host::plugin::PluginCounters;

use super::facts::{Call, Route};
use super::host::{Host, read};
use super::record::{Line, Record};

/// How long calls get to reach the plugin.
const REACH: Duration = Duration::from_secs(1);
/// How long calls get to come back from a plugin that was disabled.
const COME_BACK: Duration = Duration::from_secs(5);

/// Something that went wrong in a call: its code and words.
pub(super) type Fault = (&'static str, String);

/// Asks each route with GET and with HEAD. One that does not answer is not asked again.
pub(super) async fn each(
    host: &Host,
    routes: &[Route],
    record: &Record,
    faults: &mut Vec<Fault>,
) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    for route in routes {
        for method in [Method::GET, Method::HEAD] {
            let what = format!("{method} {}", route.pattern);
            record.write(&Line::Begun(format!("calling {what}")))?;
            let before = host.counters()?;
            let answer = host.ask(method.clone(), &route.pattern).await?;
            if answer.is_none() {
                faults.push((
                    "requests_hang",
                    format!("{what} holds its thread and does not answer"),
                ));
            }
            faults.extend(fault(&before, &host.counters()?, &what));
            let is_answered = answer.is_some();
            calls.push(Call {
                method: method.to_string(),
                pattern: route.pattern.clone(),
                status: answer.as_ref().map(|answer| answer.status),
                bytes: answer.as_ref().map_or(0, |answer| answer.body.len()),
                has_ended: answer.is_some_and(|answer| answer.has_ended),
            });
            if !is_answered {
                break;
            }
        }
    }
    Ok(calls)
}

/// What the host counted against the plugin meanwhile.
fn fault(before: &PluginCounters, after: &PluginCounters, what: &str) -> Option<Fault> {
    let counted = [
        (before.panicked, after.panicked, "plugin_panicked", "panics"),
        (
            before.invalid_responses,
            after.invalid_responses,
            "invalid_response",
            "answers against the rules of HTTP",
        ),
        (
            before.timed_out,
            after.timed_out,
            "plugin_timeout",
            "does not answer in time",
        ),
        (
            before.broken_bodies,
            after.broken_bodies,
            "broken_body",
            "ends its body with an error",
        ),
        (
            before.failed,
            after.failed,
            "plugin_error",
            "returns an error, or no answer",
        ),
    ];
    counted
        .into_iter()
        .find(|(before, after, ..)| after > before)
        .map(|(_, _, code, words)| (code, format!("{what} {words}")))
}

/// Has all routes called at once, and the plugin disabled meanwhile. Tells how many calls were running then.
pub(super) async fn while_disabling(host: &Host, routes: &[Route], faults: &mut Vec<Fault>) -> Result<u64> {
    let before = host.counters()?;
    let mut running = Vec::new();
    for route in routes {
        let sent = host.send(Method::GET, &route.pattern)?;
        let reading = tokio::spawn(async move { read(sent.await?).await });
        running.push((&route.pattern, reading));
    }
    let sent = before.calls + u64::try_from(routes.len())?;
    let deadline = Instant::now() + REACH;
    while host.counters()?.calls < sent && Instant::now() < deadline {
        sleep(Duration::from_millis(1)).await;
    }
    let in_flight = host.counters()?.in_flight;
    host.disable().await?;
    for (pattern, reading) in running {
        if timeout(COME_BACK, reading).await.is_err() {
            let message = format!("GET {pattern} did not come back when the plugin was disabled");
            faults.push(("requests_hang", message));
        }
    }
    let after = host.counters()?;
    if after.panicked > before.panicked {
        faults.push((
            "plugin_panicked",
            "a call panics while the plugin is disabled".to_owned(),
        ));
    }
    Ok(in_flight)
}

/// Calls each route and goes away. Tells how many calls were cancelled before they were answered.
pub(super) async fn cancelled(host: &Host, routes: &[Route], faults: &mut Vec<Fault>) -> Result<u64> {
    let before = host.counters()?;
    for route in routes {
        let mut call = host.call(Method::GET, &route.pattern)?;
        let polled = tokio::spawn(async move {
            std::future::poll_fn(|cx| {
                let _ = Pin::new(&mut call).poll(cx);
                Poll::Ready(())
            })
            .await;
            drop(call);
        });
        if timeout(COME_BACK, polled).await.is_err() {
            let message = format!("GET {} holds its thread", route.pattern);
            faults.push(("requests_hang", message));
        }
    }
    let after = host.counters()?;
    if after.panicked > before.panicked {
        faults.push(("plugin_panicked", "a call panics when it is cancelled".to_owned()));
    }
    Ok(after.cancelled - before.cancelled)
}
