//! Rows L1 to L16 and L22 of the table of outcomes, as the manager shows them: nothing of a refused file runs.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use toru_host::discovery::Policy;
use toru_host::plugin::PluginState;
use toru_plugin_api::abi::note::*;

use crate::host::{Host, id};
use crate::support::{ENTRY, Note, Place};
use crate::zoo;

/// A plugins folder with the library of the zoo's good plugin.
fn good() -> Option<(Place, Vec<u8>)> {
    let place = Place::new();
    let path = zoo::compile(&place, "good", &[])?;
    let library = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    Some((place, library))
}

/// Starts a manager for a folder with one bad file, which it lists with that code. Returns the message.
async fn rejected(place: Place, code: &str) -> (Host, String) {
    let host = Host::new(place).await;
    let rejected = host.manager.rejected();
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    assert_eq!(rejected[0].code, code, "{rejected:?}");
    assert!(!host.place.marker().exists(), "a constructor ran");
    let shown = host.get("").await;
    assert!(shown.text().contains(code), "{}", shown.text());
    let message = rejected[0].message.clone();
    (host, message)
}

/// Enables the plugin, which is refused with that code before anything of it runs. Returns the message.
async fn refused(host: &Host, plugin: &str, code: &str) -> String {
    let error = host.enable(plugin).await.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    let status = host.status(plugin);
    assert_eq!(status.state, PluginState::Failed);
    assert_eq!(status.error.as_ref().unwrap().code, code);
    assert_eq!(status.error.unwrap().message, error.to_string());
    assert!(!host.place.marker().exists(), "a constructor ran");
    let answer = host.post(&format!("{plugin}/enable"), "").await;
    assert_eq!(answer.problem(), (422, code.to_owned()));
    error.to_string()
}

#[tokio::test]
async fn t02_l02_what_is_no_library() {
    for content in [
        b"".as_slice(),
        &[0x7F; 63],
        b"hello, this is just text",
        &[0; 4096],
    ] {
        let place = Place::new();
        place.write("file.so", content);
        rejected(place, "not_a_library").await;
    }
}

#[tokio::test]
async fn t02_l03_a_truncated_library() {
    let Some((_, library)) = good() else { return };
    for len in [64, 4096, library.len() / 2, library.len() - 1] {
        let place = Place::new();
        place.write("good.so", &library[..len]);
        let host = Host::new(place).await;
        // The note may lie in the part that is left: then the file is refused when it is to be opened.
        if host.manager.get(&id("good")).is_some() {
            refused(&host, "good", "malformed_library").await;
        } else {
            assert_eq!(
                host.manager.rejected()[0].code,
                "malformed_library",
                "{len} bytes"
            );
        }
        assert!(!host.place.marker().exists());
    }
}

#[tokio::test]
async fn t02_l04_another_target() {
    for (at, value, word) in [
        (4, 1, "32-bit"),
        (18, 40, "ARM"),
        (16, 1, "object"),
        (16, 2, "executable"),
        (16, 4, "core"),
    ] {
        let Some((place, mut library)) = good() else {
            return;
        };
        library[at] = value;
        place.write("good.so", library);
        let (_, message) = rejected(place, "wrong_target").await;
        assert!(message.contains(word) && message.contains("64-bit"), "{message}");
    }
}

#[tokio::test]
async fn t02_l05_a_library_that_is_no_plugin() {
    let place = Place::new();
    let Some(_) = place.compile("library.so", ENTRY, &[]) else {
        return;
    };
    rejected(place, "not_a_plugin").await;
}

#[tokio::test]
async fn t02_l06_to_l16_and_l22_a_note_that_breaks_a_rule() {
    let note = || Note::new("hello");
    let notes: [(Note, &str, &[&str]); 14] = [
        (
            note().with(TAG_ABI, [2, 0, 7, 0]),
            "abi_mismatch",
            &["2.7", "1.0"],
        ),
        (
            note().add(TAG_REQUIRES, 0, "toru.gpu/1"),
            "extension_missing",
            &["toru.gpu/1"],
        ),
        (note().with(TAG_ID, "a/b"), "invalid_metadata", &["id"]),
        (note().with(TAG_ID, ".."), "invalid_metadata", &["id"]),
        (note().with(TAG_ID, "a\0b"), "invalid_metadata", &["id"]),
        (note().with(TAG_ID, "Hello"), "invalid_metadata", &["id"]),
        (note().with(TAG_ID, "a".repeat(65)), "invalid_metadata", &["id"]),
        (note().with(TAG_ID, "-a"), "invalid_metadata", &["id"]),
        (note().with(TAG_NAME, b"\xFF\xFE"), "invalid_metadata", &["name"]),
        (
            note().add(999, RECORD_MUST_UNDERSTAND, "new"),
            "invalid_metadata",
            &["note"],
        ),
        (note().with(TAG_ROUTE, "/api"), "invalid_metadata", &["route"]),
        (note().with(TAG_ROUTE, "x"), "invalid_metadata", &["route"]),
        (
            note().with(TAG_ICON, "i".repeat(65)),
            "invalid_metadata",
            &["icon"],
        ),
        (
            note().with(TAG_PANIC, "abort"),
            "panic_abort",
            &["hello", "panic=unwind"],
        ),
    ];
    for (note, code, words) in notes {
        let place = Place::new();
        let Some(_) = place.library("hello.so", &note, ENTRY, &[]) else {
            return;
        };
        let (_, message) = rejected(place, code).await;
        for word in words {
            assert!(message.contains(word), "{message}");
        }
    }
}

#[tokio::test]
async fn t04_l08_no_entry_function() {
    for source in ["", "unsigned create_plugin(void) { return 0; }"] {
        let place = Place::new();
        let Some(_) = place.library("hello.so", &Note::new("hello"), source, &[]) else {
            return;
        };
        let host = Host::new(place).await;
        refused(&host, "hello", "symbol_missing").await;
    }
}

#[tokio::test]
async fn t04_l08_more_than_one_exported_function_is_a_warning() {
    let place = Place::new();
    let path = zoo::compile(&place, "good", &[]);
    let Some(_) = path else { return };
    let source =
        format!("{ENTRY}__attribute__((visibility(\"default\"))) int one_more(void) {{ return 0; }}");
    place.library("hello.so", &Note::new("hello"), &source, &[]);
    let host = Host::new(place).await;
    // It gets as far as `create_plugin`, which this one refuses.
    assert_eq!(host.enable("hello").await.unwrap_err().code(), "create_failed");
    let warnings = host.manager.get(&id("hello")).unwrap().warnings;
    assert!(
        warnings.iter().any(|warning| warning.contains("one_more")),
        "{warnings:?}"
    );
    assert!(host.manager.get(&id("good")).unwrap().warnings.is_empty());
}

#[tokio::test]
async fn t02_l09_what_the_policy_forbids() {
    for (flags, word) in [
        ("-Wl,-rpath,/tmp", "run path"),
        ("-Wl,-z,execstack", "executable stack"),
    ] {
        let place = Place::new();
        let Some(_) = place.library("hello.so", &Note::new("hello"), ENTRY, &[flags]) else {
            return;
        };
        let host = Host::new(place).await;
        let message = refused(&host, "hello", "forbidden_flag").await;
        assert!(message.contains(word), "{message}");
    }
}

#[tokio::test]
async fn t04_l10_a_symbol_that_nobody_has() {
    let Some(host) = zoo::host_of("needs_a_symbol_that_nobody_has").await else {
        return;
    };
    let message = refused(&host, "needs-a-symbol-that-nobody-has", "unresolved_symbol").await;
    assert!(message.contains("zoo_nobody_has_this"), "{message}");
}

#[tokio::test]
async fn t02_l11_a_file_that_is_too_large() {
    let place = Place::new();
    let path = place.write("huge.so", "");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    if file.set_len(1 << 40).is_err() {
        file.set_len(1 << 30).unwrap();
    }
    rejected(place, "too_large").await;
}

#[tokio::test]
async fn t02_l12_what_is_no_regular_file_of_the_folder() {
    type Make = fn(&Place);
    let makes: [Make; 4] = [
        |place| fs::create_dir(place.plugins().join("folder.so")).unwrap(),
        |place| symlink("/dev/zero", place.plugins().join("device.so")).unwrap(),
        |place| {
            fs::write(place.root().join("outside"), "text").unwrap();
            symlink("../outside", place.plugins().join("leaves.so")).unwrap();
        },
        |place| drop(UnixListener::bind(place.plugins().join("socket.so")).unwrap()),
    ];
    for make in makes {
        let place = Place::new();
        make(&place);
        rejected(place, "not_a_regular_file").await;
    }
}

#[tokio::test]
async fn t02_l13_what_others_may_write_to() {
    let Some((place, library)) = good() else { return };
    let path = place.write("good.so", library);
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let (host, message) = rejected(place, "insecure_permissions").await;
    assert!(message.contains("good.so"), "{message}");
    let mut policy = Policy::default();
    policy.check_permissions = false;
    let host = host.restart_with(|builder| builder.policy(policy)).await;
    host.enable("good").await.unwrap();
}

#[tokio::test]
async fn t02_l14_the_second_file_of_an_id() {
    let Some((place, library)) = good() else { return };
    place.write("a.so", &library);
    place.write("b.so", &library);
    let (host, message) = rejected(place, "duplicate_id").await;
    assert!(message.contains("a.so") && message.contains("b.so"), "{message}");
    host.enable("good").await.unwrap();
}

#[tokio::test]
async fn t02_l14_a_file_with_the_id_of_a_linked_plugin() {
    let place = Place::new();
    let Some(_) = place.library("actor.so", &Note::new("actor"), ENTRY, &[]) else {
        return;
    };
    logged_in_actor(place).await;
}

async fn logged_in_actor(place: Place) {
    let host = Host::with(place, |builder| builder.register_static(crate::actor::plugin())).await;
    let rejected = host.manager.rejected();
    assert_eq!(rejected[0].code, "duplicate_id");
    assert!(rejected[0].message.contains("actor.so"), "{rejected:?}");
    assert!(!host.place.marker().exists());
}
