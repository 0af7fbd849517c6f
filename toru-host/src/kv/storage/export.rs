//! Out of the store.

use std::ops::Bound;

use bytes::Bytes;

use super::{PluginStorage, line};
use crate::kv::KvError;

/// All entries of a plugin as lines of JSON, in the byte order of their keys. See [`PluginStorage::export`].
///
/// The first line tells the format and the plugin, the last one how many entries there were, so that a file that breaks off
/// is found out:
///
/// ```json
/// {"toru_kv":1,"plugin":"hello"}
/// {"key":"count","value":"42"}
/// {"key":"session/1","value_base64":"AAEC","expires_ms":1795000000000}
/// {"entries":2}
/// ```
///
/// Keys and values are texts where they are readable ones, else Base64 (RFC 4648, with padding). `expires_ms` is in
/// milliseconds of Unix time. Versions are not told: an entry that is taken in again is a new write.
///
/// What is written meanwhile may be told or not. For all entries of one moment, disable the plugin first.
#[derive(Debug)]
#[must_use = "nothing is read before `next`"]
pub struct KvExport {
    storage: PluginStorage,
    entries: u64,
    position: Position,
}

#[derive(Debug)]
enum Position {
    Head,
    From(Bound<Bytes>),
    Over,
}

impl KvExport {
    pub(super) const fn new(storage: PluginStorage) -> Self {
        Self {
            storage,
            entries: 0,
            position: Position::Head,
        }
    }

    /// The next lines, whole ones; `None` behind the last.
    ///
    /// # Errors
    ///
    /// When the store fails. The next call tries the same lines again.
    pub async fn next(&mut self) -> Result<Option<Bytes>, KvError> {
        let start = match &self.position {
            Position::Head => {
                self.position = Position::From(Bound::Unbounded);
                return Ok(Some(line::head(self.storage.plugin.as_str()).into()));
            }
            Position::From(start) => start.clone(),
            Position::Over => return Ok(None),
        };
        let page = self.storage.page(start).await?;
        let lines = match page.last() {
            Some(last) => {
                self.position = Position::From(Bound::Excluded(last.key.clone()));
                self.entries += page.len() as u64;
                let mut lines = Vec::new();
                for entry in &page {
                    lines.extend_from_slice(&line::entry(entry));
                }
                lines
            }
            None => {
                self.position = Position::Over;
                line::end(self.entries)
            }
        };
        Ok(Some(lines.into()))
    }
}
