//! What a licence says.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::date::seconds;
use super::error::malformed;
use super::{Date, LicenseError};
use crate::metadata::is_plugin_id;

/// Most features of a licence.
const FEATURES_MAX: usize = 64;
/// Longest name of a feature, in bytes.
const FEATURE_LEN_MAX: usize = 64;
/// Longest name of a licensee, in characters.
const LICENSEE_LEN_MAX: usize = 128;
/// Longest payload in bytes: with the longest key id and any signature, its text has at most 4096.
const PAYLOAD_MAX: usize = 2944;
/// How far a clock may be behind the day of issue.
const TOLERANCE: i64 = 24 * 60 * 60;

/// A licence: what was verified, or what is to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    plugin: String,
    instance: String,
    issued: Date,
    expires: Option<Date>,
    licensee: Option<String>,
    features: Vec<String>,
}

/// Puts a [`License`] together, for whoever issues them.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `build`"]
pub struct LicenseBuilder(License);

impl License {
    /// A licence of a plugin for an installation, issued on that day.
    ///
    /// # Examples
    ///
    /// ```
    /// use toru_plugin_api::license::{Date, License};
    ///
    /// let issued = Date::parse("2026-01-31").expect("a day");
    /// let license = License::builder("my-plugin", "9f1c2f0e-8f6e-4f0b-9f0b-0a1b2c3d4e5f", issued)
    ///     .licensee("Example Ltd")
    ///     .feature("reports")
    ///     .build()
    ///     .expect("what the rules allow");
    /// assert!(license.has_feature("reports"));
    /// ```
    pub fn builder(plugin: &str, instance: &str, issued: Date) -> LicenseBuilder {
        LicenseBuilder(Self {
            plugin: plugin.to_owned(),
            instance: instance.to_owned(),
            issued,
            expires: None,
            licensee: None,
            features: Vec::new(),
        })
    }

    /// Id of the plugin.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Id of the installation.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The day on which it was issued, by UTC.
    #[must_use]
    pub const fn issued(&self) -> Date {
        self.issued
    }

    /// The last day on which it is valid, by UTC; `None` when it never ends.
    #[must_use]
    pub const fn expires(&self) -> Option<Date> {
        self.expires
    }

    /// Whose it is.
    #[must_use]
    pub fn licensee(&self) -> Option<&str> {
        self.licensee.as_deref()
    }

    /// What it unlocks, sorted.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(String::as_str)
    }

    /// Whether it unlocks that.
    #[must_use]
    pub fn has_feature(&self, name: &str) -> bool {
        self.features.iter().any(|feature| feature == name)
    }

    /// Its one spelling as JSON.
    pub(super) fn payload(&self) -> String {
        let mut text = String::from("{");
        if let Some(expires) = self.expires {
            let _ = write!(text, "\"expires\":\"{expires}\",");
        }
        if !self.features.is_empty() {
            let features: Vec<_> = self.features.iter().map(|name| format!("\"{name}\"")).collect();
            let _ = write!(text, "\"features\":[{}],", features.join(","));
        }
        let _ = write!(
            text,
            "\"instance\":\"{}\",\"issued\":\"{}\",",
            self.instance, self.issued
        );
        if let Some(licensee) = &self.licensee {
            let escaped = licensee.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = write!(text, "\"licensee\":\"{escaped}\",");
        }
        let _ = write!(text, "\"plugin\":\"{}\"}}", self.plugin);
        text
    }

    /// Reads that spelling, and no other one.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, LicenseError> {
        let text = std::str::from_utf8(payload).map_err(|_| malformed("its payload is no text"))?;
        let license = read(text).ok_or(malformed("its payload is not in the canonical form"))?;
        license.check()?;
        // What the reader may have been too kind to see.
        if license.payload() != text {
            return Err(malformed("its payload is not in the canonical form"));
        }
        Ok(license)
    }

    /// Whether everything follows its rule.
    fn check(&self) -> Result<(), LicenseError> {
        if !is_plugin_id(&self.plugin) {
            return Err(malformed("its plugin is no id"));
        }
        if !is_uuid(&self.instance) {
            return Err(malformed("its instance is no UUID in lower case with hyphens"));
        }
        if self.expires.is_some_and(|expires| expires < self.issued) {
            return Err(malformed("it ends before it was issued"));
        }
        let is_name = |name: &String| {
            (1..=LICENSEE_LEN_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control)
        };
        if !self.licensee.as_ref().is_none_or(is_name) {
            return Err(malformed(
                "its licensee is not 1 to 128 characters without control characters",
            ));
        }
        let is_feature = |name: &String| {
            let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
            (1..=FEATURE_LEN_MAX).contains(&name.len()) && name.bytes().all(allowed)
        };
        if self.features.len() > FEATURES_MAX || !self.features.iter().all(is_feature) {
            return Err(malformed(
                "its features are not at most 64 names of 1 to 64 of a-z, 0-9, `-`, `_` and `.`",
            ));
        }
        if self.features.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(malformed("its features are not sorted, or one is there twice"));
        }
        Ok(())
    }

    /// Whether it is valid at that moment. A plugin that runs for long asks again: a licence may end meanwhile.
    ///
    /// # Errors
    ///
    /// [`LicenseError::Expired`] and [`LicenseError::NotYetValid`].
    pub fn check_time(&self, now: SystemTime) -> Result<(), LicenseError> {
        let now = seconds(now);
        if now.saturating_add(TOLERANCE) < self.issued.first_second() {
            return Err(LicenseError::NotYetValid { issued: self.issued });
        }
        match self.expires {
            Some(on) if now >= on.end() => Err(LicenseError::Expired { on }),
            _ => Ok(()),
        }
    }
}

impl LicenseBuilder {
    /// The last day on which it is valid, by UTC. It never ends by default.
    pub const fn expires(mut self, on: Date) -> Self {
        self.0.expires = Some(on);
        self
    }

    /// Whose it is: 1 to 128 characters, none of which is a control character.
    pub fn licensee(mut self, name: &str) -> Self {
        self.0.licensee = Some(name.to_owned());
        self
    }

    /// One thing more that it unlocks: 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`.
    pub fn feature(mut self, name: &str) -> Self {
        self.0.features.push(name.to_owned());
        self
    }

    /// The licence.
    ///
    /// # Errors
    ///
    /// [`LicenseError::Malformed`], when something breaks its rule.
    pub fn build(self) -> Result<License, LicenseError> {
        let mut license = self.0;
        license.features.sort_unstable();
        license.features.dedup();
        license.check()?;
        if license.payload().len() > PAYLOAD_MAX {
            return Err(malformed("it says more than fits into 4096 bytes of text"));
        }
        Ok(license)
    }
}

/// Reads the members in their order. Kinder than the canonical form only where that is compared afterwards.
fn read(text: &str) -> Option<License> {
    let mut rest = text.strip_prefix('{')?;
    let mut expires = None;
    if let Some(after) = rest.strip_prefix("\"expires\":") {
        let (date, after) = string(after)?;
        expires = Some(Date::parse(&date)?);
        rest = after.strip_prefix(',')?;
    }
    let mut features = Vec::new();
    if let Some(after) = rest.strip_prefix("\"features\":[") {
        rest = after;
        loop {
            let (name, after) = string(rest)?;
            features.push(name);
            if features.len() > FEATURES_MAX {
                return None;
            }
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    rest = after.strip_prefix("],")?;
                    break;
                }
            }
        }
    }
    let (instance, after) = string(rest.strip_prefix("\"instance\":")?)?;
    let (issued, after) = string(after.strip_prefix(",\"issued\":")?)?;
    rest = after.strip_prefix(',')?;
    let mut licensee = None;
    if let Some(after) = rest.strip_prefix("\"licensee\":") {
        let (name, after) = string(after)?;
        licensee = Some(name);
        rest = after.strip_prefix(',')?;
    }
    let (plugin, after) = string(rest.strip_prefix("\"plugin\":")?)?;
    (after == "}").then_some(License {
        plugin,
        instance,
        issued: Date::parse(&issued)?,
        expires,
        licensee,
        features,
    })
}

/// A JSON text in which only `"` and `\` are escaped, and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                escaped @ ('"' | '\\') => value.push(escaped),
                _ => return None,
            },
            char => value.push(char),
        }
    }
    None
}

/// Whether a text is a UUID in its usual spelling, and not the one of nothing.
fn is_uuid(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is_digit(byte),
        })
        && text.bytes().any(|byte| !matches!(byte, b'0' | b'-'))
}
