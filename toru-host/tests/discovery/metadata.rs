use toru_host::discovery::{Policy, note};
use toru_host::plugin::{PanicStrategy, PluginMetadata};
use toru_plugin_api::abi::note::*;

use crate::support::{ENTRY, Note, Place, code};

fn parse(note: &Note) -> Result<PluginMetadata, toru_host::discovery::DiscoverError> {
    note::parse(&note.descriptor(), &Policy::default())
}

#[test]
fn a_good_plugin_is_listed_with_what_it_says() {
    let place = Place::new();
    let note = Note::new("hello")
        .with(TAG_ICON, "👋")
        .with(TAG_AUTHOR, "Ada")
        .add(TAG_USES, 0, "x.y/1");
    let Some(_) = place.library("hello.so", &note, ENTRY, &[]) else {
        return;
    };
    let metadata = place.scan().remove(0).found.unwrap();
    assert_eq!(
        (metadata.id.as_str(), &*metadata.name, &*metadata.version),
        ("hello", "Hello", "1.0.0")
    );
    assert_eq!(metadata.icon.as_deref(), Some("👋"));
    assert_eq!(metadata.route.as_deref(), Some("/hello"));
    assert_eq!((metadata.abi, metadata.panic), ((1, 0), PanicStrategy::Unwind));
    assert_eq!(
        (metadata.requires, metadata.uses),
        (vec!["toru.kv/1".into()], vec!["x.y/1".into()])
    );
}

#[test]
fn l06_another_major_version_is_told_before_anything_else() {
    let note = Note::new("Not An Id")
        .with(TAG_ABI, [2, 0, 7, 0])
        .add(999, RECORD_MUST_UNDERSTAND, "new");
    let error = parse(&note).unwrap_err();
    assert_eq!(error.code(), "abi_mismatch");
    let text = error.to_string();
    assert!(text.contains("2.7") && text.contains("1.0"), "{text}");
}

#[test]
fn l07_a_missing_extension_is_named() {
    let note = Note::new("hello").add(TAG_REQUIRES, 0, "toru.gpu/1");
    let error = parse(&note).unwrap_err();
    assert_eq!(error.code(), "extension_missing");
    assert!(error.to_string().contains("toru.gpu/1"));
    let mut policy = Policy::default();
    policy.extensions.push("toru.gpu/1".into());
    assert_eq!(code(&note::parse(&note.descriptor(), &policy)), "ok");
}

#[test]
fn l15_an_id_that_breaks_a_rule_is_refused() {
    let long = "a".repeat(65);
    for id in [
        "a/b",
        "..",
        "a\0b",
        "Hello",
        "h\u{435}llo",
        &long,
        "",
        "-a",
        "a-",
        "a b",
        "a.b",
    ] {
        let error = parse(&Note::new("x").with(TAG_ID, id)).unwrap_err();
        assert_eq!(error.code(), "invalid_metadata", "{id:?}");
        assert!(error.to_string().contains(" id "), "{id:?}: {error}");
    }
}

#[test]
fn l16_metadata_that_breaks_a_rule_is_refused_naming_the_field() {
    let good = || Note::new("hello");
    let text = |len: usize| "x".repeat(len);
    let notes = [
        ("name", good().without(TAG_NAME)),
        ("name", good().with(TAG_NAME, "")),
        ("name", good().with(TAG_NAME, " ")),
        ("name", good().with(TAG_NAME, text(65))),
        ("name", good().with(TAG_NAME, b"\xFF\xFE")),
        ("name", good().with(TAG_NAME, "a\nb")),
        ("name", good().with(TAG_NAME, "a\u{202E}b")),
        ("name", good().add(TAG_NAME, 0, "again")),
        ("version", good().without(TAG_VERSION)),
        ("version", good().with(TAG_VERSION, text(65))),
        ("author", good().with(TAG_AUTHOR, text(129))),
        ("description", good().with(TAG_DESCRIPTION, text(513))),
        ("icon", good().with(TAG_ICON, text(65))),
        ("id", good().without(TAG_ID)),
        ("abi", good().without(TAG_ABI)),
        ("abi", good().with(TAG_ABI, [1, 0])),
        ("abi", good().add(TAG_ABI, 0, [1, 0, 0, 0])),
        ("note", good().add(999, RECORD_MUST_UNDERSTAND, "new")),
        ("note", good().add(999, 6, "new")),
        ("note", good().add(999, 0, vec![0; 70_000])),
        ("extension id", good().add(TAG_REQUIRES, 0, "")),
    ];
    for (field, note) in notes {
        let error = parse(&note).unwrap_err();
        assert_eq!(error.code(), "invalid_metadata", "{error}");
        assert!(
            error.to_string().contains(&format!("invalid: {field} ")),
            "{field}: {error}"
        );
    }
}

#[test]
fn l16_a_route_is_a_plain_path_that_the_host_has_not_taken() {
    for route in [
        "", "hello", "/", "//", "/a/", "/a//b", "/../x", "/A", "/a b", "/%41", "/api", "/api/x", "/login",
    ] {
        let error = parse(&Note::new("x").with(TAG_ROUTE, route)).unwrap_err();
        assert!(error.to_string().contains("route"), "{route:?}: {error}");
    }
    for route in ["/hello", "/a/b-2", "/apis", "/my/api"] {
        assert_eq!(
            code(&parse(&Note::new("x").with(TAG_ROUTE, route))),
            "ok",
            "{route:?}"
        );
    }
}

#[test]
fn what_the_host_does_not_know_is_skipped_unless_it_matters() {
    assert_eq!(code(&parse(&Note::new("hello").add(999, 0, "later"))), "ok");
}

#[test]
fn a_changed_record_is_found_by_the_checksum() {
    let good = Note::new("hello").descriptor();
    for at in HEADER_LEN..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(
            code(&note::parse(&bad, &Policy::default())),
            "malformed_library",
            "byte {at}"
        );
    }
}

#[test]
fn l22_panic_abort_is_refused_unless_the_policy_allows_it() {
    let note = Note::new("hello").with(TAG_PANIC, "abort");
    assert_eq!(code(&parse(&note)), "panic_abort");
    let mut policy = Policy::default();
    policy.allow_panic_abort = true;
    let metadata = note::parse(&note.descriptor(), &policy).unwrap();
    assert_eq!(metadata.panic, PanicStrategy::Abort);
}
