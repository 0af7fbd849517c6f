//! The tables, whose they are, and the id of the installation.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Transaction};
use uuid::Uuid;

use crate::error::{SqliteKvError, is_busy};
use crate::file::Database;

/// Says whose database it is: "Toru".
const APPLICATION_ID: i64 = 0x546f_7275;
/// Version of the tables.
const SCHEMA_VERSION: i64 = 1;
/// Time between two attempts to have the database alone.
const RETRY: Duration = Duration::from_millis(5);

/// Entries lie in the order of their keys, so that a page of a list is one walk. `plugin_usage` counts what is stored,
/// expired or not, and follows every change within its transaction; `last_version` in `settings` is the end of the versions
/// that were reserved to be given, and never goes back.
const TABLES: &str = "
    CREATE TABLE settings (
        key TEXT PRIMARY KEY NOT NULL,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE plugin_kv (
        plugin TEXT NOT NULL,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        version INTEGER NOT NULL,
        expires_ms INTEGER,
        PRIMARY KEY (plugin, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX plugin_kv_expiry ON plugin_kv (plugin, expires_ms, length(value))
        WHERE expires_ms IS NOT NULL;
    CREATE TABLE plugin_usage (
        plugin TEXT PRIMARY KEY NOT NULL,
        keys INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Checks whose tables they are, changes over to the log, and returns the id of the installation.
pub(crate) fn check(database: &Database, connection: &Connection) -> Result<Uuid, SqliteKvError> {
    check_owner(database, connection)?;
    use_wal(database, connection)?;
    let id = instance_id(connection).map_err(|error| database.error(error))?;
    let id = id.and_then(|text| {
        let id = Uuid::try_parse(&text).ok()?;
        (id.hyphenated().to_string() == text).then_some(id)
    });
    id.ok_or_else(|| SqliteKvError::InstanceId {
        path: database.path.clone(),
    })
}

/// Makes the tables and the id.
pub(crate) fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(TABLES)?;
    let id = Uuid::new_v4().hyphenated().to_string();
    let mut insert = transaction.prepare("INSERT INTO settings (key, value) VALUES (?1, ?2)")?;
    insert.execute(["instance_id", &id])?;
    insert.execute(["last_version", "0"])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)
}

/// An error when the tables are somebody else's, or newer.
fn check_owner(database: &Database, connection: &Connection) -> Result<(), SqliteKvError> {
    // In one statement, so that all three are of one moment.
    let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
               FROM pragma_application_id, pragma_user_version";
    let read = connection.query_row(sql, [], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, i64>(2)?,
        ))
    });
    let path = database.path.clone();
    match read.map_err(|error| database.error(error))? {
        (0, 0, 0) => Err(SqliteKvError::Corrupt {
            path,
            reason: "there is nothing in it".to_owned(),
        }),
        (APPLICATION_ID, version, _) if version > SCHEMA_VERSION => {
            Err(SqliteKvError::Newer { path, version })
        }
        (APPLICATION_ID, SCHEMA_VERSION, tables) if tables > 0 => Ok(()),
        _ => Err(SqliteKvError::Foreign { path }),
    }
}

/// Changes over to the write-ahead log, where a copy of a database has none. Needs it alone for a moment then.
fn use_wal(database: &Database, connection: &Connection) -> Result<(), SqliteKvError> {
    let deadline = Instant::now() + database.busy_timeout;
    loop {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            // With another journal, readers and the writer would keep each other out.
            Ok(_) => {
                return Err(SqliteKvError::Io {
                    path: database.path.clone(),
                    source: io::Error::new(
                        io::ErrorKind::Unsupported,
                        "its file system cannot have a write-ahead log",
                    ),
                });
            }
            Err(error) if is_busy(&error) && Instant::now() < deadline => thread::sleep(RETRY),
            Err(error) => return Err(database.error(error)),
        }
    }
}

fn instance_id(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM settings WHERE key = 'instance_id'";
    connection.query_row(sql, [], |row| row.get(0)).optional()
}
