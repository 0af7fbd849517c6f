//! Nothing says what it is.
//~ not all trait items implemented, missing: `METADATA`
//~ const METADATA: PluginMetadata

use toru_plugin_api::{PluginContext, PluginError, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

toru_plugin_api::export_plugin!(Shop);

fn main() {}
