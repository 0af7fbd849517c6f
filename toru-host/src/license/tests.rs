use std::os::unix::ffi::OsStringExt;

use super::*;

fn key(text: &str) -> Result<Key, NoKey> {
    Key::new(text, LicenseSource::Stored)
}

#[test]
fn white_space_around_a_key_is_removed_and_nothing_else() {
    assert_eq!(key("  toru1.x \n").unwrap().as_str(), "toru1.x");
    assert_eq!(key("line 1\r\n\tline 2").unwrap().as_str(), "line 1\r\n\tline 2");
    assert_eq!(key(" \n"), Err(NoKey::Empty));
    assert_eq!(key("a\0b"), Err(NoKey::Control));
    assert_eq!(key("a\u{7f}b"), Err(NoKey::Control));
    assert_eq!(key(&"x".repeat(KEY_MAX)).unwrap().as_str().len(), KEY_MAX);
    assert_eq!(key(&"x".repeat(KEY_MAX + 1)), Err(NoKey::TooLong));
}

#[test]
fn a_masked_key_tells_next_to_nothing_of_it() {
    for (text, masked) in [
        (
            "toru1.ed25519.2026.eyJhIjoxfQ.c2lnbmF0dXJlMTIzNA",
            "toru1.ed25519.2026.…IzNA",
        ),
        ("toru1.ed25519.2026.eyJhIjoxfQ", "…oxfQ"),
        ("toru1.ed25519..payload.signature-1234", "…1234"),
        ("toru1.ed\n25519.2026.payload.signature-1234", "…1234"),
        ("two lines of some other key\n12", "…"),
        ("short-secret", "…"),
        ("a-longer-secret-of-24-by", "…4-by"),
        ("ein Schlüssel mit Größe äöüß", "…äöüß"),
    ] {
        assert_eq!(key(text).unwrap().masked(), masked, "{text}");
    }
}

#[test]
fn a_key_never_reaches_a_log() {
    let key = key("toru1.ed25519.2026.UEFZTE9BRA.U0lHTkFUVVJF").unwrap();
    let license = License::with(Some(key.clone()));
    let told = format!("{key:?} {license:?} {key:#?}");
    assert!(
        !told.contains("UEFZTE9BRA") && !told.contains("U0lHTkFUVVJF"),
        "{told}"
    );
}

#[test]
fn only_another_text_is_another_key() {
    let license = License::default();
    assert!(!license.set(None));
    assert!(license.set(Some(key("a").unwrap())));
    assert!(!license.set(Some(Key::new("a", LicenseSource::Environment).unwrap())));
    assert_eq!(license.key().unwrap().source(), LicenseSource::Environment);
    assert!(license.set(Some(key("b").unwrap())));
    assert!(license.set(None));
}

#[test]
fn it_is_known_whether_the_plugin_has_asked() {
    let license = License::with(Some(key("a").unwrap()));
    assert!(!license.was_read());
    assert_eq!(license.read().as_deref(), Some(&b"a"[..]));
    assert!(license.was_read());
    license.forget_read();
    assert!(!license.was_read());
}

#[test]
fn variables_name_plugins_in_one_way() {
    let id: PluginId = "my-plugin-2".parse().unwrap();
    assert_eq!(variable(&id), "TORU_LICENSE_MY_PLUGIN_2");
    let secret = "a secret that is told to nobody";
    let variables = [
        ("TORU_LICENSE_MY_PLUGIN_2", secret.as_bytes()),
        ("TORU_LICENSE_TAKEN_BACK", b""),
        ("TORU_LICENSE_my_plugin", secret.as_bytes()),
        ("TORU_LICENSE_A-B", secret.as_bytes()),
        ("TORU_LICENSE_", secret.as_bytes()),
        ("TORU_LICENSE__A", secret.as_bytes()),
        ("TORU_LICENSE_BYTES", b"\xffa secret"),
        ("TORU_LICENSE_LINE", b"a secret\x07"),
        ("PATH", b"/bin"),
    ];
    let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let variables = variables.map(|(name, value)| (name.into(), os(value)));
    let (keys, notices) = from_environment(variables.into_iter());
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[&id].as_str(), secret);
    assert_eq!(notices.len(), 6, "{notices:?}");
    assert!(
        notices.iter().all(|notice| !notice.message.contains("secret")),
        "{notices:?}"
    );
}
