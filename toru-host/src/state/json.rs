//! JSON that keeps its text: what the host does not know stays as somebody wrote it, in its order.

use std::collections::HashSet;
use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Checks a whole text, down to its last value.
///
/// Refused are, besides what is no JSON: an object that has a key twice, numbers out of range, text that is no
/// Unicode, and nesting beyond the limit of the parser.
pub(super) fn check(text: &str) -> serde_json::Result<()> {
    serde_json::from_str::<Strict>(text).map(|Strict| ())
}

/// The `version` of a document, even of one that breaks off or is wrong after it.
pub(super) fn version(text: &[u8]) -> Option<u64> {
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    // Whether the rest is good is not the question.
    let _ = deserializer.deserialize_map(VersionVisitor(&mut found));
    found
}

/// An object whose values have not been looked into. The text was checked before.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(Vec<Member>);

#[derive(Clone, Debug)]
struct Member {
    name: String,
    /// The name as it was written, with quotes and escapes.
    written: Box<RawValue>,
    value: Box<RawValue>,
}

impl Object {
    /// `None` when the value is something else than an object.
    pub(super) fn parse(text: &RawValue) -> Option<Self> {
        serde_json::from_str(text.get()).ok()
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        let member = self.0.iter().find(|member| member.name == name)?;
        Some(&member.value)
    }

    /// Names and values, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|member| (&*member.name, &*member.value))
    }

    /// Replaces a value where it is, or adds it at the end.
    pub(super) fn set(&mut self, name: &str, value: Box<RawValue>) {
        if let Some(member) = self.0.iter_mut().find(|member| member.name == name) {
            member.value = value;
            return;
        }
        self.0.push(Member {
            name: name.to_owned(),
            written: raw(name),
            value,
        });
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|member| member.name != name);
    }

    pub(super) fn to_raw(&self) -> Box<RawValue> {
        RawValue::from_string(self.render(0, |_, _| None)).unwrap_or_default()
    }

    /// One member a line. `nested` may lay out a value anew; otherwise its text is kept.
    pub(super) fn render(&self, depth: usize, nested: impl Fn(&str, &RawValue) -> Option<String>) -> String {
        if self.0.is_empty() {
            return "{}".to_owned();
        }
        let mut text = "{".to_owned();
        for (number, member) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let nested = nested(&member.name, &member.value);
            let value = nested.as_deref().unwrap_or(member.value.get());
            let indent = depth * 2 + 2;
            // Writing to a text cannot fail.
            let _ = write!(text, "{comma}\n{:indent$}{}: {value}", "", member.written.get());
        }
        let indent = depth * 2;
        let _ = write!(text, "\n{:indent$}}}", "");
        text
    }
}

/// So much of a name as fits a message.
pub(super) fn excerpt(name: &str) -> String {
    name.chars().take(64).collect()
}

/// The JSON of a value that always has one: a text, a flag or a number.
pub(super) fn raw<T: serde::Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_default()
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some(written) = map.next_key::<Box<RawValue>>()? {
            members.push(Member {
                name: serde_json::from_str(written.get()).map_err(Error::custom)?,
                written,
                value: map.next_value()?,
            });
        }
        Ok(Object(members))
    }
}

/// Any value, with nothing in it that two readers could understand differently.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                let key = excerpt(&key);
                return Err(Error::custom(format_args!("the key {key:?} is there twice")));
            }
            seen.insert(key);
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// Notes the first `version` that comes along.
struct VersionVisitor<'a>(&'a mut Option<u64>);

impl<'de> Visitor<'de> for VersionVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "version" {
                *self.0 = Some(map.next_value()?);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
