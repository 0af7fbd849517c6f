use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name by which everything refers to a plugin.
///
/// 1 to 64 characters of `a-z`, `0-9` and `-`, starting with a letter or digit and not ending in `-`. Such a name is
/// safe as a path segment, a file name and a log field. Cloning is cheap.
///
/// ```
/// use toru_host::plugin::{PluginId, PluginIdError};
///
/// let id: PluginId = "hello-2".parse()?;
/// assert_eq!(id.as_str(), "hello-2");
/// assert_eq!(PluginId::new("../etc"), Err(PluginIdError::Character('.')));
/// # Ok::<(), PluginIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(into = "String", try_from = "String")]
#[schema(
    value_type = String,
    description = "The name by which everything refers to a plugin.",
    pattern = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"
)]
pub struct PluginId(Arc<str>);

impl PluginId {
    /// Longest id in bytes.
    pub const MAX_LEN: usize = 64;

    /// The rule as a regular expression of ECMA-262.
    pub(crate) const PATTERN: &str = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$";

    /// Checks a text and makes it an id.
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks.
    pub fn new(text: &str) -> Result<Self, PluginIdError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(c) = text.chars().find(|&c| !allowed(c)) {
            return Err(PluginIdError::Character(c));
        }
        match text.as_bytes() {
            [] => Err(PluginIdError::Empty),
            [b'-', ..] => Err(PluginIdError::LeadingDash),
            [.., b'-'] => Err(PluginIdError::TrailingDash),
            bytes if bytes.len() > Self::MAX_LEN => Err(PluginIdError::TooLong(bytes.len())),
            _ => Ok(Self(text.into())),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a [`PluginId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PluginIdError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// The text is longer than [`PluginId::MAX_LEN`]; its length in bytes.
    #[error("has {0} characters, 64 are allowed")]
    TooLong(usize),
    /// The text contains something else than `a-z`, `0-9` and `-`.
    #[error("contains {0:?}, only a-z, 0-9 and - are allowed")]
    Character(char),
    /// The text starts with a dash.
    #[error("starts with a dash")]
    LeadingDash,
    /// The text ends in a dash.
    #[error("ends in a dash")]
    TrailingDash,
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for PluginId {
    type Err = PluginIdError;

    fn from_str(text: &str) -> Result<Self, PluginIdError> {
        Self::new(text)
    }
}

impl TryFrom<String> for PluginId {
    type Error = PluginIdError;

    fn try_from(text: String) -> Result<Self, PluginIdError> {
        Self::new(&text)
    }
}

impl From<PluginId> for String {
    fn from(id: PluginId) -> Self {
        id.as_str().to_owned()
    }
}

impl Borrow<str> for PluginId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for PluginId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ids_are_kept_as_they_are() {
        for text in ["a", "0", "hello", "a-b-c", "x2", &"a".repeat(64)] {
            assert_eq!(PluginId::new(text).expect(text).as_str(), text);
        }
    }

    #[test]
    fn bad_ids_say_which_rule_they_break() {
        use PluginIdError::*;
        let long = "a".repeat(65);
        for (text, rule) in [
            ("", Empty),
            ("-a", LeadingDash),
            ("-", LeadingDash),
            ("a-", TrailingDash),
            ("a/b", Character('/')),
            ("..", Character('.')),
            ("a\0", Character('\0')),
            ("Hello", Character('H')),
            ("p\u{430}y", Character('\u{430}')),
            (&long, TooLong(65)),
        ] {
            assert_eq!(PluginId::new(text), Err(rule), "{text:?}");
        }
    }

    #[test]
    fn json_is_checked_too() {
        let id: PluginId = serde_json::from_str("\"hello\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"hello\"");
        assert!(serde_json::from_str::<PluginId>("\"../x\"").is_err());
    }
}
