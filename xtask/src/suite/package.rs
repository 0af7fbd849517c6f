//! The crates as they would be published: packed, and used by a workspace that has nothing else of this project.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::process::{capture, cargo, run};
use crate::workspace::Workspace;

const CRATES: [&str; 4] = ["toru-plugin-api", "toru-host", "toru-kv-sqlite", "toru-axum"];

/// An application that mounts plugins, and asks the one that the guide has made.
const APPLICATION: &str = r#"
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use toru_axum::{DangerouslyAllowEveryone, PluginManager};
use toru_kv_sqlite::SqliteKv;
use tower::ServiceExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).ok_or("name a folder")?);
    let store = SqliteKv::open(folder.join("data/plugins.db"))?;
    let manager = PluginManager::builder(folder.join("plugins")).kv(store).start().await?;
    manager.enable(&"greeter".parse()?).await?;
    let app: axum::Router = toru_axum::router(manager.clone(), DangerouslyAllowEveryone);
    let request = Request::get("/api/plugins/greeter/greeting/world").body(Body::empty())?;
    let answer = app.oneshot(request).await?.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&answer));
    manager.shutdown().await;
    Ok(())
}
"#;

/// Packs the crates, follows the guide of `toru-plugin-api` from its packed text, and asks the plugin that comes of it.
pub(super) fn check(workspace: &Workspace) -> Result {
    let folder = workspace.target().join("packed");
    let consumer = folder.join("consumer");
    match fs::remove_dir_all(&consumer) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::create_dir_all(consumer.join("app/src"))?;
    fs::create_dir_all(consumer.join("plugin/src"))?;
    let mut pack = cargo();
    pack.args([
        "package",
        "--quiet",
        "--no-verify",
        "--allow-dirty",
        "--target-dir",
    ]);
    pack.arg(&folder);
    for name in CRATES {
        pack.args(["--package", name]);
    }
    run(pack.current_dir(workspace.root()))?;

    let mut patches = String::new();
    for name in CRATES {
        let unpacked = unpack(&folder.join("package"), name, &consumer)?;
        patches += &format!("{name} = {{ path = {unpacked:?} }}\n");
    }
    let root = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"plugin\"]\n\n[patch.crates-io]\n{patches}\n{}",
        "[profile.release]\nlto = true\nstrip = true\n"
    );
    fs::write(consumer.join("Cargo.toml"), root)?;
    // The versions that everything else was tested with.
    fs::copy(workspace.root().join("Cargo.lock"), consumer.join("Cargo.lock"))?;
    fs::write(consumer.join("app/Cargo.toml"), application_manifest())?;
    fs::write(consumer.join("app/src/main.rs"), APPLICATION)?;

    let guide = consumer.join(format!("toru-plugin-api-{}/README.md", version(workspace)?));
    let guide = fs::read_to_string(guide)?;
    let source = block(&guide, "rust").ok_or("the guide has no plugin in it")?;
    let manifest = block(&guide, "toml").ok_or("the guide has no manifest in it")?;
    // Profiles belong to the workspace.
    let manifest = manifest.split("[profile").next().unwrap_or_default();
    let head = "[package]\nname = \"greeter\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
    fs::write(consumer.join("plugin/Cargo.toml"), format!("{head}{manifest}"))?;
    fs::write(consumer.join("plugin/src/lib.rs"), source)?;

    let target = folder.join("target");
    let mut build = cargo();
    build.args(["build", "--quiet", "--target-dir"]).arg(&target);
    run(build.current_dir(&consumer).env("RUSTFLAGS", "-D warnings"))?;
    let place = consumer.join("place");
    fs::create_dir_all(place.join("plugins"))?;
    fs::create_dir_all(place.join("data"))?;
    let library = format!(
        "{}greeter{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let built = target.join("debug").join(&library);
    crate::examples::install(&built, &place.join("plugins"), |_| Ok(()))?;
    let answer = capture(Command::new(target.join("debug/app")).arg(&place))?;
    if !answer.starts_with("Hello, world, from ") {
        return Err(format!("the plugin of the guide answered {answer:?}").into());
    }
    println!("    the guide's plugin, from packed crates: {}", answer.trim());
    Ok(())
}

fn unpack(packed: &Path, name: &str, to: &Path) -> Result<String> {
    // `toru-host-…`, and not what else may begin with the name.
    let found = fs::read_dir(packed)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_it = |file: &String| {
        let rest = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.ends_with(".crate"))
    };
    let file = found
        .filter(is_it)
        .max()
        .ok_or_else(|| format!("{name} was not packed"))?;
    run(Command::new("tar")
        .arg("xzf")
        .arg(packed.join(&file))
        .arg("-C")
        .arg(to))?;
    Ok(file.trim_end_matches(".crate").to_owned())
}

fn version(workspace: &Workspace) -> Result<String> {
    let manifest = fs::read_to_string(workspace.root().join("Cargo.toml"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = "));
    Ok(line
        .ok_or("the workspace has no version")?
        .trim_matches('"')
        .to_owned())
}

fn application_manifest() -> String {
    let own: String = ["toru-axum", "toru-kv-sqlite"]
        .map(|name| format!("{name} = \"0.1\"\n"))
        .concat();
    format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\naxum = {{ version = \"0.8\", \
         default-features = false }}\nhttp-body-util = \"0.1\"\ntokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n\
         tower = {{ version = \"0.5\", features = [\"util\"] }}\n{own}"
    )
}

/// The first block of a language in a text with Markdown.
fn block<'a>(text: &'a str, language: &str) -> Option<&'a str> {
    let (_, behind) = text.split_once(&format!("```{language}\n"))?;
    Some(behind.split_once("```")?.0)
}
