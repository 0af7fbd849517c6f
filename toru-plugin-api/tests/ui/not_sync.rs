//! Handlers would share what no two threads may.
//~ `Cell<u32>` cannot be shared between threads safely
//~ required by a bound in `ToruPlugin`

use std::cell::Cell;

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, ToruPlugin};

struct Shop {
    count: Cell<u32>,
}

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self { count: Cell::new(0) })
    }
}

toru_plugin_api::export_plugin!(Shop);

fn main() {}
