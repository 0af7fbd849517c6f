//! Reads a note's descriptor into checked metadata.

mod rules;

use std::borrow::Cow;

use toru_plugin_api::abi::{note::*, version};

use super::bytes::{array_at, u16_at, u32_at};
use super::error::malformed;
use super::{DiscoverError, Policy};
use crate::plugin::{PanicStrategy, PluginId, PluginMetadata};

/// Reads a descriptor, the bytes that start with the magic, into metadata.
///
/// The version of the contract is compared before any other record is interpreted: a plugin of another major version
/// gets [`AbiMismatch`](DiscoverError::AbiMismatch) whatever else its note says.
///
/// # Errors
///
/// [`InvalidMetadata`](DiscoverError::InvalidMetadata) with field and rule, or what the policy refuses.
pub fn parse(descriptor: &[u8], policy: &Policy) -> Result<PluginMetadata, DiscoverError> {
    let records = records(descriptor)?;
    let abi = abi_version(&records)?;
    let mut fields = Fields::default();
    for record in &records {
        fields.take(record)?;
    }
    let missing = |field| invalid(field, "is missing");
    let id = fields.text(TAG_ID).ok_or_else(|| missing("id"))?;
    let metadata = PluginMetadata {
        id: PluginId::new(id).map_err(|rule| invalid("id", rule.to_string()))?,
        name: fields
            .checked(TAG_NAME, rules::name)?
            .ok_or_else(|| missing("name"))?,
        version: fields
            .checked(TAG_VERSION, rules::version)?
            .ok_or_else(|| missing("version"))?,
        author: fields.checked(TAG_AUTHOR, rules::author)?,
        icon: fields.checked(TAG_ICON, rules::icon)?,
        route: fields.checked(TAG_ROUTE, |text| rules::route(text, &policy.reserved_routes))?,
        description: fields.checked(TAG_DESCRIPTION, rules::description)?,
        abi,
        requires: fields
            .requires
            .iter()
            .map(|&id| rules::extension(id))
            .collect::<Result<_, _>>()?,
        uses: fields
            .uses
            .iter()
            .map(|&id| rules::extension(id))
            .collect::<Result<_, _>>()?,
        panic: panic_strategy(fields.text(TAG_PANIC)),
        compiler: fields.checked(TAG_COMPILER, rules::remark)?,
        target: fields.checked(TAG_TARGET, rules::remark)?,
        sdk: fields.checked(TAG_SDK, rules::remark)?,
        license: fields.checked(TAG_LICENSE, rules::remark)?,
    };
    accept(metadata, policy)
}

/// The length that a descriptor's header announces, if these bytes are one that this host can read.
pub(super) fn announced_len(header: &[u8]) -> Option<usize> {
    let is_header =
        header.starts_with(&NOTE_MAGIC) && u16_at(header, 16)? == NOTE_FORMAT && u32_at(header, 28)? == 0;
    let len = usize::try_from(u32_at(header, 20)?).ok()?;
    (is_header && (HEADER_LEN..=NOTE_MAX).contains(&len)).then_some(len)
}

pub(super) fn invalid(field: &'static str, rule: impl Into<Cow<'static, str>>) -> DiscoverError {
    DiscoverError::InvalidMetadata {
        field,
        rule: rule.into(),
    }
}

/// What depends on this host rather than on the note.
fn accept(metadata: PluginMetadata, policy: &Policy) -> Result<PluginMetadata, DiscoverError> {
    let missing = metadata
        .requires
        .iter()
        .find(|id| !policy.extensions.contains(id));
    if let Some(extension) = missing {
        return Err(DiscoverError::ExtensionMissing {
            id: metadata.id,
            extension: extension.clone(),
        });
    }
    if metadata.panic == PanicStrategy::Abort && !policy.allow_panic_abort {
        return Err(DiscoverError::PanicAbort { id: metadata.id });
    }
    Ok(metadata)
}

fn panic_strategy(text: Option<&str>) -> PanicStrategy {
    match text {
        Some("unwind") => PanicStrategy::Unwind,
        Some("abort") => PanicStrategy::Abort,
        Some("none") => PanicStrategy::None,
        _ => PanicStrategy::Unknown,
    }
}

struct Record<'a> {
    tag: u16,
    flags: u16,
    value: &'a [u8],
}

/// Checks the header and cuts the descriptor into records, without interpreting them.
fn records(descriptor: &[u8]) -> Result<Vec<Record<'_>>, DiscoverError> {
    let note = |rule: &'static str| invalid("note", rule);
    if descriptor.len() > NOTE_MAX {
        return Err(note("is longer than 64 KiB"));
    }
    let header: [u8; HEADER_LEN] =
        array_at(descriptor, 0).ok_or_else(|| note("is shorter than its header"))?;
    if !header.starts_with(&NOTE_MAGIC) {
        return Err(note("does not start with its magic"));
    }
    if u16_at(&header, 16) != Some(NOTE_FORMAT) {
        return Err(note("has a format that this host does not know"));
    }
    let flags = u16_at(&header, 18).unwrap_or(u16::MAX);
    if flags & !FLAG_CRC != 0 || u32_at(&header, 28) != Some(0) {
        return Err(note("has flags that this host does not know"));
    }
    if u32_at(&header, 20).map(|len| len as usize) != Some(descriptor.len()) {
        return Err(note("does not have the length that it announces"));
    }
    if flags & FLAG_CRC != 0 && u32_at(&header, 24) != Some(crc32fast::hash(&descriptor[HEADER_LEN..])) {
        return Err(malformed("the checksum of its note does not match"));
    }
    let mut records = Vec::new();
    let mut rest = &descriptor[HEADER_LEN..];
    while !rest.is_empty() {
        let (record, after) = split_record(rest).ok_or_else(|| note("has a broken record"))?;
        records.push(record);
        rest = after;
    }
    Ok(records)
}

/// The first record, and what follows it and its zeros.
fn split_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let len = usize::try_from(u32_at(bytes, 4)?).ok()?;
    let value_end = RECORD_HEADER_LEN.checked_add(len)?;
    let end = (value_end / 4 + 1) * 4;
    let record = Record {
        tag: u16_at(bytes, 0)?,
        flags: u16_at(bytes, 2)?,
        value: bytes.get(RECORD_HEADER_LEN..value_end)?,
    };
    let zeros = bytes.get(value_end..end)?;
    zeros
        .iter()
        .all(|&byte| byte == 0)
        .then(|| (record, &bytes[end..]))
}

fn abi_version(records: &[Record<'_>]) -> Result<(u16, u16), DiscoverError> {
    let record = records
        .iter()
        .find(|record| record.tag == TAG_ABI)
        .ok_or_else(|| invalid("abi", "is missing"))?;
    let (4, Some(major), Some(minor)) = (
        record.value.len(),
        u16_at(record.value, 0),
        u16_at(record.value, 2),
    ) else {
        return Err(invalid("abi", "does not have 4 bytes"));
    };
    if !version::is_compatible(major) {
        return Err(DiscoverError::AbiMismatch {
            found: (major, minor),
            expected: (version::TORU_ABI_MAJOR, version::TORU_ABI_MINOR),
        });
    }
    Ok((major, minor))
}

/// Names of the fields by tag, for messages.
const FIELDS: [(u16, &str); 15] = [
    (TAG_ABI, "abi"),
    (TAG_ID, "id"),
    (TAG_NAME, "name"),
    (TAG_VERSION, "version"),
    (TAG_AUTHOR, "author"),
    (TAG_ICON, "icon"),
    (TAG_ROUTE, "route"),
    (TAG_DESCRIPTION, "description"),
    (TAG_REQUIRES, "requires"),
    (TAG_USES, "uses"),
    (TAG_PANIC, "panic"),
    (TAG_COMPILER, "compiler"),
    (TAG_TARGET, "target"),
    (TAG_SDK, "sdk"),
    (TAG_LICENSE, "license"),
];

/// Values by tag, each at most once, except extension ids.
#[derive(Default)]
struct Fields<'a> {
    texts: [Option<&'a str>; FIELDS.len()],
    requires: Vec<&'a str>,
    uses: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, record: &Record<'a>) -> Result<(), DiscoverError> {
        if record.flags & !RECORD_MUST_UNDERSTAND != 0 {
            return Err(invalid("note", "has a record with unknown flags"));
        }
        let Some(index) = FIELDS.iter().position(|&(tag, _)| tag == record.tag) else {
            return if record.flags & RECORD_MUST_UNDERSTAND == 0 {
                Ok(())
            } else {
                let rule = format!(
                    "has the record {} that this host has to understand but does not",
                    record.tag
                );
                Err(invalid("note", rule))
            };
        };
        let field = FIELDS[index].1;
        // The version is a pair of numbers, read before; here it only counts.
        let text = match record.tag {
            TAG_ABI => "",
            _ => rules::text(field, record.value)?,
        };
        match record.tag {
            TAG_REQUIRES => self.requires.push(text),
            TAG_USES => self.uses.push(text),
            _ if self.texts[index].replace(text).is_some() => return Err(invalid(field, "is there twice")),
            _ => {}
        }
        Ok(())
    }

    fn text(&self, tag: u16) -> Option<&'a str> {
        let index = FIELDS.iter().position(|&(known, _)| known == tag)?;
        self.texts[index]
    }

    fn checked(
        &self,
        tag: u16,
        rule: impl Fn(&str) -> Result<(), Cow<'static, str>>,
    ) -> Result<Option<String>, DiscoverError> {
        let Some(text) = self.text(tag) else {
            return Ok(None);
        };
        let field = FIELDS
            .iter()
            .find(|&&(known, _)| known == tag)
            .map_or("note", |&(_, name)| name);
        rule(text).map_err(|rule| invalid(field, rule))?;
        Ok(Some(text.to_owned()))
    }
}
