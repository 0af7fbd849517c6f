use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use toru_host::discovery::{Policy, elf, lint, scan};

use crate::support::{ENTRY, Note, Place, code};

/// Folders below the machine's library folders that hold files named like libraries.
fn library_folders() -> BTreeSet<PathBuf> {
    fn walk(dir: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth > 0 => walk(&entry.path(), depth - 1, found),
                Ok(kind)
                    if kind.is_file() && entry.path().extension().is_some_and(|suffix| suffix == "so") =>
                {
                    found.insert(dir.to_owned());
                }
                _ => {}
            }
        }
    }
    let mut found = BTreeSet::new();
    for root in ["/usr/lib", "/lib", "/usr/local/lib"].map(PathBuf::from) {
        if let Ok(root) = root.canonicalize() {
            walk(&root, 6, &mut found);
        }
    }
    found
}

#[test]
fn l05_a_system_library_is_not_a_plugin() {
    let folders = library_folders();
    let mut codes = BTreeMap::<_, usize>::new();
    let begin = Instant::now();
    for folder in &folders {
        for candidate in scan(folder, &Policy::default()).unwrap() {
            *codes.entry(code(&candidate.found)).or_default() += 1;
        }
    }
    let (took, count) = (begin.elapsed(), codes.values().sum::<usize>());
    if count == 0 {
        println!("skipped: no library found on this machine");
        return;
    }
    println!(
        "{count} libraries in {} folders in {took:?}: {codes:?}",
        folders.len()
    );
    assert!(!codes.contains_key("ok"), "{codes:?}");
    assert!(!codes.contains_key("malformed_library"), "{codes:?}");
}

/// Strictness is worth nothing if it refuses sound libraries: those of the system are all sound.
#[test]
fn the_lint_finds_no_fault_with_the_structure_of_system_libraries() {
    let mut policy = Policy::default();
    policy.allow_run_path = true;
    policy.allow_executable_stack = true;
    policy.allow_text_relocations = true;
    policy.allow_static_tls = true;
    policy.allow_audit = true;
    let (mut count, mut wrong) = (0, Vec::new());
    for path in library_folders()
        .iter()
        .flat_map(std::fs::read_dir)
        .flatten()
        .flatten()
        .map(|entry| entry.path())
    {
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        if !path.to_string_lossy().contains(".so") || !bytes.starts_with(b"\x7FELF") {
            continue;
        }
        count += 1;
        if let Err(error) = lint::check(&bytes, &policy)
            && error.code() == "malformed_library"
        {
            wrong.push(format!("{}: {error}", path.display()));
        }
    }
    println!("{count} libraries");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_thousand_plugins_are_listed() {
    let place = Place::new();
    let id = |index| format!("plugin-{index:04}");
    let Some(path) = place.library("first", &Note::new(&id(0)), ENTRY, &[]) else {
        return;
    };
    let library = std::fs::read(path).unwrap();
    let note_at = usize::try_from(elf::find_note(library.as_slice()).unwrap().offset).unwrap();
    for index in 0..1000 {
        let (mut copy, descriptor) = (library.clone(), Note::new(&id(index)).descriptor());
        copy[note_at..note_at + descriptor.len()].copy_from_slice(&descriptor);
        place.write(&format!("{index:04}.so"), copy);
    }
    place.scan();
    let begin = Instant::now();
    let found = place.scan();
    println!("{} plugins listed in {:?}", found.len(), begin.elapsed());
    assert_eq!(found.len(), 1000);
    for (index, candidate) in found.iter().enumerate() {
        assert_eq!(candidate.found.as_ref().unwrap().id.as_str(), id(index));
    }
}
