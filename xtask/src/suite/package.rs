//! The crates as they would be published: packed, and used by a workspace that has nothing else of this project.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::guide::{self, Host, Site};
use super::published::CRATES;
use crate::Result;
use crate::process::{cargo, run};
use crate::workspace::Workspace;

/// An application that mounts plugins, as the crates' own guides say: for whoever has the token, until its input ends.
const APPLICATION: &str = r#"
use toru_axum::{Access, Authorization, Authorizer, Identity, PluginManager, Refusal};
use toru_kv_sqlite::SqliteKv;

struct Token(String);

impl Authorizer for Token {
    fn authorize(&self, head: &axum::http::request::Parts, _: Access<'_>) -> Authorization {
        match head.headers.get("authorization") {
            Some(sent) if *sent == self.0 => {
                Authorization::allow(Identity::user("token").with_role("admin").with_explicit_credential())
            }
            _ => Authorization::refuse(Refusal::Unauthenticated),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let folder = std::path::PathBuf::from(std::env::args().nth(1).ok_or("name a folder")?);
    let token = Token(format!("Bearer {}", std::env::var("TOKEN")?));
    let store = SqliteKv::open(folder.join("data/plugins.db"))?;
    let plugins = PluginManager::builder(folder.join("plugins")).kv(store).start().await?;
    let app: axum::Router = toru_axum::router(plugins.clone(), token);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = stop.send(());
    });
    let stop = async move {
        let _ = stopped.await;
        plugins.shutdown().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}
"#;

/// Packs the crates and compiles them with all features, builds an application of them, and follows the guide of
/// `toru-plugin-api` from its packed text.
///
/// `Some` is the reason why something was left out.
pub(super) fn check(workspace: &Workspace) -> Result<Option<String>> {
    let folder = workspace.target().join("packed");
    let consumer = folder.join("consumer");
    empty(&consumer)?;
    fs::create_dir_all(consumer.join("app/src"))?;
    // Compiles each from its packed files, as `cargo publish` would, with the others from theirs.
    run(pack(workspace)
        .arg("--all-features")
        .env("RUSTFLAGS", "-D warnings"))?;

    let mut patches = String::new();
    for name in CRATES {
        let unpacked = unpack(&folder.join("package"), name, &consumer)?;
        patches += &format!("{name} = {{ path = {unpacked:?} }}\n");
    }
    let root = format!("[workspace]\nresolver = \"3\"\nmembers = [\"app\"]\n\n[patch.crates-io]\n{patches}");
    fs::write(consumer.join("Cargo.toml"), root)?;
    // The versions that everything else was tested with.
    fs::copy(workspace.root().join("Cargo.lock"), consumer.join("Cargo.lock"))?;
    fs::write(consumer.join("app/Cargo.toml"), application_manifest())?;
    fs::write(consumer.join("app/src/main.rs"), APPLICATION)?;
    // Shared with what compiled the crates, since most of what they depend on is the same.
    let target = folder.clone();
    let mut build = cargo();
    build.args(["build", "--quiet", "--target-dir"]).arg(&target);
    run(build.current_dir(&consumer).env("RUSTFLAGS", "-D warnings"))?;

    let place = consumer.join("place");
    fs::create_dir_all(&place)?;
    let host = Host::start(&target.join("debug/app"), &place)?;
    let api = consumer.join(format!("toru-plugin-api-{}", version(workspace)?));
    let guide = fs::read_to_string(api.join("README.md"))?;
    // Not below the workspace, which cargo would make new packages members of.
    let walk = std::env::temp_dir().join(format!("toru-guide-{}", std::process::id()));
    empty(&walk)?;
    fs::create_dir_all(&walk)?;
    let site = Site {
        root: workspace.root(),
        folder: &walk,
        target: &folder.join("guide"),
        api: &api,
        host: &host,
    };
    let followed = guide::follow(&guide, &site)
        .map_err(|error| format!("{error}\nwhat was made up to there is in {}", walk.display()))?;
    drop(host);
    fs::remove_dir_all(walk)?;
    println!(
        "    the guide's plugin, from packed crates: {} blocks followed",
        followed.blocks
    );
    Ok(followed.skipped)
}

/// Removes a folder if it is there.
fn empty(folder: &Path) -> Result {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// `cargo package` for all of them at once.
fn pack(workspace: &Workspace) -> Command {
    let mut pack = cargo();
    pack.args(["package", "--quiet", "--allow-dirty", "--target-dir"]);
    pack.arg(workspace.target().join("packed"));
    for name in CRATES {
        pack.args(["--package", name]);
    }
    pack.current_dir(workspace.root());
    pack
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
         default-features = false, features = [\"http1\", \"tokio\"] }}\ntokio = {{ version = \"1\", features = \
         [\"macros\", \"net\", \"rt-multi-thread\"] }}\ntracing-subscriber = {{ version = \"0.3\", default-features = false, \
         features = [\"fmt\"] }}\n{own}"
    )
}
