//! The feature `tokio` is off.
//~ the item is gated behind the `tokio` feature
//~ const `TOKIO` is not a member of trait `ToruPlugin`

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, TokioRuntime, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");
    const TOKIO: Option<TokioRuntime> = Some(TokioRuntime::new());

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

toru_plugin_api::export_plugin!(Shop);

fn main() {}
