//! What happens to a plugin's file while the plugin runs, and what becomes of a new one.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use toru_host::PluginManager;
use toru_host::plugin::PluginState;

use crate::host::{Host, id, soon};
use crate::support::Place;
use crate::zoo;

const NAME: &str = "versioned";

/// Compiles a version of the plugin into a place of its own. `None`, and a word why, when there is no compiler.
fn version(number: usize) -> Option<(Place, PathBuf)> {
    let place = Place::new();
    let define = format!("ZOO_VERSION=\"{number}.0.0\"");
    let library = zoo::compile(&place, NAME, &[&define])?;
    Some((place, library))
}

/// Puts a library in the place of the plugin's file, as an upload does: by renaming.
fn replace(host: &Host, library: &Path) {
    let beside = host.place.root().join("upload");
    fs::copy(library, &beside).unwrap();
    fs::rename(&beside, file(host)).unwrap();
}

fn file(host: &Host) -> PathBuf {
    host.place.plugins().join("versioned.so")
}

async fn answers(host: &Host, version: &str) {
    assert_eq!(host.get("versioned/version").await.text(), version);
}

/// A host that runs version 1, and the libraries of the others.
async fn running(others: usize) -> Option<(Host, Vec<(Place, PathBuf)>)> {
    let place = Place::new();
    zoo::compile(&place, NAME, &["ZOO_VERSION=\"1.0.0\""])?;
    let host = Host::new(place).await;
    host.enable(NAME).await.unwrap();
    let others = (2..2 + others).map(version).collect::<Option<_>>()?;
    Some((host, others))
}

#[tokio::test]
async fn l24_a_running_plugin_does_not_notice_what_happens_to_its_file() {
    let Some((host, others)) = running(1).await else {
        return;
    };
    let original = fs::read(file(&host)).unwrap();
    let other = fs::read(&others[0].1).unwrap();
    for round in 0..100 {
        match round % 5 {
            0 => File::options()
                .write(true)
                .open(file(&host))
                .unwrap()
                .set_len(0)
                .unwrap(),
            1 => File::options()
                .write(true)
                .open(file(&host))
                .unwrap()
                .write_all(&other)
                .unwrap(),
            2 => fs::write(file(&host), [0x90; 4096]).unwrap(),
            3 => fs::remove_file(file(&host)).unwrap(),
            _ => fs::write(file(&host), &original).unwrap(),
        }
        answers(&host, "1.0.0").await;
        host.scan().await.unwrap();
        assert_eq!(host.state(NAME), PluginState::Enabled);
        answers(&host, "1.0.0").await;
    }
}

#[tokio::test]
async fn l24_a_scan_shows_the_new_file_and_enabling_again_changes_over_to_it() {
    let Some((host, others)) = running(1).await else {
        return;
    };
    let old = host.info(NAME);
    replace(&host, &others[0].1);
    assert_eq!(host.info(NAME).update, None, "nobody has looked yet");
    host.scan().await.unwrap();
    let info = host.info(NAME);
    let update = info.update.expect("the new file is shown");
    assert_eq!(update.version, "2.0.0");
    assert_ne!(Some(update.sha256.clone()), old.sha256);
    assert_eq!(
        info.metadata.unwrap().version,
        "1.0.0",
        "what runs is the old one"
    );
    assert_eq!(info.sha256, old.sha256);
    answers(&host, "1.0.0").await;

    host.enable(NAME).await.unwrap();
    answers(&host, "1.0.0").await;
    host.disable(NAME).await;
    let info = host.info(NAME);
    assert_eq!(
        (info.update, info.metadata.unwrap().version.as_str()),
        (None, "2.0.0")
    );
    host.enable(NAME).await.unwrap();
    answers(&host, "2.0.0").await;
    let info = host.info(NAME);
    assert_eq!(info.sha256, Some(update.sha256));
    assert_eq!((info.status.generation, info.retired_generations), (2, 1));
}

#[tokio::test]
async fn the_same_bytes_in_another_file_are_no_new_version() {
    let Some((host, _)) = running(0).await else { return };
    let copy = host.place.root().join("copy.so");
    fs::copy(file(&host), &copy).unwrap();
    replace(&host, &copy);
    host.scan().await.unwrap();
    assert_eq!(host.info(NAME).update, None);
    // Not even after another scan, which knows the file by now.
    host.scan().await.unwrap();
    assert_eq!(host.info(NAME).update, None);
}

#[tokio::test]
async fn going_back_to_a_file_that_ran_before_opens_nothing_new() {
    let Some((host, others)) = running(1).await else {
        return;
    };
    let first = host.place.root().join("first.so");
    fs::copy(file(&host), &first).unwrap();
    for _ in 0..3 {
        for (library, generation, version) in [(&others[0].1, 2, "2.0.0"), (&first, 1, "1.0.0")] {
            replace(&host, library);
            host.disable(NAME).await;
            host.enable(NAME).await.unwrap();
            answers(&host, version).await;
            let info = host.info(NAME);
            assert_eq!(
                (info.status.generation, info.retired_generations),
                (generation, 1)
            );
        }
    }
}

#[tokio::test]
async fn copies_of_replaced_libraries_stay_no_longer_than_the_process() {
    let Some((host, others)) = running(1).await else {
        return;
    };
    let cache = host.place.plugins().join(".metadata/cache");
    let copies = || {
        let names = fs::read_dir(&cache).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let first = host.info(NAME).sha256.unwrap();
    replace(&host, &others[0].1);
    host.disable(NAME).await;
    host.enable(NAME).await.unwrap();
    let second = host.info(NAME).sha256.unwrap();
    assert_eq!(copies().len(), 2, "both are mapped");
    // What a process leaves that dies while it copies, and what was never a copy.
    fs::write(cache.join(format!("{first}.1-0.tmp")), "half").unwrap();
    fs::write(cache.join("notes.so"), "somebody's").unwrap();
    let host = host.restart().await;
    let mut expected = [format!("{second}.so"), "notes.so".to_owned()];
    expected.sort();
    assert_eq!(copies(), expected);
    answers(&host, "2.0.0").await;
}

#[tokio::test]
async fn too_many_replaced_libraries_are_refused_with_advice() {
    let Some((host, others)) = running(3).await else {
        return;
    };
    let host = host
        .restart_with(|builder| builder.max_retired_generations(2))
        .await;
    for (index, (_, library)) in others[..2].iter().enumerate() {
        replace(&host, library);
        host.disable(NAME).await;
        host.enable(NAME).await.unwrap();
        assert_eq!(host.info(NAME).retired_generations, index + 1);
    }
    replace(&host, &others[2].1);
    host.disable(NAME).await;
    let error = host.enable(NAME).await.unwrap_err();
    assert_eq!(error.code(), "too_many_generations");
    assert!(error.to_string().contains("restart the host"), "{error}");
    assert_eq!(host.state(NAME), PluginState::Failed);
    assert_eq!(host.info(NAME).retired_generations, 2);

    // What ran before is still there, and after a restart the newest is.
    replace(&host, &others[1].1);
    host.enable(NAME).await.unwrap();
    answers(&host, "3.0.0").await;
    replace(&host, &others[2].1);
    let host = host.restart().await;
    answers(&host, "4.0.0").await;
    assert_eq!(host.info(NAME).retired_generations, 0);
}

#[tokio::test]
async fn a_new_file_that_does_not_start_leaves_the_plugin_failed_and_the_old_file_starts_again() {
    let Some((host, _)) = running(0).await else { return };
    let first = host.place.root().join("first.so");
    fs::copy(file(&host), &first).unwrap();
    let broken = Place::new();
    let library = zoo::compile_as(&broken, "init_fails_with_words", NAME, &[]).unwrap();
    replace(&host, &library);
    host.disable(NAME).await;
    assert_eq!(host.enable(NAME).await.unwrap_err().code(), "init_failed");
    replace(&host, &first);
    host.enable(NAME).await.unwrap();
    answers(&host, "1.0.0").await;
}

/// Runs itself once more, in a process whose current folder is nobody else's.
#[tokio::test]
async fn whoever_changes_the_current_folder_does_not_move_the_plugins() {
    const TEST: &str = "generations::whoever_changes_the_current_folder_does_not_move_the_plugins";
    const HOME: &str = "TORU_TEST_CURRENT_FOLDER";
    if let Some(home) = std::env::var_os(HOME) {
        std::env::set_current_dir(home).unwrap();
        let manager = soon(PluginManager::builder("plugins").start()).await.unwrap();
        std::env::set_current_dir("elsewhere").unwrap();
        soon(manager.scan()).await.unwrap();
        soon(manager.enable(&id(NAME))).await.unwrap();
        assert_eq!(fs::read_dir(".").unwrap().count(), 0, "nothing is made there");
        return soon(manager.shutdown()).await;
    }
    let place = Place::new();
    if zoo::compile(&place, NAME, &["ZOO_VERSION=\"1.0.0\""]).is_none() {
        return;
    }
    fs::create_dir(place.root().join("elsewhere")).unwrap();
    let mut itself = Command::new(std::env::current_exe().unwrap());
    let inner = itself
        .args(["--exact", TEST])
        .env(HOME, place.root())
        .output()
        .unwrap();
    assert!(
        inner.status.success(),
        "{}",
        String::from_utf8_lossy(&inner.stdout)
    );
}
