//! What code of a plugin says by `tracing` and `log`, on its way to the host's log.
//!
//! A plugin's library has its own copy of both crates, and in it nobody listens: what is said there would be lost. In an
//! application that a plugin is linked into, and in tests, the copy is the application's, which listens by itself.

mod fields;
mod spans;

use std::sync::Once;
use std::time::Instant;

use tracing_core::dispatcher::{self, Dispatch};
use tracing_core::span::{Attributes, Id, Record as Values};
use tracing_core::{Event, Interest, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

use self::fields::Fields;
use self::spans::{Span, path};
use crate::abi::log::{TORU_LOG_DEBUG, TORU_LOG_ERROR, TORU_LOG_INFO, TORU_LOG_TRACE, TORU_LOG_WARN};
use crate::shim::{Ctx, Record, image_ctx};

/// Listens to the copies of `tracing` and `log` in a plugin's library, once. Not called where the host shares them.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Nobody can have been first: no code of the author has run yet.
        let _ = dispatcher::set_global_default(subscriber(To::Image));
        listen_to_log();
    });
}

/// Listens for one instance, where it shares its copy of `tracing` with a host for tests.
#[cfg(feature = "testing")]
pub(crate) fn of_instance(ctx: Ctx) -> Dispatch {
    listen_to_log();
    subscriber(To::Instance(ctx))
}

fn subscriber(to: To) -> Dispatch {
    Dispatch::new(Registry::default().with(HostLayer(to)))
}

fn listen_to_log() {
    // Whoever was first may be the author's own.
    if log::set_logger(&HostLog).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

/// Whose log it is.
#[derive(Debug)]
enum To {
    /// That of the instance which was started last: a library runs one at a time.
    Image,
    #[cfg(feature = "testing")]
    Instance(Ctx),
}

impl To {
    fn ctx(&self) -> Option<Ctx> {
        match self {
            Self::Image => image_ctx(),
            #[cfg(feature = "testing")]
            Self::Instance(ctx) => Some(*ctx),
        }
    }

    fn is_heard(&self, level: u32) -> bool {
        self.ctx().is_some_and(|ctx| level <= ctx.max_log_level())
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(ctx) = self.ctx() {
            ctx.log(record);
        }
    }
}

/// Hands events to the host, each with the spans around it.
#[derive(Debug)]
struct HostLayer(To);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for HostLayer {
    /// What the host listens to changes while the plugin runs.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.0.is_heard(level_of(metadata.level()))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(Span::new(fields, Instant::now()));
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, context: Context<'_, S>) {
        // Before the span is locked: values are formatted by the author's code, which may say something itself.
        let mut fields = Fields::default();
        values.record(&mut fields);
        let Some(span) = context.span(id) else { return };
        if let Some(span) = span.extensions_mut().get_mut::<Span>() {
            span.record(fields);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(span) = span.extensions_mut().get_mut::<Span>() {
            span.enter(Instant::now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(span) = span.extensions_mut().get_mut::<Span>() {
            span.exit(Instant::now());
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans = path(context.event_scope(event));
        let metadata = event.metadata();
        let message = fields.take_message();
        let mut fields = fields.as_pairs();
        if !spans.is_empty() {
            fields.push(("span", &spans));
        }
        self.0.log(&Record {
            level: level_of(metadata.level()),
            target: metadata.target(),
            file: metadata.file().unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
            message: &message,
            fields: &fields,
        });
    }

    /// Says how long a span took, to whoever listens to what developers want to know.
    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let metadata = span.metadata();
        let level = level_of(metadata.level()).max(TORU_LOG_DEBUG);
        if !self.0.is_heard(level) {
            return;
        }
        let spans = path(Some(span.scope()));
        let Some((busy, idle)) = span
            .extensions_mut()
            .get_mut::<Span>()
            .map(|span| span.times(Instant::now()))
        else {
            return;
        };
        let (busy, idle) = (format!("{busy:?}"), format!("{idle:?}"));
        self.0.log(&Record {
            level,
            target: metadata.target(),
            file: metadata.file().unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
            message: "close",
            fields: &[("time.busy", &busy), ("time.idle", &idle), ("span", &spans)],
        });
    }
}

/// Hands records of `log` to whoever listens to `tracing` on the thread, if that is a plugin.
struct HostLog;

impl HostLog {
    fn with_layer<R: Default>(f: impl Fn(&HostLayer) -> R) -> R {
        dispatcher::get_default(|dispatch| dispatch.downcast_ref().map(&f)).unwrap_or_default()
    }
}

impl log::Log for HostLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        Self::with_layer(|layer| layer.0.is_heard(level_of_log(metadata.level())))
    }

    fn log(&self, record: &log::Record<'_>) {
        Self::with_layer(|layer| {
            let level = level_of_log(record.level());
            if !layer.0.is_heard(level) {
                return;
            }
            let mut fields = Fields::default();
            // Only visitors of one's own fail.
            let _ = record.key_values().visit(&mut fields);
            layer.0.log(&Record {
                level,
                target: record.target(),
                file: record.file().unwrap_or_default(),
                line: record.line().unwrap_or_default(),
                message: &record.args().to_string(),
                fields: &fields.as_pairs(),
            });
        });
    }

    fn flush(&self) {}
}

fn level_of(level: &Level) -> u32 {
    match *level {
        Level::ERROR => TORU_LOG_ERROR,
        Level::WARN => TORU_LOG_WARN,
        Level::INFO => TORU_LOG_INFO,
        Level::DEBUG => TORU_LOG_DEBUG,
        Level::TRACE => TORU_LOG_TRACE,
    }
}

const fn level_of_log(level: log::Level) -> u32 {
    match level {
        log::Level::Error => TORU_LOG_ERROR,
        log::Level::Warn => TORU_LOG_WARN,
        log::Level::Info => TORU_LOG_INFO,
        log::Level::Debug => TORU_LOG_DEBUG,
        log::Level::Trace => TORU_LOG_TRACE,
    }
}
