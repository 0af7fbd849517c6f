//! Names and values, as text.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};

use tracing_core::field::{Field, Visit};

/// The fields of an event, a span or a record.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(Cow<'static, str>, String)>);

impl Fields {
    /// Takes the field that is the text of an event.
    pub(super) fn take_message(&mut self) -> String {
        let place = self.0.iter().position(|(name, _)| name == "message");
        place.map_or_else(String::new, |place| self.0.remove(place).1)
    }

    pub(super) fn as_pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    /// Takes others in; a field that is there gets its new value.
    pub(super) fn update(&mut self, others: Self) {
        for (name, value) in others.0 {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => self.0.push((name, value)),
            }
        }
    }

    fn add(&mut self, name: &'static str, value: String) {
        self.0.push((Cow::Borrowed(name), value));
    }
}

/// `{a=1 b=2}`, or nothing.
impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = '{';
        for (name, value) in &self.0 {
            write!(f, "{before}{name}={value}")?;
            before = ' ';
        }
        if before == ' ' { f.write_char('}') } else { Ok(()) }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value.to_owned());
    }

    /// With its causes.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        self.add(field.name(), text);
    }
}

impl<'kvs> log::kv::VisitSource<'kvs> for Fields {
    fn visit_pair(
        &mut self,
        key: log::kv::Key<'kvs>,
        value: log::kv::Value<'kvs>,
    ) -> Result<(), log::kv::Error> {
        self.0.push((key.as_str().to_owned().into(), value.to_string()));
        Ok(())
    }
}
