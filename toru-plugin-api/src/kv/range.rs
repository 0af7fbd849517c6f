//! Ranges of entries, and their pages.

use std::fmt;

use super::{KvEntry, PluginKvStore};
use crate::error::KvError;
use crate::shim::{Page, Range};

/// Which entries to list, and how.
///
/// # Examples
///
/// ```
/// use toru_plugin_api::KvRange;
///
/// let newest_ten = KvRange::prefix("event/").descending().limit(10);
/// let from_m_on = KvRange::all().from("m");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct KvRange {
    /// Empty for the beginning.
    start: Vec<u8>,
    /// Empty for the end.
    end: Vec<u8>,
    /// Behind which key the page starts; empty for none.
    cursor: Vec<u8>,
    descending: bool,
    /// 0 for the host's choice.
    limit: u32,
}

impl KvRange {
    /// All entries, in ascending order of their keys.
    pub fn all() -> Self {
        Self::default()
    }

    /// Entries whose keys start with these bytes.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        let prefix = prefix.as_ref();
        // The first key that is greater than all with the prefix; there is none behind a prefix of 0xFF alone.
        let mut end = prefix.to_vec();
        let kept = prefix.iter().rposition(|byte| *byte < u8::MAX);
        end.truncate(kept.map_or(0, |last| last + 1));
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        Self {
            start: prefix.to_vec(),
            end,
            ..Self::default()
        }
    }

    /// Only keys from this one on, itself included.
    pub fn from(mut self, key: impl AsRef<[u8]>) -> Self {
        let key = key.as_ref();
        if *self.start < *key {
            self.start = key.to_vec();
        }
        self
    }

    /// Only keys before this one, itself not included; none before an empty one.
    pub fn until(mut self, key: impl AsRef<[u8]>) -> Self {
        let key = key.as_ref();
        if key.is_empty() {
            // For the store, an empty end is none. The shortest key that there can be is behind nothing.
            self.end = vec![0];
        } else if self.end.is_empty() || *key < *self.end {
            self.end = key.to_vec();
        }
        self
    }

    /// In descending order of the keys.
    pub const fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// At most that many entries in a page, 1 to 10,000. 100 when nothing is said.
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Goes on behind the end of a page, with the order and bounds of this range.
    pub fn after(mut self, cursor: impl AsRef<[u8]>) -> Self {
        self.cursor = cursor.as_ref().to_vec();
        self
    }

    pub(super) fn lend(&self) -> Range<'_> {
        Range::new(&self.start, &self.end, &self.cursor, self.descending, self.limit)
    }
}

/// Some entries of a range, all of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvPage {
    /// The entries.
    pub entries: Vec<KvEntry>,
    /// What the next page comes [`after`](KvRange::after); `None` behind the last one.
    pub cursor: Option<Vec<u8>>,
}

impl KvPage {
    /// A page, for stores of one's own.
    #[must_use]
    pub const fn new(entries: Vec<KvEntry>, cursor: Option<Vec<u8>>) -> Self {
        Self { entries, cursor }
    }

    pub(super) fn read(page: &Page) -> Self {
        let cursor = page.cursor();
        Self {
            entries: page.entries().collect(),
            cursor: (!cursor.is_empty()).then(|| cursor.to_vec()),
        }
    }
}

/// The pages of a range. See [`PluginKvStore::pages`].
pub struct KvPages<'a, S> {
    store: &'a S,
    /// `None` behind the last page.
    range: Option<KvRange>,
}

impl<'a, S: PluginKvStore> KvPages<'a, S> {
    pub(super) const fn new(store: &'a S, range: KvRange) -> Self {
        let range = Some(range);
        Self { store, range }
    }

    /// The next page, never an empty one; `None` behind the last one.
    ///
    /// # Errors
    ///
    /// When the store fails. The next call tries the same page again.
    pub async fn next(&mut self) -> Result<Option<KvPage>, KvError> {
        while let Some(range) = &mut self.range {
            let page = self.store.list(range).await?;
            match &page.cursor {
                Some(cursor) => range.cursor.clone_from(cursor),
                None => self.range = None,
            }
            if !page.entries.is_empty() {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }
}

impl<S> fmt::Debug for KvPages<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvPages")
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::KvRange;

    fn bounds(range: &KvRange) -> (&[u8], &[u8]) {
        (&range.start, &range.end)
    }

    #[test]
    fn a_prefix_ends_before_the_first_key_without_it() {
        let prefix = |bytes: &[u8]| KvRange::prefix(bytes);
        assert_eq!(bounds(&prefix(b"user/")), (&b"user/"[..], &b"user0"[..]));
        assert_eq!(bounds(&prefix(b"a\xFF\xFF")), (&b"a\xFF\xFF"[..], &b"b"[..]));
        assert_eq!(bounds(&prefix(b"\xFF\xFF")), (&b"\xFF\xFF"[..], &b""[..]));
        assert_eq!(bounds(&prefix(b"")), (&b""[..], &b""[..]));
        assert_eq!(bounds(&prefix(b"\0")), (&b"\0"[..], &b"\x01"[..]));
    }

    #[test]
    fn bounds_narrow_a_prefix_and_never_widen_it() {
        let users = || KvRange::prefix("user/");
        assert_eq!(
            bounds(&users().from("user/m").until("user/n")),
            (&b"user/m"[..], &b"user/n"[..])
        );
        assert_eq!(users().from("a").until("z"), users());
        let nothing = users().until("");
        assert!(
            nothing.start >= nothing.end && !nothing.end.is_empty(),
            "{nothing:?}"
        );
    }
}
