//! Versions, which never repeat: not after a deletion, a failure or a restart.

use rusqlite::Connection;

/// How many versions are reserved at once. What is left of them at the end is never given.
const BLOCK: u64 = 1 << 16;

/// Versions that this process may give.
///
/// `last_version` in `settings` is the end of what was reserved last, by whoever that was. So most transactions neither read
/// nor write it: that would be one more page for each of them to write and flush.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Versions {
    last: u64,
    reserved: u64,
}

impl Versions {
    /// Makes sure that there are as many as `count`. They are reserved when the transaction is committed; when it fails, this
    /// has to be forgotten.
    pub(super) fn reserve(&mut self, transaction: &Connection, count: usize) -> rusqlite::Result<()> {
        if self.reserved - self.last >= count as u64 {
            return Ok(());
        }
        let end = reserved(transaction)?;
        // Another process that writes to the file has reserved versions in between.
        if end != self.reserved {
            self.last = end;
        }
        self.reserved = end + BLOCK.max(count as u64);
        let mut write =
            transaction.prepare_cached("UPDATE settings SET value = ?1 WHERE key = 'last_version'")?;
        write.execute([self.reserved.to_string()]).map(drop)
    }

    /// The next one, of those that were reserved.
    pub(super) const fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// The end of what was reserved so far.
fn reserved(connection: &Connection) -> rusqlite::Result<u64> {
    let mut read = connection.prepare_cached("SELECT value FROM settings WHERE key = 'last_version'")?;
    let text: String = read.query_row([], |row| row.get(0))?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{BLOCK, Versions};

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let tables =
            "CREATE TABLE settings (key TEXT, value TEXT); INSERT INTO settings VALUES ('last_version', '7')";
        connection.execute_batch(tables).unwrap();
        connection
    }

    fn give(versions: &mut Versions, connection: &Connection, count: usize) -> Vec<u64> {
        versions.reserve(connection, count).unwrap();
        (0..count).map(|_| versions.next()).collect()
    }

    #[test]
    fn one_follows_the_other_from_block_to_block() {
        let connection = database();
        let mut versions = Versions::default();
        let mut expected = 8;
        for count in [1, 2, 70_000, 1, 65_536, 3] {
            for version in give(&mut versions, &connection, count) {
                assert_eq!(version, expected);
                expected += 1;
            }
        }
    }

    #[test]
    fn nothing_is_written_while_there_are_some() {
        let connection = database();
        let mut versions = Versions::default();
        give(&mut versions, &connection, 1);
        let before = connection.total_changes();
        give(&mut versions, &connection, usize::try_from(BLOCK).unwrap() - 1);
        assert_eq!(connection.total_changes(), before);
        give(&mut versions, &connection, 1);
        assert_eq!(connection.total_changes(), before + 1);
    }

    #[test]
    fn two_that_share_a_file_never_give_the_same_and_neither_does_one_that_forgot() {
        let connection = database();
        let (mut one, mut other) = (Versions::default(), Versions::default());
        let mut given = Vec::new();
        for count in [1, 40_000, 40_000, 70_000] {
            given.extend(give(&mut one, &connection, count));
            given.extend(give(&mut other, &connection, count));
            one = Versions::default();
        }
        let count = given.len();
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), count);
    }
}
