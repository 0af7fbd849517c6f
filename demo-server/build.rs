//! Embeds the web interface, if it was built: see `build/embed.rs`.

#[path = "build/embed.rs"]
mod embed;

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("no manifest folder")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no output folder")?);
    let dist = root.join("frontend/dist");
    // A path that is not there would have this run each time: the nearest one that is there changes when it appears.
    let watched = [dist.clone(), root.join("frontend"), root];
    if let Some(watched) = watched.iter().find(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/embed.rs");
    let table = if dist.join("index.html").is_file() {
        embed::table(&dist, &out)?
    } else {
        "&[]".to_owned()
    };
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}
