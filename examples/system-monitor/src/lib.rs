//! A plugin people would keep: what the machine is doing, measured once for everybody who looks.
//!
//! Start reading at `SystemMonitor::register_routes`.

mod live;
mod measure;
mod overview;
mod processes;
mod sampler;
mod settings;

use std::sync::{Mutex, PoisonError};

use serde_json::json;
use toru_plugin_api::{
    Body, KvError, PluginContext, PluginError, PluginKvStore, PluginMetadata, PluginRoute, Request, Response,
    ToruPlugin,
};

use self::live::Live;
use self::measure::Measure;
use self::processes::{Processes, Query};
use self::sampler::Sampler;
use self::settings::{Config, Interval, Settings};

/// Where the settings are stored.
const SETTINGS: &str = "settings";

/// Most bytes of settings that somebody sends.
const MAX_SETTINGS_BYTES: usize = 1024;

struct SystemMonitor {
    ctx: PluginContext,
    config: Config,
    sampler: Sampler,
    processes: Processes,
    /// Held while settings are stored and then applied, so that both happen in the same order.
    changing: Mutex<()>,
}

impl ToruPlugin for SystemMonitor {
    const METADATA: PluginMetadata = PluginMetadata::new("system-monitor", "System Monitor")
        .version(env!("CARGO_PKG_VERSION"))
        .author("Toru authors")
        .icon("📈")
        .route("/system-monitor")
        .description("Shows load, memory, network, disks and processes of the machine, live");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        let config: Config = ctx.config.parse()?;
        let interval = chosen_interval(ctx, config).await?;
        // By default the crate keeps a file open for each process, up to half of what the host may open.
        sysinfo::set_open_files_limit(0);
        Ok(Self {
            ctx,
            config,
            sampler: Sampler::new(interval.duration(), || {
                let mut measure = Measure::new();
                Box::new(move |interval| measure.sample(interval))
            }),
            processes: Processes::default(),
            changing: Mutex::default(),
        })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::blocking_get("/overview", Self::overview),
            PluginRoute::get("/live", Self::live),
            PluginRoute::blocking_get("/processes", Self::processes),
            PluginRoute::get("/settings", Self::settings),
            PluginRoute::blocking_put("/settings", Self::change_settings),
        ]
    }

    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        Some(include_bytes!(concat!(env!("OUT_DIR"), "/bundle.js")))
    }

    async fn shutdown(&self) {
        self.sampler.close().await;
    }
}

impl SystemMonitor {
    /// What does not change while the machine runs, besides its uptime.
    fn overview(&self, _: Request) -> Result<Response, PluginError> {
        Response::json(&overview::read())
    }

    /// A sample per interval (server-sent events), until the client goes away or the plugin is disabled.
    async fn live(&self, _: Request) -> Result<Response, PluginError> {
        let body = Body::from_stream(Live::new(self.sampler.listen()?));
        Ok(Response::with_type("text/event-stream", body)
            .with_header("cache-control", "no-store")
            // Proxies collect what looks like a slow download.
            .with_header("x-accel-buffering", "no"))
    }

    /// The processes that use most of `?sort=cpu` or `?sort=memory`, `?limit=N` of them.
    fn processes(&self, request: Request) -> Result<Response, PluginError> {
        let (sort, limit) = (request.query_param("sort"), request.query_param("limit"));
        match Query::parse(sort.as_deref(), limit.as_deref()) {
            Ok(query) => Response::json(&self.processes.list(query, self.config.show_process_names)),
            Err(problem) => refused(&problem),
        }
    }

    /// The settings, and within which bounds they can be changed.
    async fn settings(&self, _: Request) -> Result<Response, PluginError> {
        self.settings_now()
    }

    /// Takes `{"interval_ms":N}`, remembers it for this installation, and applies it to all who look at the moment.
    fn change_settings(&self, request: Request) -> Result<Response, PluginError> {
        let sent = request.into_body().collect_blocking(MAX_SETTINGS_BYTES)?;
        let settings = match Settings::parse(&sent) {
            Ok(settings) => settings,
            Err(problem) => return refused(&problem),
        };
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.ctx.kv.blocking().set_json(SETTINGS, &settings)?;
        self.sampler.set_interval(settings.interval_ms.duration());
        self.settings_now()
    }

    fn settings_now(&self) -> Result<Response, PluginError> {
        let interval_ms = u64::try_from(self.sampler.interval().as_millis()).unwrap_or(u64::MAX);
        Response::json(&json!({
            "interval_ms": interval_ms,
            "min_interval_ms": Interval::MIN_MS,
            "max_interval_ms": Interval::MAX_MS,
            "default_interval_ms": self.config.interval_ms,
            "show_process_names": self.config.show_process_names,
        }))
    }
}

/// The interval that somebody chose in this installation, else the configured one.
async fn chosen_interval(ctx: PluginContext, config: Config) -> Result<Interval, PluginError> {
    match ctx.kv.get_json::<Settings>(SETTINGS).await {
        Ok(stored) => Ok(stored.map_or(config.interval_ms, |settings| settings.interval_ms)),
        Err(KvError::Malformed) => {
            ctx.log
                .warn("the stored settings are not understood; the configured ones are used");
            Ok(config.interval_ms)
        }
        Err(error) => Err(error.into()),
    }
}

/// 400 with a word why; the text of a [`PluginError`] would not reach the client.
fn refused(problem: &str) -> Result<Response, PluginError> {
    Ok(Response::json(&json!({ "error": problem }))?.with_status(400))
}

toru_plugin_api::export_plugin!(SystemMonitor);
