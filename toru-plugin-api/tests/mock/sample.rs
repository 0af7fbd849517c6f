//! The plugin that these tests run.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use toru_plugin_api::{
    Body, BodyStream, Frame, Level, LicenseFault, PluginContext, PluginError, PluginMetadata, PluginRoute,
    Request, Response, Sleep, ToruPlugin, Trailers,
};

pub(super) type Reply = Result<Response, PluginError>;

pub(super) struct Sample {
    pub(super) ctx: PluginContext,
    greeting: String,
    key: Option<String>,
}

impl ToruPlugin for Sample {
    const METADATA: PluginMetadata = PluginMetadata::new("sample", "Sample");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        #[derive(serde::Deserialize)]
        #[serde(default)]
        struct Settings {
            greeting: String,
        }
        impl Default for Settings {
            fn default() -> Self {
                let greeting = "Hello".to_owned();
                Self { greeting }
            }
        }
        let greeting = ctx.config.parse::<Settings>()?.greeting;
        match &*greeting {
            "panic" => panic!("asked to"),
            "task" => ctx.runtime.spawn(std::future::pending())?,
            _ => {}
        }
        let key = ctx.license().ok().map(|key| key.as_str().to_owned());
        if key.as_deref() == Some("expired") {
            let words = "it has ended".to_owned();
            return Err(PluginError::License(LicenseFault::Expired, words));
        }
        ctx.log.write(Level::Info, "ready", &[("greeting", &greeting)]);
        Ok(Self { ctx, greeting, key })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        let mut routes = vec![
            PluginRoute::get("/hello/{name}", Self::hello),
            PluginRoute::get("/wait", Self::wait),
            PluginRoute::get("/ticks", Self::ticks),
            PluginRoute::get("/wrong", Self::wrong),
            PluginRoute::blocking_get("/right", Self::right),
            PluginRoute::get("/key", Self::key),
        ];
        if self.greeting == "twice" {
            routes.push(PluginRoute::any("/hello/{other}", Self::hello));
        }
        routes
    }

    async fn license_changed(&self) -> Result<(), PluginError> {
        match self.ctx.license() {
            Ok(key) if key.as_str() == "accepted" => Ok(()),
            _ => Err(PluginError::other("started anew")),
        }
    }

    async fn shutdown(&self) {
        assert_ne!(self.greeting, "rude", "no goodbye");
        self.ctx.log.info("goodbye");
    }
}

impl Sample {
    async fn hello(&self, request: Request) -> Reply {
        let who = request.user().unwrap_or_default().into_owned();
        let roles: Vec<_> = request.roles().map(String::from).collect();
        let name = request.param("name").unwrap_or_default();
        Ok(Response::text(format!(
            "{} {name} {who} {roles:?}",
            self.greeting
        )))
    }

    async fn wait(&self, request: Request) -> Reply {
        let seconds = request
            .query_param("s")
            .and_then(|s| s.parse().ok())
            .unwrap_or(20);
        self.ctx.runtime.sleep(Duration::from_secs(seconds)).await?;
        Ok(Response::text("waited"))
    }

    async fn ticks(&self, _: Request) -> Reply {
        let ticks = Ticks {
            ctx: self.ctx,
            told: 0,
            sleep: None,
        };
        Ok(Response::with_type("text/event-stream", Body::from_stream(ticks)))
    }

    async fn wrong(&self, _: Request) -> Reply {
        self.ctx.kv.blocking().set("a", "b")?;
        Ok(Response::new(204))
    }

    fn right(&self, _: Request) -> Reply {
        self.ctx.kv.blocking().set("a", "b")?;
        Ok(Response::new(204))
    }

    async fn key(&self, _: Request) -> Reply {
        Ok(Response::text(self.key.clone().unwrap_or_default()))
    }
}

struct Ticks {
    ctx: PluginContext,
    told: u32,
    sleep: Option<Sleep>,
}

impl BodyStream for Ticks {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        if self.told == 3 {
            let last = Trailers::new()
                .with("x-sum", b"6".as_slice())
                .with("set-cookie", b"a=b".as_slice());
            self.told += 1;
            return Poll::Ready(Some(Ok(Frame::Trailers(last))));
        }
        if self.told > 3 {
            return Poll::Ready(None);
        }
        let runtime = self.ctx.runtime;
        let sleep = self
            .sleep
            .get_or_insert_with(|| runtime.sleep(Duration::from_secs(1)));
        std::task::ready!(Pin::new(sleep).poll(cx))?;
        self.sleep = None;
        self.told += 1;
        Poll::Ready(Some(Ok(Frame::Data(self.told.to_string().into()))))
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.ctx.log.info(format_args!("{} ticks", self.told));
    }
}
