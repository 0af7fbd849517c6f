//! What the host logs, kept for the tests to look at.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Logged {
    /// A field as text; empty when there is none. `message` is the text of the record.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

static LOGGED: Mutex<Vec<Logged>> = Mutex::new(Vec::new());
/// Spans of calls that have ended.
static CALLS: Mutex<Vec<BTreeMap<&'static str, String>>> = Mutex::new(Vec::new());

/// Begins to keep what is logged, for all tests of the process.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Keep);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// All records of which `wanted` is true. Tests run side by side: it names something that only one test logs.
pub(crate) fn find(wanted: impl Fn(&Logged) -> bool) -> Vec<Logged> {
    let logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    logged.iter().filter(|record| wanted(record)).cloned().collect()
}

/// The fields of all calls to a plugin's route that have ended.
pub(crate) fn calls(route: &str) -> Vec<BTreeMap<&'static str, String>> {
    let calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    calls
        .iter()
        .filter(|fields| fields["http.route"] == route)
        .cloned()
        .collect()
}

/// All records that contain the text in any field.
pub(crate) fn containing(text: &str) -> Vec<Logged> {
    find(|record| record.fields.values().any(|value| value.contains(text)))
}

struct Keep;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keep {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields(BTreeMap::new());
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(fields) = context.span(id).unwrap().extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let fields = span.extensions_mut().remove::<Fields>();
        if let (Some(fields), "toru_host::call") = (fields, span.metadata().target()) {
            CALLS
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(fields.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !event.metadata().target().starts_with("toru") {
            return;
        }
        let mut fields = Fields(BTreeMap::new());
        event.record(&mut fields);
        let record = Logged {
            level: *event.metadata().level(),
            fields: fields.0,
        };
        LOGGED.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}
