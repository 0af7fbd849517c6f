//! The C part of the zoo: plugins with one fault each, compiled by the system's compiler.

use std::fs;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::host::{Answer, Host};
use crate::support::Place;

/// Id of the plugin in `zoo/<name>.c`.
pub(crate) fn id_of(name: &str) -> String {
    name.replace('_', "-")
}

/// Compiles `zoo/<name>.c` into the plugins folder of `place`. `None`, and a word why, when there is no compiler.
pub(crate) fn compile(place: &Place, name: &str, defines: &[&str]) -> Option<PathBuf> {
    compile_as(place, name, &id_of(name), defines)
}

/// The same under another id.
pub(crate) fn compile_as(place: &Place, name: &str, id: &str, defines: &[&str]) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let library = place.plugins().join(format!("{}.so", id.replace('-', "_")));
    let output = Command::new("cc")
        .args([
            "-O1",
            "-w",
            "-std=gnu11",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
            "-pthread",
        ])
        .arg("-I")
        .arg(root.join("../toru-plugin-api/include"))
        .arg(format!("-DZOO_ID={id:?}"))
        .arg(format!("-DZOO_MARKER={:?}", place.marker()))
        .args(defines.iter().map(|define| format!("-D{define}")))
        .arg("-o")
        .arg(&library)
        .arg(root.join("tests/zoo").join(format!("{name}.c")))
        .output();
    match output {
        Ok(output) => assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => {
            println!("skipped: no C compiler: {error}");
            return None;
        }
    }
    fs::set_permissions(&library, fs::Permissions::from_mode(0o755)).unwrap();
    Some(library)
}

/// A host with that plugin, not enabled.
pub(crate) async fn host_of(name: &str) -> Option<Host> {
    host_with(name, &[]).await
}

pub(crate) async fn host_with(name: &str, defines: &[&str]) -> Option<Host> {
    let place = Place::new();
    compile(&place, name, defines)?;
    Some(Host::new(place).await)
}

/// A host with that plugin, enabled.
pub(crate) async fn running(name: &str) -> Option<Zoo> {
    let host = host_of(name).await?;
    host.enable(&id_of(name)).await.unwrap();
    Some(Zoo {
        host,
        id: id_of(name),
    })
}

/// A running plugin of the zoo.
pub(crate) struct Zoo {
    pub(crate) host: Host,
    pub(crate) id: String,
}

impl Zoo {
    /// Sends a request to the plugin's fault.
    pub(crate) async fn fault(&self, number: i32) -> Answer {
        self.host.get(&format!("{}/fault?{number}", self.id)).await
    }

    /// One of the plugin's counters.
    pub(crate) async fn count(&self, name: &str) -> u32 {
        let answer = self.host.get(&format!("{}/counts", self.id)).await;
        let mut words = answer.text().split(' ');
        words.find(|word| *word == name).unwrap();
        words.next().unwrap().parse().unwrap()
    }

    /// Whether the plugin still answers.
    pub(crate) async fn serves(&self) {
        assert_eq!(self.host.get(&format!("{}/ok", self.id)).await.text(), "ok");
    }
}

/// Runs the plugin `stores` on that store.
pub(crate) async fn with_store(store: impl toru_host::kv::KvBackend, then: impl AsyncFnOnce(Host)) {
    let place = Place::new();
    if compile(&place, "stores", &[]).is_none() {
        return;
    }
    let host = Host::with(place, |builder| builder.kv(store)).await;
    host.enable("stores").await.unwrap();
    then(host).await;
}

/// A named pipe, and what lets whoever reads from it go on. `None`, and a word why, where there are none.
pub(crate) fn pipe(place: &Place) -> Option<(PathBuf, Release)> {
    let path = place.root().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo");
        return None;
    }
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let release = Release(ManuallyDrop::new(file));
    Some((path, release))
}

/// Lets whoever reads from the pipe go on when it is dropped, also when the test fails.
///
/// The pipe stays open on this side: a reader that comes later finds what was written.
pub(crate) struct Release(ManuallyDrop<fs::File>);

impl Drop for Release {
    fn drop(&mut self) {
        let _ = self.0.write_all(b"x");
    }
}
