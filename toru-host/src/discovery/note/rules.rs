//! What the fields of a note may contain.

use std::borrow::Cow;

use super::invalid;
use crate::discovery::DiscoverError;

type Rule = Result<(), Cow<'static, str>>;

/// Text without anything that could hide or reorder what a person reads.
pub(super) fn text<'a>(field: &'static str, value: &'a [u8]) -> Result<&'a str, DiscoverError> {
    let text = str::from_utf8(value).map_err(|_| invalid(field, "is not valid UTF-8"))?;
    if text.contains(is_misleading) {
        return Err(invalid(field, "contains control characters"));
    }
    Ok(text)
}

pub(super) fn name(text: &str) -> Rule {
    visible(text)?;
    at_most(text, 64)
}

pub(super) fn version(text: &str) -> Rule {
    visible(text)?;
    at_most(text, 64)
}

pub(super) fn author(text: &str) -> Rule {
    at_most(text, 128)
}

pub(super) fn description(text: &str) -> Rule {
    at_most(text, 512)
}

pub(super) fn remark(text: &str) -> Rule {
    at_most(text, 256)
}

pub(super) fn icon(text: &str) -> Rule {
    if text.len() > 64 {
        return Err(format!("has {} bytes, 64 are allowed", text.len()).into());
    }
    Ok(())
}

pub(super) fn route(text: &str, reserved: &[String]) -> Rule {
    if text.len() > 128 {
        return Err(format!("has {} bytes, 128 are allowed", text.len()).into());
    }
    let Some(segments) = text.strip_prefix('/') else {
        return Err("does not start with /".into());
    };
    let safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if segments
        .split('/')
        .any(|segment| segment.is_empty() || !segment.bytes().all(safe))
    {
        return Err("has a segment that is empty or contains something else than a-z, 0-9 and -".into());
    }
    let is_beneath = |taken: &&String| {
        text.strip_prefix(taken.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match reserved.iter().find(is_beneath) {
        Some(taken) => Err(format!("is {text:?}, but {taken:?} is reserved for the host").into()),
        None => Ok(()),
    }
}

pub(super) fn extension(id: &str) -> Result<String, DiscoverError> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if id.is_empty() || id.len() > 128 || !id.bytes().all(safe) {
        return Err(invalid(
            "extension id",
            "is empty, longer than 128 bytes, or has unusual characters",
        ));
    }
    Ok(id.to_owned())
}

fn visible(text: &str) -> Rule {
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    Ok(())
}

fn at_most(text: &str, limit: usize) -> Rule {
    match text.chars().count() {
        count if count > limit => Err(format!("has {count} characters, {limit} are allowed").into()),
        _ => Ok(()),
    }
}

/// Control characters, and those that change the direction or the line of the text around them.
fn is_misleading(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}
