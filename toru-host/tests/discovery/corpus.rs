//! Every seed of the fuzzers through the functions that they fuzz.
//!
//! `TORU_WRITE_CORPUS=1` writes the seeds anew.

use std::fs;
use std::path::{Path, PathBuf};

use toru_host::discovery::{Policy, elf, lint, note, seal};
use toru_plugin_api::abi::note::{RECORD_MUST_UNDERSTAND, TAG_ABI, TAG_ID};

use crate::support::{ENTRY, Note, Place};

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target)
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(corpus(target)) else {
        // The published crate comes without them.
        println!("skipped: no corpus at {:?}", corpus(target));
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn verdict(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().starts_with("good")
}

#[test]
fn the_seeds_of_the_note_fuzzer_get_what_their_names_say() {
    for (path, bytes) in seeds("note") {
        let result = note::parse(&bytes, &Policy::default());
        assert_eq!(result.is_ok(), verdict(&path), "{path:?}: {result:?}");
    }
}

#[test]
fn the_seeds_of_the_reader_fuzzer_get_what_their_names_say() {
    if !cfg!(target_arch = "x86_64") {
        println!("skipped: the seeds are libraries for x86-64");
        return;
    }
    for (path, bytes) in seeds("elf_note") {
        let result = elf::find_note(bytes.as_slice());
        assert_eq!(result.is_ok(), verdict(&path), "{path:?}: {result:?}");
        let _ = seal::verify(&bytes);
    }
}

#[test]
fn the_seeds_of_the_lint_fuzzer_get_what_their_names_say() {
    if !cfg!(target_arch = "x86_64") {
        println!("skipped: the seeds are libraries for x86-64");
        return;
    }
    for (path, bytes) in seeds("lint") {
        let result = lint::check(&bytes, &Policy::default());
        assert_eq!(result.is_ok(), verdict(&path), "{path:?}: {result:?}");
    }
}

#[test]
fn the_seeds_can_be_written_anew() {
    if std::env::var_os("TORU_WRITE_CORPUS").is_none() {
        println!("skipped: TORU_WRITE_CORPUS is not set");
        return;
    }
    let write = |target: &str, name: &str, bytes: &[u8]| fs::write(corpus(target).join(name), bytes).unwrap();
    let good = Note::new("hello");
    write("note", "good", &good.descriptor());
    write("note", "bad-id", &good.clone().with(TAG_ID, "../x").descriptor());
    write(
        "note",
        "bad-major",
        &good.clone().with(TAG_ABI, [2, 0, 0, 0]).descriptor(),
    );
    write(
        "note",
        "bad-unknown",
        &good.clone().add(999, RECORD_MUST_UNDERSTAND, "x").descriptor(),
    );

    let place = Place::new();
    let source = good.c_source() + ENTRY;
    let source_path = place.root().join("seed.c");
    fs::write(
        &source_path,
        source + "extern int puts(const char *); int (*use)(const char *) = puts;\n",
    )
    .unwrap();
    for (name, flags) in [
        ("good-gnu", "-Wl,--hash-style=gnu"),
        ("good-sysv", "-Wl,--hash-style=sysv,-z,pack-relative-relocs"),
    ] {
        let output = place.root().join(name);
        let options = [
            "-Os",
            "-s",
            "-w",
            "-shared",
            "-fPIC",
            "-nostdlib",
            "-fvisibility=hidden",
        ];
        let linker = "-Wl,-z,max-page-size=4096,-z,noseparate-code,--build-id=none";
        let mut command = std::process::Command::new("cc");
        command
            .args(options)
            .args([linker, flags, "-o"])
            .arg(&output)
            .arg(&source_path);
        assert!(command.status().unwrap().success());
        let library = fs::read(output).unwrap();
        write("lint", name, &library);
        write("elf_note", name, &library);
        write(
            "lint",
            &name.replace("good", "bad-end"),
            &library[..library.len() - 64],
        );
    }
    write("elf_note", "bad-text", b"#!/bin/sh\n");
}
