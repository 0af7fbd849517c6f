//! Damaged copies of a real plugin, and libraries that are none, offered to a manager.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toru_host::discovery::seal;

use crate::damaged::damaged;
use crate::host::{Host, soon};
use crate::loader::{build_loader, deadly};
use crate::rust_zoo::stable;
use crate::support::{Place, Random, cases};

/// The Rust zoo, sealed as a release would be.
fn sealed() -> Vec<u8> {
    let mut library = fs::read(&stable().zoo).unwrap();
    seal::seal(&mut library).unwrap();
    library
}

/// Mutated and truncated copies, all different from the library.
fn copies(library: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new();
    let mut all = Vec::new();
    while all.len() < count {
        let mut bad = match random.below(4) {
            0 => library[..random.below(library.len())].to_vec(),
            _ => damaged(library, &mut random),
        };
        if random.below(4) == 0 && !bad.is_empty() {
            // Anywhere, code and data too.
            let at = random.below(bad.len());
            bad[at] ^= 0x55;
        }
        if bad != library {
            all.push(bad);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t02_every_damaged_copy_of_a_sealed_plugin_is_refused_with_a_code() {
    let library = sealed();
    let host = Host::new(Place::new()).await;
    host.place.write("zoo.so", &library);
    soon(host.manager.scan()).await.unwrap();
    let mut codes = BTreeMap::<&str, usize>::new();
    let all = copies(&library, cases(200, 2000));
    for bad in &all {
        host.place.write("zoo.so", bad);
        soon(host.manager.scan()).await.unwrap();
        let code = match host.enable("rust-zoo").await {
            Ok(()) => panic!("a damaged copy runs"),
            Err(error) if error.code() == "unknown_plugin" => host.manager.rejected()[0].code,
            Err(error) => {
                host.disable("rust-zoo").await;
                error.code()
            }
        };
        *codes.entry(code).or_default() += 1;
    }
    println!("{codes:?}");
    // The host is alive, and the good one still runs.
    host.place.write("zoo.so", &library);
    soon(host.manager.scan()).await.unwrap();
    host.enable("rust-zoo").await.unwrap();
    assert_eq!(host.get("rust-zoo/ok").await.text(), "ok");
    // The control: without the host's checks such copies kill.
    let place = Place::new();
    let Some(loader) = build_loader(&place) else {
        return;
    };
    let killed = soon(tokio::task::spawn_blocking(move || {
        deadly(&loader, &place, &all).len()
    }))
    .await
    .unwrap();
    println!("{killed} of them kill whoever opens them");
    assert!(killed > 0, "the damage is too mild to prove anything");
}

/// Folders with files that end like libraries.
fn folders(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let mut has_library = false;
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => folders(&entry.path(), depth - 1, found),
            Ok(kind) => {
                has_library |=
                    kind.is_file() && entry.path().extension().is_some_and(|suffix| suffix == "so");
            }
            Err(_) => {}
        }
    }
    if has_library {
        found.push(dir.to_owned());
    }
}

#[tokio::test]
async fn t02_the_systems_own_libraries_are_no_plugins() {
    let mut found = Vec::new();
    for root in ["/usr/lib", "/usr/local/lib"] {
        folders(Path::new(root), 5, &mut found);
    }
    let state = Place::new();
    let mut codes = BTreeMap::<&str, usize>::new();
    for folder in found {
        let manager = toru_host::PluginManager::builder(folder).state_dir(state.cache());
        let manager = soon(manager.start()).await.unwrap();
        assert!(manager.list().is_empty(), "{:?}", manager.list());
        for file in manager.rejected() {
            *codes.entry(file.code).or_default() += 1;
        }
    }
    println!("{codes:?}");
    if codes.is_empty() {
        println!("skipped: this machine has no libraries");
    }
}
