//! Each call to the file system fails once, and the process dies at each of them.

use std::fs;
use std::io::{self, Write};

use super::*;
use crate::state::disk::faulty::{DEATHS, ERRORS, FaultyDisk, HARMLESS};
use crate::state::disk::platter::Names;

const OLD: &str = r#"{"version":1,"plugins":{"hello":{"enabled":false},"note":{"enabled":true,"x":1}}}"#;
const OLDER: &str = r#"{"version":1,"plugins":{"older":{"enabled":true}}}"#;

fn id(text: &str) -> PluginId {
    PluginId::new(text).unwrap()
}

/// The plugins that are on, as another process finds them; fails on what is no good file.
fn restart(folder: &Path) -> Result<Vec<String>, String> {
    let desired = FileStateStore::new(folder)
        .load_blocking()
        .map_err(|error| error.to_string())?;
    if let Some(notice) = desired
        .notices
        .iter()
        .find(|notice| notice.code != "state_recovered")
    {
        return Err(format!("{notice:?}"));
    }
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".new") {
            return Err(format!("{name} is left"));
        }
    }
    let plugins = desired.plugins.into_iter().filter(|(_, plugin)| plugin.enabled);
    Ok(plugins.map(|(id, _)| id.into()).collect())
}

/// What saves a change: the store, or something that has not thought of everything.
type Save = fn(&FileStateStore, &str) -> Result<(), StateError>;

fn save(store: &FileStateStore, plugin: &str) -> Result<(), StateError> {
    store.save_blocking(&id(plugin), &Change::Enabled(true))
}

/// Opens the file, cuts it off, and writes it anew.
fn save_naively(store: &FileStateStore, plugin: &str) -> Result<(), StateError> {
    struct Naive<'a>(&'a dyn Disk, fs::File);
    impl Write for Naive<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(&self.1, bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.sync(&self.1)
        }
    }
    let path = store.folder.join(FILE);
    let text = fs::read(&path).unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    value["plugins"][plugin] = serde_json::json!({ "enabled": true });
    let write = || {
        let folder = store.disk.open_folder(&store.folder)?;
        let file = store.disk.open_append(&folder, FILE)?;
        file.set_len(0)?;
        let mut naive = Naive(&*store.disk, file);
        naive.write_all(value.to_string().as_bytes())?;
        naive.flush()
    };
    write().map_err(|source| StateError::unwritable(&path, source))
}

/// Writes beside the file and renames, without a flush.
fn save_by_rename_alone(store: &FileStateStore, plugin: &str) -> Result<(), StateError> {
    let path = store.folder.join(FILE);
    let mut value: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    value["plugins"][plugin] = serde_json::json!({ "enabled": true });
    let write = || {
        let folder = store.disk.open_folder(&store.folder)?;
        let file = store.disk.create_new(&folder, NEW)?;
        store.disk.write(&file, value.to_string().as_bytes())?;
        store.disk.rename(&folder, NEW, FILE)
    };
    write().map_err(|source| StateError::unwritable(&path, source))
}

/// A folder with these files, and a store of it whose disk can fail.
fn fixture(files: &[(&str, &str)]) -> (tempfile::TempDir, Arc<FaultyDisk>, FileStateStore) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let disk = Arc::new(FaultyDisk::default());
    let store = FileStateStore::with_disk(folder.path().into(), disk.clone());
    (folder, disk, store)
}

/// A save with each of its calls failing: `Err` tells what went wrong.
fn each_call_of_a_save_may_fail(save: Save) -> Result<(), String> {
    for fault in HARMLESS.into_iter().chain(ERRORS) {
        for number in 1.. {
            let (folder, disk, store) = fixture(&[(FILE, OLD), (PREVIOUS, OLDER)]);
            store.load_blocking().unwrap();
            disk.track(folder.path());
            disk.arm(number, fault);
            let result = save(&store, "hello");
            let calls = disk.calls();
            if !disk.disarm() {
                break;
            }
            let at = format!("{fault:?} at call {number} of {calls:?}: {result:?}");
            let expect = |folder: &Path, plugins: &[&str]| match restart(folder) {
                Ok(found) if found == plugins => Ok(()),
                found => Err(format!("{at}: {found:?} instead of {plugins:?}")),
            };
            if result.is_ok() {
                expect(folder.path(), &["hello", "note"])?;
                save(&store, "other").map_err(|error| format!("{at}: {error}"))?;
                expect(folder.path(), &["hello", "note", "other"])?;
                continue;
            }
            if HARMLESS.contains(&fault) {
                return Err(at);
            }
            // A single fault leaves the chance to put the old file back.
            expect(folder.path(), &["note"])?;
            save(&store, "other").map_err(|error| format!("{at}: {error}"))?;
            expect(folder.path(), &["note", "other"])?;
            for names in [Names::Flushed, Names::All] {
                expect(disk.power_loss(folder.path(), names).path(), &["note", "other"])?;
            }
        }
    }
    Ok(())
}

/// A save during which the process dies: `Err` tells what went wrong.
fn the_process_may_die_at_each_call_of_a_save(save: Save) -> Result<(), String> {
    for fault in DEATHS {
        for number in 1.. {
            let (folder, disk, store) = fixture(&[(FILE, OLD), (PREVIOUS, OLDER)]);
            store.load_blocking().unwrap();
            disk.arm(number, fault);
            let result = save(&store, "hello");
            let calls = disk.calls();
            if !disk.disarm() {
                break;
            }
            let at = format!("{fault:?} at call {number} of {calls:?}");
            let found = restart(folder.path()).map_err(|error| format!("{at}: {error}"))?;
            let is_new = found == ["hello", "note"];
            if !is_new && (found != ["note"] || result.is_ok()) {
                return Err(format!("{at}: {found:?} after {result:?}"));
            }
            // The next process can go on, and there is always a good copy.
            save(&FileStateStore::new(folder.path()), "other").map_err(|error| format!("{at}: {error}"))?;
            fs::remove_file(folder.path().join(FILE)).unwrap();
            let previous = restart(folder.path()).map_err(|error| format!("{at}: {error}"))?;
            if previous != found {
                return Err(format!("{at}: {previous:?} is the previous of {found:?}"));
            }
        }
    }
    Ok(())
}

/// A save during which, or after which, the machine loses its power: `Err` tells what went wrong.
fn the_power_may_fail_at_each_call_of_a_save(save: Save) -> Result<(), String> {
    for number in 1.. {
        let (folder, disk, store) = fixture(&[(FILE, OLD), (PREVIOUS, OLDER)]);
        store.load_blocking().unwrap();
        disk.track(folder.path());
        disk.arm(number, DEATHS[1]);
        let result = save(&store, "hello");
        let calls = disk.calls();
        let is_over = !disk.disarm();
        for names in [Names::Flushed, Names::All] {
            let survivor = disk.power_loss(folder.path(), names);
            let at = format!("{names:?} names at call {number} of {calls:?}");
            let found = restart(survivor.path()).map_err(|error| format!("{at}: {error}"))?;
            let is_new = found == ["hello", "note"];
            if !is_new && (found != ["note"] || result.is_ok()) {
                return Err(format!("{at}: {found:?} after {result:?}"));
            }
        }
        if is_over {
            break;
        }
    }
    Ok(())
}

#[test]
fn whenever_the_power_fails_in_a_save_the_old_or_the_new_is_there() {
    assert_eq!(the_power_may_fail_at_each_call_of_a_save(save), Ok(()));
}

#[test]
fn neither_naive_way_survives_a_loss_of_power() {
    the_power_may_fail_at_each_call_of_a_save(save_naively).unwrap_err();
    the_power_may_fail_at_each_call_of_a_save(save_by_rename_alone).unwrap_err();
}

#[test]
fn whichever_call_of_a_save_fails_the_answer_is_true_and_the_next_save_works() {
    assert_eq!(each_call_of_a_save_may_fail(save), Ok(()));
}

#[test]
fn the_naive_way_does_not_survive_failing_calls() {
    each_call_of_a_save_may_fail(save_naively).unwrap_err();
}

#[test]
fn whenever_the_process_dies_in_a_save_the_old_or_the_new_is_there() {
    assert_eq!(the_process_may_die_at_each_call_of_a_save(save), Ok(()));
}

#[test]
fn the_naive_way_does_not_survive_the_death_of_its_process() {
    the_process_may_die_at_each_call_of_a_save(save_naively).unwrap_err();
}

/// Whatever is found first: the first load with each call failing, then a change, then another start.
fn each_call_of_a_first_load_may_fail(files: &[(&str, &str)], expected: &[&str]) {
    let changed: Vec<_> = ["hello"].iter().chain(expected).copied().collect();
    for fault in HARMLESS.into_iter().chain(ERRORS).chain(DEATHS) {
        for number in 1.. {
            let (outer, disk, _) = fixture(&[]);
            let folder = outer.path().join("made");
            if !files.is_empty() {
                fs::create_dir(&folder).unwrap();
            }
            for (name, text) in files {
                fs::write(folder.join(name), text).unwrap();
            }
            let store = FileStateStore::with_disk(folder.clone(), disk.clone());
            disk.arm(number, fault);
            let result = store.load_blocking();
            let calls = disk.calls();
            if !disk.disarm() {
                assert!(number > 10, "{calls:?}");
                break;
            }
            let at = format!("{fault:?} at call {number} of {calls:?}: {result:?}");
            if HARMLESS.contains(&fault) {
                let codes = result.as_ref().unwrap().notices.iter().map(|notice| notice.code);
                assert!(codes.into_iter().all(|code| code == "state_recovered"), "{at}");
            }
            if !DEATHS.contains(&fault) {
                // An error, or a store that is read-only for now, is over with the next load.
                let is_in_doubt = result.as_ref().map_or(true, |desired| desired.is_read_only);
                if is_in_doubt {
                    match store.load_blocking() {
                        Ok(desired) => assert!(!desired.is_read_only, "{at}: {desired:?}"),
                        // A damaged file that could not be moved stays until somebody or a restart moves it.
                        Err(error) => assert_eq!(error.code(), "malformed_state", "{at}"),
                    }
                }
                match save(&store, "hello") {
                    Ok(()) => {
                        assert_eq!(restart(&folder).as_deref(), Ok(&*owned(&changed)), "{at}");
                        continue;
                    }
                    Err(error) => {
                        let refused = ["malformed_state", "unreadable_state"];
                        assert!(is_in_doubt && refused.contains(&error.code()), "{at}: {error}");
                    }
                }
            }
            let found = restart(&folder);
            assert_eq!(found.as_deref(), Ok(&*owned(expected)), "{at}");
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn whichever_call_of_the_first_start_fails_a_file_is_there_in_the_end() {
    each_call_of_a_first_load_may_fail(&[], &[]);
}

#[test]
fn whichever_call_of_an_ordinary_start_fails_nothing_is_lost() {
    each_call_of_a_first_load_may_fail(&[(FILE, OLD), (PREVIOUS, OLDER)], &["note"]);
}

#[test]
fn whichever_call_of_a_recovery_fails_the_previous_state_is_recovered() {
    let stale = [(FILE, "{"), (PREVIOUS, OLDER), (NEW, "{"), (STALE[1], "{")];
    each_call_of_a_first_load_may_fail(&stale, &["older"]);
}

#[test]
fn a_failed_flush_is_never_taken_for_a_success() {
    let (folder, disk, store) = fixture(&[(FILE, OLD)]);
    store.load_blocking().unwrap();
    disk.arm(usize::MAX, HARMLESS[0]);
    save(&store, "hello").unwrap();
    let calls = disk.calls();
    // The content before its name, and the name before the answer.
    let position = |call| calls.iter().rposition(|found| *found == call).unwrap();
    let (write, rename) = (position("write"), position("rename"));
    assert!(calls[write..rename].contains(&"sync"), "{calls:?}");
    assert_eq!(calls.last(), Some(&"sync"), "{calls:?}");
    let flushes = (0..calls.len()).filter(|call| calls[*call] == "sync");
    for flush in flushes {
        let (_folder, disk, store) = fixture(&[(FILE, OLD)]);
        store.load_blocking().unwrap();
        disk.arm(flush + 1, ERRORS[0]);
        assert_eq!(save(&store, "hello").unwrap_err().code(), "unwritable_state");
    }
    drop(folder);
}

#[test]
fn what_could_not_be_put_back_neither_blocks_nor_sneaks_in() {
    for number in 1.. {
        // From some call on, everything fails, and then works again: as a disk that fills up.
        let (folder, disk, store) = fixture(&[(FILE, OLD)]);
        store.load_blocking().unwrap();
        disk.arm(number, DEATHS[0]);
        let result = save(&store, "hello");
        if !disk.disarm() {
            result.unwrap();
            break;
        }
        result.unwrap_err();
        assert!(
            !store.load_blocking().unwrap().plugins["hello"].enabled,
            "call {number}"
        );
        save(&store, "other").unwrap();
        assert_eq!(
            restart(folder.path()).unwrap(),
            ["note", "other"],
            "call {number}"
        );
    }
}

#[test]
fn a_change_to_what_somebody_else_has_made_so_is_durable_all_the_same() {
    for fails in [false, true] {
        let (folder, disk, store) = fixture(&[(FILE, OLD)]);
        store.load_blocking().unwrap();
        disk.track(folder.path());
        fs::write(folder.path().join(FILE), OLD.replacen("false", "true", 1)).unwrap();
        if fails {
            disk.fail_next("sync", rustix::io::Errno::IO);
        }
        assert!(store.load_blocking().unwrap().plugins["hello"].enabled);
        save(&store, "hello").unwrap();
        for names in [Names::Flushed, Names::All] {
            let survivor = disk.power_loss(folder.path(), names);
            assert_eq!(
                restart(survivor.path()).unwrap(),
                ["hello", "note"],
                "{names:?}, {fails}"
            );
        }
    }
}
