//! Header fields of responses and trailers.

use std::borrow::Cow;

/// One field. The value is bytes: header values need not be UTF-8.
pub(crate) type Field = (Cow<'static, str>, Cow<'static, [u8]>);

/// Fields of a response that need no allocation. Each makes moving a response more expensive.
pub(crate) const INLINE: usize = 3;

/// Fields in order. The first few need no allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderList {
    inline: [Option<Field>; INLINE],
    inline_len: usize,
    spilled: Vec<Field>,
    /// What came as a whole, and is lent from there.
    #[cfg(feature = "http")]
    map: Option<Box<http::HeaderMap>>,
}

impl HeaderList {
    #[inline]
    pub(crate) fn push(&mut self, name: Cow<'static, str>, value: Cow<'static, [u8]>) {
        match self.inline.get_mut(self.inline_len) {
            Some(slot) => {
                *slot = Some((name, value));
                self.inline_len += 1;
            }
            None => self.spilled.push((name, value)),
        }
    }

    /// All fields, unless some of them needed an allocation.
    pub(crate) fn inline(&self) -> Option<&[Option<Field>]> {
        #[cfg(feature = "http")]
        if self.map.is_some() {
            return None;
        }
        if self.spilled.is_empty() {
            self.inline.get(..self.inline_len)
        } else {
            None
        }
    }

    /// All fields that were appended one by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.inline.iter().flatten().chain(&self.spilled)
    }
}

#[cfg(feature = "http")]
impl HeaderList {
    pub(crate) fn from_map(map: http::HeaderMap) -> Self {
        Self {
            map: (!map.is_empty()).then(|| Box::new(map)),
            ..Self::default()
        }
    }

    /// The fields that came as a whole; they follow those that were appended one by one.
    pub(crate) fn map(&self) -> Option<&http::HeaderMap> {
        self.map.as_deref()
    }
}

/// Fields that follow a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers(Vec<Field>);

impl Trailers {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends a field.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, [u8]>>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// The first value of `name`, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderList;

    #[test]
    fn order_survives_the_spill() {
        let mut list = HeaderList::default();
        for i in 0..7 {
            list.push(format!("x-{i}").into(), b"v".as_slice().into());
        }
        assert!(list.inline().is_none());
        let names: Vec<_> = list.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, ["x-0", "x-1", "x-2", "x-3", "x-4", "x-5", "x-6"]);
    }
}
