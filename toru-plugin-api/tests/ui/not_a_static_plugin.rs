//! The type implements nothing.
//~ `Shop` is not a plugin
//~ write `impl ToruPlugin for Shop` with `METADATA` and `init`

struct Shop;

fn main() {
    let _ = toru_plugin_api::static_plugin!(Shop);
}
