//! The type implements nothing.
//~ `Shop` is not a plugin
//~ write `impl ToruPlugin for Shop` with `METADATA` and `init`

struct Shop;

toru_plugin_api::export_plugin!(Shop);

fn main() {}
