//! What the `metrics` facade is told.

use metrics_exporter_prometheus::PrometheusBuilder;
use toru_host::plugin::PluginLimits;
use toru_plugin_api::{PluginError, Response};

use crate::actor::Script;

/// A plugin that was asked for this and that, and what an exporter shows of it.
fn exported() -> String {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[0.1, 10.0])
        .unwrap()
        .build_recorder();
    let exporter = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || {
        toru_host::metrics::describe();
        runtime.block_on(async {
            let host = Script::act(|_, mut request| async move {
                match &*request.query().into_owned() {
                    "error" => Err(PluginError::other("no")),
                    _ => Ok(Response::new(200).with_body(request.bytes().await?)),
                }
            })
            .run_with(|builder| builder.limits(PluginLimits::default().max_request_body(5)))
            .await;
            drop(host.get("actor/ok").await);
            drop(host.post("actor/act", "12345").await);
            drop(host.get("actor/act?error").await);
            toru_host::metrics::record(&host.manager);
        });
    });
    exporter.render()
}

#[test]
fn every_documented_series_is_exported_with_its_kind() {
    let page = exported();
    let documented = include_str!("../../src/metrics.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `toru_"));
    let mut count = 0;
    for line in documented {
        let (name, rest) = line.split_once("` | ").unwrap();
        let kind = rest.split([' ', ',']).next().unwrap();
        let declared = format!("# TYPE toru_{name} {kind}\n");
        assert!(page.contains(&declared), "{declared} is missing in\n{page}");
        assert!(
            page.contains(&format!("# HELP toru_{name} ")),
            "{name} in\n{page}"
        );
        count += 1;
    }
    assert_eq!(
        count,
        page.matches("# TYPE ").count(),
        "what is not documented in\n{page}"
    );
}

#[test]
fn the_numbers_are_those_that_the_host_counts() {
    let page = exported();
    for line in [
        r#"toru_plugin_state{plugin="actor",state="enabled"} 1"#,
        r#"toru_plugin_state{plugin="actor",state="failed"} 0"#,
        r#"toru_plugin_starts_total{plugin="actor"} 1"#,
        r#"toru_plugin_requests_total{plugin="actor"} 3"#,
        r#"toru_plugin_in_flight{plugin="actor"} 0"#,
        r#"toru_plugin_failures_total{plugin="actor",reason="failed"} 1"#,
        r#"toru_plugin_failures_total{plugin="actor",reason="panicked"} 0"#,
        r#"toru_plugin_request_body_bytes_total{plugin="actor"} 5"#,
        r#"toru_plugin_response_body_bytes_total{plugin="actor"} 7"#,
        r#"toru_plugin_request_duration_seconds_bucket{plugin="actor",le="10"} 3"#,
        r#"toru_plugin_request_duration_seconds_count{plugin="actor"} 3"#,
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is missing in\n{page}"
        );
    }
}
