//! An example plugin that needs a licence: `init` refuses without a good key, and `GET /license` says whose it is.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use serde_json::json;
use toru_plugin_api::license::{Ed25519, License, LicenseVerifier};
use toru_plugin_api::{
    LicenseFault, PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, ToruPlugin,
};

const ID: &str = "licensed";

/// Public key of the vendor, made by `license-generator carried`. The private half of this one is the first example of RFC
/// 8032 (section 7.1) and in `example-key.json`: all the world can issue licences for this plugin.
const KEY_ID: &str = "example";
const PUBLIC_KEY: [u8; 32] = [
    215, 90, 152, 1, 130, 177, 10, 183, 213, 75, 254, 211, 201, 100, 7, 58, 14, 225, 114, 243, 218, 166, 35,
    37, 175, 2, 26, 104, 247, 7, 81, 26,
];

/// What a licence has to name before reports are made.
const REPORTS: &str = "reports";

/// The plugin.
#[derive(Debug)]
pub struct Licensed {
    ctx: PluginContext,
    license: RwLock<Arc<License>>,
}

impl ToruPlugin for Licensed {
    const METADATA: PluginMetadata = PluginMetadata::new(ID, "Licensed")
        .version(env!("CARGO_PKG_VERSION"))
        .author("Toru authors")
        .icon("🔑")
        .route("/licensed")
        .description("Starts with a licence key only, and tells whose it is");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        let license = verify(&ctx)?;
        Ok(Self {
            ctx,
            license: RwLock::new(Arc::new(license)),
        })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::get("/license", Self::show),
            PluginRoute::get("/report", Self::report),
        ]
    }

    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        Some(include_bytes!("../frontend/bundle.js"))
    }

    /// Requests that are running go on, with the licence that they began with.
    async fn license_changed(&self) -> Result<(), PluginError> {
        let license = Arc::new(verify(&self.ctx)?);
        *self.license.write().unwrap_or_else(PoisonError::into_inner) = license;
        Ok(())
    }
}

/// The licence, if the administrator's key is a good one.
fn verify(ctx: &PluginContext) -> Result<License, PluginError> {
    let verifier = LicenseVerifier::<Ed25519>::new(ID).key(KEY_ID, &PUBLIC_KEY)?;
    let license = verifier.verify(ctx.license()?, ctx.instance_id)?;
    Ok(license)
}

impl Licensed {
    /// The licence, unless it has ended since the plugin was started.
    fn license(&self) -> Result<Arc<License>, PluginError> {
        let license = Arc::clone(&self.license.read().unwrap_or_else(PoisonError::into_inner));
        license.check_time(SystemTime::now())?;
        Ok(license)
    }

    /// `{"licensee":"…","expires":"2027-12-31","features":["reports"]}`
    async fn show(&self, _: Request) -> Result<Response, PluginError> {
        let license = self.license()?;
        Response::json(&json!({
            "licensee": license.licensee(),
            "expires": license.expires().map(|date| date.to_string()),
            "features": license.features().collect::<Vec<_>>(),
        }))
    }

    /// Something that not every licence unlocks.
    async fn report(&self, _: Request) -> Result<Response, PluginError> {
        if !self.license()?.has_feature(REPORTS) {
            let text = "the licence does not include reports".to_owned();
            return Err(PluginError::License(LicenseFault::Refused, text));
        }
        Response::json(&json!({ "report": "all is well" }))
    }
}

toru_plugin_api::export_plugin!(Licensed);
