//! The future of `init` holds, across an `await`, what may not leave its thread.
//~ future cannot be sent between threads safely
//~ future returned by `init` is not `Send`
//~ has type `Rc<i32>` which is not `Send`

use std::rc::Rc;
use std::time::Duration;

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        let shared = Rc::new(1);
        ctx.runtime.sleep(Duration::ZERO).await?;
        drop(shared);
        Ok(Self)
    }
}

toru_plugin_api::export_plugin!(Shop);

fn main() {}
