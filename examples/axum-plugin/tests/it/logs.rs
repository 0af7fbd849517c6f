//! What the library says by its own copy of `tracing`, in the log of the host.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, Once};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::host::{Host, until};

type Record = BTreeMap<&'static str, String>;

static RECORDS: Mutex<Vec<Record>> = Mutex::new(Vec::new());

/// Keeps what plugins log, for the whole process.
struct Keep;

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "toru::plugin" {
            let mut fields = Fields(BTreeMap::new());
            event.record(&mut fields);
            fields.0.insert("level", event.metadata().level().to_string());
            RECORDS.lock().unwrap().push(fields.0);
        }
    }
}

struct Fields(Record);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Keep)).unwrap();
    });
}

/// Records with that text in the fields that the plugin gave.
fn with(text: &str) -> Vec<Record> {
    let records = RECORDS.lock().unwrap();
    let has_it = |record: &&Record| {
        record
            .get("plugin.fields")
            .is_some_and(|fields| fields.contains(text))
    };
    records.iter().filter(has_it).cloned().collect()
}

#[tokio::test]
async fn events_arrive_with_fields_spans_and_the_plugins_id() {
    listen();
    let host = Host::enabled(&json!({})).await;
    for instance in [1, 2] {
        let path = format!("/list?by=logs-{instance}");
        assert_eq!(host.send("POST", &path, r#"{"text":"heard"}"#).await.status, 201);
        let records = with(&path);
        let added: Vec<_> = records
            .iter()
            .filter(|record| record["message"] == "a note was added")
            .collect();
        assert_eq!(added.len(), 1, "{records:?}");
        assert_eq!(added[0]["level"], "INFO");
        assert_eq!(added[0]["plugin.id"], "notes");
        assert_eq!(added[0]["plugin.target"], "axum_plugin::notes");
        assert!(added[0]["plugin.file"].ends_with("notes.rs"));
        assert!(added[0]["plugin.fields"].starts_with("id=1 span=request{method=POST uri="));
        // Of the layer's own, in a library that the plugin uses.
        let closed = records.iter().any(|record| record["message"] == "close");
        let finished = records
            .iter()
            .any(|record| record["plugin.target"].starts_with("tower_http::trace"));
        assert!(closed && finished, "{records:?}");
        host.disable().await;
        host.enable().await;
    }
}

#[tokio::test]
async fn a_task_on_a_thread_of_the_plugins_own_is_heard() {
    listen();
    let nobody = "http://127.0.0.1:1/heard-of-by-a-task";
    let _host = Host::enabled(&json!({ "upstream": nobody, "check_every_ms": 3_600_000 })).await;
    until(|| !with("heard-of-by-a-task").is_empty()).await;
    let record = &with("heard-of-by-a-task")[0];
    assert_eq!((&*record["level"], &*record["plugin.id"]), ("WARN", "notes"));
    assert_eq!(record["message"], "the other server does not answer");
}
