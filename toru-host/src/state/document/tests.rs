use serde_json::Value;

use super::*;

fn id(text: &str) -> PluginId {
    PluginId::new(text).unwrap()
}

fn current(text: &str) -> (Document, Desired) {
    match Document::parse(text.as_bytes()) {
        Ok(Parsed::Current(document, desired)) => (document, desired),
        other => panic!("{text}: {other:?}"),
    }
}

fn text_with(document: &Document, plugin: &str, change: &Change) -> String {
    let (_, text, _) = document.with(&id(plugin), change).unwrap().expect("a change");
    String::from_utf8(text).unwrap()
}

const SAMPLE: &str = r#"{
  "colour": 1.10,
  "version": 1,
  "plugins": {
    "zoo": {"license": "KEY", "enabled": true},
    "hello": {
      "note\u0073": [1, 123456789012345678901234567890, 1.0e5],
      "config": {
          "b": 1,   "a": 0.10,
          "\u00e9": "\u00e9"
      },
      "enabled": false
    },
    "Not An Id": [true]
  },
  "later": {"x":  []}
}
"#;

/// The same, with the one change that is asked for below.
const CHANGED: &str = r#"{
  "colour": 1.10,
  "version": 1,
  "plugins": {
    "zoo": {
      "license": "KEY",
      "enabled": true
    },
    "hello": {
      "note\u0073": [1, 123456789012345678901234567890, 1.0e5],
      "config": {
          "b": 1,   "a": 0.10,
          "\u00e9": "\u00e9"
      },
      "enabled": true
    },
    "Not An Id": [true]
  },
  "later": {"x":  []}
}
"#;

#[test]
fn c6_what_the_host_does_not_know_survives_in_its_order_and_text() {
    let (document, desired) = current(SAMPLE);
    let text = text_with(&document, "hello", &Change::Enabled(true));
    assert_eq!(text, CHANGED);
    assert_eq!(desired.notices.len(), 1, "{:?}", desired.notices);
    assert_eq!(desired.notices[0].code, "unknown_entry");
    assert!(
        desired.plugins[&id("hello")]
            .config
            .starts_with(b"{\n          \"b\": 1,   ")
    );
    assert_eq!(desired.plugins[&id("zoo")].license.as_deref(), Some("KEY"));
}

#[test]
fn a_text_that_was_written_is_written_the_same_again() {
    let (document, _) = current(CHANGED);
    assert_eq!(String::from_utf8(document.render()).unwrap(), CHANGED);
    let empty = String::from_utf8(Document::empty().render()).unwrap();
    assert_eq!(empty, "{\n  \"version\": 1,\n  \"plugins\": {}\n}\n");
    assert_eq!(current(&empty).1, Desired::default());
}

#[test]
fn every_field_can_be_changed_and_changed_back() {
    let (document, _) = current(r#"{"version":1}"#);
    let hello = id("hello");
    for change in [
        Change::Enabled(false),
        Change::Config("{}".into()),
        Change::License(None),
    ] {
        assert!(
            document.with(&hello, &change).unwrap().is_none(),
            "{change:?} is so already"
        );
    }
    let config = "{\"a\": 1e2}";
    let key = Change::License(Some("K\u{e9}\"Y".to_owned()));
    let (document, ..) = document.with(&hello, &key).unwrap().unwrap();
    let (document, ..) = document
        .with(&hello, &Change::Config(config.into()))
        .unwrap()
        .unwrap();
    let (document, text, _) = document.with(&hello, &Change::Enabled(true)).unwrap().unwrap();
    let (_, desired) = current(std::str::from_utf8(&text).unwrap());
    let expected = DesiredPlugin::new(true, config.into(), Some("K\u{e9}\"Y".to_owned()));
    assert_eq!(desired.plugins[&hello], expected);
    let text = text_with(&document, "hello", &Change::License(None));
    assert!(!text.contains("license"), "{text}");
}

#[test]
fn c3_whatever_two_readers_could_understand_differently_is_refused_as_a_whole() {
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(10_000), close.repeat(10_000));
        format!(r#"{{"version":1,"plugins":{{"a":{{"config":{{"x":{open}1{close}}}}}}}}}"#)
    };
    let mut hostile: Vec<Vec<u8>> = [
        "",
        " ",
        "\n",
        "\0",
        "null",
        "[]",
        "1",
        "\"\"",
        "{}",
        "{\"version\":1}}",
        "{\"version\":1}\0",
        "{\"version\":1} x",
        "\u{feff}{\"version\":1}",
        r#"{"version":0}"#,
        r#"{"version":-1}"#,
        r#"{"version":"1"}"#,
        r#"{"version":1.0}"#,
        r#"{"version":1e0}"#,
        r#"{"version":null}"#,
        r#"{"version":01}"#,
        r#"{"version":99999999999999999999}"#,
        r#"{"plugins":{}}"#,
        r#"{"version":1,"version":1}"#,
        r#"{"version":1,"version":2}"#,
        r#"{"version":1,"\u0076ersion":1}"#,
        r#"{"version":1,"plugins":[]}"#,
        r#"{"version":1,"plugins":null}"#,
        r#"{"version":1,"plugins":{"a":{},"a":{}}}"#,
        r#"{"version":1,"plugins":{"a":{},"\u0061":{}}}"#,
        r#"{"version":1,"plugins":{"a":1}}"#,
        r#"{"version":1,"plugins":{"a":null}}"#,
        r#"{"version":1,"plugins":{"a":{"enabled":1}}}"#,
        r#"{"version":1,"plugins":{"a":{"enabled":null}}}"#,
        r#"{"version":1,"plugins":{"a":{"enabled":"true"}}}"#,
        r#"{"version":1,"plugins":{"a":{"enabled":true,"enabled":false}}}"#,
        r#"{"version":1,"plugins":{"a":{"config":[]}}}"#,
        r#"{"version":1,"plugins":{"a":{"config":null}}}"#,
        r#"{"version":1,"plugins":{"a":{"config":{"x":{"y":1,"y":2}}}}}"#,
        r#"{"version":1,"plugins":{"a":{"config":{"x":[{"y":1,"\u0079":2}]}}}}"#,
        r#"{"version":1,"plugins":{"a":{"config":{"x":1e400}}}}"#,
        r#"{"version":1,"x":-1e400}"#,
        r#"{"version":1,"plugins":{"a":{"config":{"x":"\ud800"}}}}"#,
        r#"{"version":1,"x":"\udc00\ud800"}"#,
        r#"{"version":1,"\ud800":1}"#,
        r#"{"version":1,"x":NaN}"#,
        r#"{"version":1,"x":tru}"#,
        r#"{"version":1,"x":[1,]}"#,
        r#"{"version":1,}"#,
        r#"{'version':1}"#,
        "{\"version\":1,\"x\":\"\n\"}",
        r#"{"version":1,"plugins":{"a":{"license":1}}}"#,
        r#"{"version":1,"x":1 /* no */}"#,
        &deep("[", "]"),
        &deep("{\"a\":", "}"),
        &"[".repeat(100_000),
        &"{\"a\":".repeat(100_000),
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    hostile.push(b"{\"version\":1,\"x\":\"\xff\"}".to_vec());
    hostile.push(b"{\"version\":1,\"x\":\"\xed\xa0\x80\"}".to_vec());
    let wide: Vec<u16> = r#"{"version":1}"#.encode_utf16().collect();
    for mark in [None, Some(0xfeff_u16)] {
        let units = mark.into_iter().chain(wide.iter().copied());
        hostile.push(units.clone().flat_map(u16::to_le_bytes).collect());
        hostile.push(units.flat_map(u16::to_be_bytes).collect());
    }
    for text in hostile {
        let start = String::from_utf8_lossy(&text[..text.len().min(80)]).into_owned();
        assert!(Document::parse(&text).is_err(), "{start}");
    }
}

#[test]
fn c3_a_text_that_breaks_off_anywhere_is_refused() {
    assert!(SAMPLE.ends_with("}\n"));
    for end in 0..SAMPLE.len() - 1 {
        let parsed = Document::parse(&SAMPLE.as_bytes()[..end]);
        assert!(parsed.is_err(), "{end} bytes");
    }
}

#[test]
fn c5_of_a_newer_schema_what_looks_familiar_is_used() {
    let newer = |text: &str| match Document::parse(text.as_bytes()) {
        Ok(Parsed::Newer(version, desired)) => (version, desired),
        other => panic!("{text}: {other:?}"),
    };
    let text = r#"{"x":{},"version":7,"plugins":{"a":{"enabled":true,"more":1},"b":{"enabled":"on"},"_":0}}"#;
    let (version, desired) = newer(text);
    assert_eq!(version, 7);
    assert_eq!(desired.plugins.keys().collect::<Vec<_>>(), [&id("a")]);
    assert!(desired.plugins[&id("a")].enabled);
    for text in [
        r#"{"version":2,"plugins":[]}"#,
        r#"{"version":2}"#,
        r#"{"version":2,"plugins":{"a":{"enabled":true}"#,
        r#"{"x":[{"version":1}],"version":2,"a":1,"a":1}"#,
    ] {
        assert_eq!(newer(text), (2, Desired::default()), "{text}");
    }
}

#[test]
fn a_change_that_could_not_be_read_again_is_refused() {
    let (document, _) = current(r#"{"version":1}"#);
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(125), "]".repeat(125));
    assert!(serde_json::from_str::<Value>(&nested).is_ok(), "good by itself");
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(TEXT_MAX));
    for config in [
        "",
        "[]",
        "{",
        "1",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1e400}",
        &nested,
        &long,
    ] {
        let config = Bytes::copy_from_slice(config.as_bytes());
        let error = document.with(&id("hello"), &Change::Config(config)).unwrap_err();
        assert_eq!(error.code(), "invalid_change", "{error}");
    }
    let error = document.with(&id("hello"), &Change::Config(Bytes::from_static(b"{\"\xff\":1}")));
    assert_eq!(error.unwrap_err().code(), "invalid_change");
}
