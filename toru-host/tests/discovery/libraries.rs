use std::fs;

use toru_host::discovery::lint::Warning;
use toru_host::discovery::{DiscoverError, Forbidden, Policy};

use crate::support::{BULK, ENTRY, Note, Place, code};

#[test]
fn l02_what_is_no_library_is_told_so() {
    let place = Place::new();
    let Some(good) = place.plugin("good.so") else {
        return;
    };
    let head = fs::read(good).unwrap()[..63].to_vec();
    fs::remove_file(place.plugins().join("good.so")).unwrap();
    for content in [
        Vec::new(),
        head,
        b"#!/bin/sh\necho hello\n".to_vec(),
        vec![0; 100],
        b"MZ\x90\0".repeat(30),
    ] {
        let path = place.write("file.so", &content);
        assert_eq!(place.code(), "not_a_library");
        assert_eq!(code(&place.stage(&path)), "not_a_library");
    }
}

#[test]
fn l04_another_target_is_named_beside_the_expected_one() {
    let place = Place::new();
    let Some(good) = place.plugin("hello.so") else {
        return;
    };
    let good = fs::read(good).unwrap();
    // Offset in the header, value, words of the message.
    let changes: [(usize, u8, &str); 6] = [
        (4, 1, "32-bit"),
        (5, 2, "big-endian"),
        (18, 40, "ARM"),
        (16, 1, "object file"),
        (16, 2, "executable"),
        (16, 4, "core dump"),
    ];
    for (at, value, words) in changes {
        let mut bad = good.clone();
        bad[at] = value;
        place.write("hello.so", &bad);
        let error = place.scan().remove(0).found.unwrap_err();
        assert_eq!(error.code(), "wrong_target", "{words}: {error}");
        let text = error.to_string();
        assert!(text.contains(words) && text.contains("64-bit"), "{text}");
    }
}

#[test]
fn l04_programs_of_both_kinds_are_executables() {
    for flags in [["-pie", "-fPIE"], ["-no-pie", "-fno-PIE"]] {
        let place = Place::new();
        let source = "int main(void) { return 0; }\n".to_owned() + &Note::new("hello").c_source();
        let path = place.root().join("program.c");
        fs::write(&path, source).unwrap();
        let output = place.plugins().join("program.so");
        let built = std::process::Command::new("cc")
            .args(flags)
            .arg("-o")
            .arg(&output)
            .arg(&path)
            .status();
        if !built.is_ok_and(|status| status.success()) {
            println!("skipped: no C compiler");
            return;
        }
        assert_eq!(place.code(), "wrong_target", "{flags:?}");
    }
}

#[test]
fn l05_a_library_without_a_note_is_not_a_plugin() {
    let place = Place::new();
    let Some(_) = place.compile("hello.so", ENTRY, &[]) else {
        return;
    };
    assert_eq!(place.code(), "not_a_plugin");
}

#[test]
fn l08_without_the_entry_function_there_is_no_plugin() {
    let sources = [
        "",
        "unsigned create_plugin(void) { return 0; }",
        "__attribute__((visibility(\"default\"))) int create_plugin = 1;",
        "extern unsigned create_plugin(void); int (*keep)(void) = (void *)create_plugin;",
    ];
    for source in sources {
        let place = Place::new();
        let Some(path) = place.library("hello.so", &Note::new("hello"), source, &[]) else {
            return;
        };
        assert_eq!(code(&place.stage(&path)), "symbol_missing", "{source}");
    }
}

#[test]
fn l08_more_exported_symbols_are_a_warning() {
    let place = Place::new();
    let source = ENTRY.to_owned() + BULK;
    let Some(path) = place.library("hello.so", &Note::new("hello"), &source, &[]) else {
        return;
    };
    let warnings = place.stage(&path).unwrap().warnings;
    let Some(Warning::ExtraSymbols { names, .. }) = warnings.first() else {
        panic!("{warnings:?}");
    };
    assert!(names.contains(&"extra".to_owned()), "{names:?}");
}

#[test]
fn l09_forbidden_requests_are_refused_by_name_and_can_be_allowed() {
    type Allow = fn(&mut Policy);
    let tls = "extern __thread int errno_like; __thread int t __attribute__((tls_model(\"initial-exec\")));\n\
        __attribute__((visibility(\"default\"))) int read_t(void) { return t; }\n";
    let cases: [(&[&str], &str, Forbidden, Allow); 6] = [
        (
            &["-Wl,-rpath,/tmp", "-Wl,--enable-new-dtags"],
            "",
            Forbidden::RunPath,
            |p| p.allow_run_path = true,
        ),
        (
            &["-Wl,-rpath,$ORIGIN", "-Wl,--disable-new-dtags"],
            "",
            Forbidden::RunPath,
            |p| p.allow_run_path = true,
        ),
        (&["-Wl,-z,execstack"], "", Forbidden::ExecutableStack, |p| {
            p.allow_executable_stack = true;
        }),
        (&[], tls, Forbidden::StaticTls, |p| p.allow_static_tls = true),
        (&["-Wl,--audit=other.so"], "", Forbidden::Audit, |p| {
            p.allow_audit = true;
        }),
        (
            &["-Wl,-z,notext", "-mcmodel=large", "-fno-PIC"],
            "extern char **environ; char **all(void) { return environ; }\n\
             __attribute__((visibility(\"default\"))) char **(*keep)(void) = all;\n",
            Forbidden::TextRelocations,
            |p| p.allow_text_relocations = true,
        ),
    ];
    for (flags, source, expected, allow) in cases {
        let place = Place::new();
        let source = ENTRY.to_owned() + source;
        let Some(path) = place.library("hello.so", &Note::new("hello"), &source, flags) else {
            continue;
        };
        match place.stage(&path) {
            Err(DiscoverError::ForbiddenFlag { flag }) => assert_eq!(flag, expected),
            other => panic!("{flags:?}: {other:?}"),
        }
        let mut policy = Policy::default();
        allow(&mut policy);
        assert_eq!(code(&place.stage_with(&path, &policy)), "ok", "{flags:?}");
    }
}

#[test]
fn the_note_is_found_where_tools_forgot_to_say_where_it_is() {
    let place = Place::new();
    let Some(path) = place.plugin("hello.so") else {
        return;
    };
    let good = fs::read(&path).unwrap();
    let mut without_segments = good.clone();
    for at in (64..64 + 56 * usize::from(good[56])).step_by(56) {
        // PT_NOTE becomes a type that nobody knows.
        if good[at] == 4 && good[at + 1..at + 4] == [0; 3] {
            without_segments[at..at + 4].copy_from_slice(&0x6000_1234_u32.to_le_bytes());
        }
    }
    place.write("hello.so", &without_segments);
    assert_eq!(place.code(), "ok", "by section");
    let mut without_sections = without_segments;
    without_sections[40..48].fill(0);
    without_sections[60..64].fill(0);
    place.write("hello.so", &without_sections);
    assert_eq!(place.code(), "ok", "by magic");
}

#[test]
fn other_linkers_and_options_are_fine() {
    let options: [&[&str]; 9] = [
        &["-Wl,-z,now"],
        &["-Wl,--hash-style=sysv"],
        &["-Wl,--hash-style=both", "-Wl,-z,norelro"],
        &["-Wl,-z,noseparate-code"],
        &["-Wl,-z,pack-relative-relocs"],
        &["-s", "-Wl,--build-id"],
        &["-mtls-dialect=gnu2"],
        &["-fuse-ld=lld"],
        &["-fuse-ld=gold"],
    ];
    for flags in options {
        let place = Place::new();
        let source = ENTRY.to_owned() + BULK;
        let Some(path) = place.library("hello.so", &Note::new("hello"), &source, flags) else {
            continue;
        };
        let staged = place.stage(&path);
        assert!(staged.is_ok(), "{flags:?}: {}", staged.unwrap_err());
    }
}

#[test]
fn l09_a_library_needed_by_path_is_refused() {
    let place = Place::new();
    let Some(needed) = place.compile(
        "needed.so",
        "__attribute__((visibility(\"default\"))) int n;",
        &[],
    ) else {
        return;
    };
    let flags = ["-Wl,--no-as-needed", needed.to_str().unwrap()];
    let Some(path) = place.library("hello.so", &Note::new("hello"), ENTRY, &flags) else {
        return;
    };
    let error = place.stage(&path).unwrap_err();
    assert!(
        matches!(
            error,
            DiscoverError::ForbiddenFlag {
                flag: Forbidden::DependencyPath
            }
        ),
        "{error}"
    );
}
