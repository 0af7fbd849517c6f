//! The lines of an export.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::kv::KvEntry;

/// Version of the format.
pub(super) const VERSION: u32 = 1;

/// One line.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// The first one: whose data it is.
    Head { version: u32, plugin: String },
    /// An entry.
    Entry {
        key: Bytes,
        value: Bytes,
        expires_ms: Option<u64>,
    },
    /// The last one: how many entries there were.
    End { entries: u64 },
}

/// All members that a line can have.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    toru_kv: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    plugin: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    key_base64: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    value: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    value_base64: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
}

pub(super) fn head(plugin: &str) -> Vec<u8> {
    write(&Members {
        toru_kv: Some(VERSION),
        plugin: Some(plugin.into()),
        ..Members::default()
    })
}

pub(super) fn entry(entry: &KvEntry) -> Vec<u8> {
    let (key, key_base64) = spell(&entry.key);
    let (value, value_base64) = spell(&entry.value);
    write(&Members {
        key,
        key_base64,
        value,
        value_base64,
        expires_ms: entry.expires_ms,
        ..Members::default()
    })
}

pub(super) fn end(entries: u64) -> Vec<u8> {
    write(&Members {
        entries: Some(entries),
        ..Members::default()
    })
}

/// The version that a head tells, whatever else is in it.
pub(super) fn version(line: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Head {
        toru_kv: u32,
    }
    serde_json::from_slice::<Head>(line).ok().map(|head| head.toru_kv)
}

/// Reads a line, or tells what is wrong with it.
pub(super) fn parse(line: &[u8]) -> Result<Line, String> {
    // Where in the line it is, counts from a line 1 that is none; whoever looks for it finds it.
    let members: Members<'_> = serde_json::from_slice(line).map_err(|error| {
        let words = error.to_string();
        let place = words.rfind(" at line ").unwrap_or(words.len());
        words[..place].to_owned()
    })?;
    match members {
        Members {
            toru_kv: Some(version),
            plugin: Some(plugin),
            key: None,
            key_base64: None,
            value: None,
            value_base64: None,
            expires_ms: None,
            entries: None,
        } => Ok(Line::Head {
            version,
            plugin: plugin.into_owned(),
        }),
        Members {
            toru_kv: None,
            plugin: None,
            key,
            key_base64,
            value,
            value_base64,
            expires_ms,
            entries: None,
        } => Ok(Line::Entry {
            key: bytes("key", key, key_base64)?,
            value: bytes("value", value, value_base64)?,
            expires_ms,
        }),
        Members {
            toru_kv: None,
            plugin: None,
            key: None,
            key_base64: None,
            value: None,
            value_base64: None,
            expires_ms: None,
            entries: Some(entries),
        } => Ok(Line::End { entries }),
        _ => Err("it is neither head, entry nor end".to_owned()),
    }
}

/// As text where it is some that people can read, else in Base64.
fn spell(bytes: &[u8]) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(is_odd) => (Some(text.into()), None),
        _ => (None, Some(BASE64.encode(bytes).into())),
    }
}

fn bytes(name: &str, text: Option<Cow<'_, str>>, base64: Option<Cow<'_, str>>) -> Result<Bytes, String> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_owned().into()),
        (None, Some(base64)) => match BASE64.decode(&*base64) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(format!("{name}_base64: {error}")),
        },
        _ => Err(format!("it needs {name} or {name}_base64")),
    }
}

fn write(members: &Members<'_>) -> Vec<u8> {
    // Texts and numbers always have a form in JSON.
    let mut line = serde_json::to_vec(members).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(key: &'static [u8], value: &'static [u8], expires_ms: Option<u64>) -> KvEntry {
        KvEntry {
            key: Bytes::from_static(key),
            value: Bytes::from_static(value),
            version: 7,
            expires_ms,
        }
    }

    #[test]
    fn text_stays_readable_and_everything_else_survives() {
        let line = entry(&stored(b"user/1", "Zo\u{eb} \"Z\"\n".as_bytes(), None));
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"key\":\"user/1\",\"value\":\"Zo\u{eb} \\\"Z\\\"\\n\"}\n"
        );
        for (key, value) in [
            (&b"\0"[..], &b""[..]),
            (b"\xff\xfe", b"\0\x01\x02"),
            (b"a\x7f", b"\xc2\x80"),
        ] {
            let written = entry(&stored(key, value, Some(5)));
            let expected = Line::Entry {
                key: Bytes::from_static(key),
                value: Bytes::from_static(value),
                expires_ms: Some(5),
            };
            assert_eq!(parse(&written), Ok(expected));
        }
    }

    #[test]
    fn a_line_is_one_of_three_things() {
        let head = parse(&head("hello"));
        assert!(matches!(head, Ok(Line::Head { version: VERSION, plugin }) if plugin == "hello"));
        assert_eq!(parse(&end(3)), Ok(Line::End { entries: 3 }));
        for odd in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"key":"a"}"#,
            r#"{"key":"a","key_base64":"YQ==","value":""}"#,
            r#"{"key":"a","value":"","entries":1}"#,
            r#"{"key":"a","value":"","version":1}"#,
            r#"{"key":"a","value_base64":"YQ"}"#,
            r#"{"key":"a","value":"","expires_ms":-1}"#,
            r#"{"toru_kv":1}"#,
            r#"{"entries":1} {}"#,
        ] {
            assert!(parse(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
