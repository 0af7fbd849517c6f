//! A plugin linked into the tests that answers with all that it sees.

use serde_json::{Value, json};
use toru_host::Builder;
use toru_plugin_api::{
    Frame, PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, ToruPlugin,
};

use crate::host::{Answer, Host};
use crate::support::Place;

/// Names that plugins ask for, and must not be given.
const ASKED_FOR: [&str; 10] = [
    "cookie",
    "Cookie",
    "AUTHORIZATION",
    "proxy-authorization",
    "toru-user",
    "Toru-Roles",
    "TORU-USER",
    "toru_user",
    "connection",
    "te",
];

struct Mirror;

impl ToruPlugin for Mirror {
    const METADATA: PluginMetadata = PluginMetadata::new("mirror", "Mirror").version("1.0.0");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![PluginRoute::any("/{*rest}", Self::answer)]
    }

    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        Some(b"the bundle")
    }
}

impl Mirror {
    async fn answer(&self, mut request: Request) -> Result<Response, PluginError> {
        let pair = |(name, value): (&str, &[u8])| json!([name, String::from_utf8_lossy(value)]);
        let asked = |name: &&str| {
            let value = request.header(name)?;
            Some(json!([name.to_ascii_lowercase(), String::from_utf8_lossy(value)]))
        };
        let mut seen = json!({
            "path": request.path(),
            "rest": String::from_utf8_lossy(request.raw_param("rest").unwrap_or_default()),
            "headers": request.headers().map(pair).collect::<Vec<_>>(),
            "asked": ASKED_FOR.iter().filter_map(asked).collect::<Vec<_>>(),
        });
        let (mut body, mut trailers) = (request.take_body(), Vec::new());
        while let Some(frame) = body.frame().await {
            if let Frame::Trailers(fields) = frame? {
                trailers.extend(fields.iter().map(pair));
            }
        }
        seen["trailers"] = trailers.into();
        Response::json(&seen)
    }
}

/// A plugin's answer, taken apart.
pub(crate) struct Seen(Value);

impl Seen {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        Self(serde_json::from_slice(&answer.body).unwrap())
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    /// What the plugin saw in a list, as pairs of name and value.
    pub(crate) fn pairs(&self, list: &str) -> Vec<(&str, &str)> {
        let pairs = self.0[list].as_array().unwrap().iter();
        pairs
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect()
    }

    /// All values of a header field.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let of_name = |(candidate, value): (&str, _)| (candidate == name).then_some(value);
        self.pairs("headers").into_iter().filter_map(of_name).collect()
    }
}

/// Adds the plugin to a host.
pub(crate) fn with_mirror(builder: Builder) -> Builder {
    builder.register_static(toru_plugin_api::static_plugin!(Mirror))
}

/// A host that runs the plugin.
pub(crate) async fn mirror() -> Host {
    let host = Host::with(Place::new(), with_mirror).await;
    host.enable("mirror").await.unwrap();
    host
}
