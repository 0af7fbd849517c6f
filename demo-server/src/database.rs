//! The server's own data: who may sign in, and who is signed in. One SQLite file, `demo.db` in the data folder.

use std::fmt;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::Connection;

use crate::private;

pub mod sessions;
pub mod users;

/// Says whose database it is: "Tdem".
const APPLICATION_ID: i64 = 0x5464_656d;
/// Version of the tables.
const SCHEMA_VERSION: i64 = 1;
/// How long a statement waits for another process, such as `demo-server user`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// `version` of a user grows with every new password. Sessions are found by the hash of their id, which stands in no file.
const TABLES: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        role TEXT NOT NULL CHECK (role IN ('admin', 'user')),
        password TEXT NOT NULL,
        version INTEGER NOT NULL DEFAULT 1
    ) STRICT;
    CREATE TABLE sessions (
        id_hash BLOB PRIMARY KEY NOT NULL,
        user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        created_ms INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_user ON sessions (user);
";

/// An open database. Clones share one connection.
#[derive(Clone)]
pub struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// Opens the database of a data folder, which is made if there is none. Only its owner may read it.
    ///
    /// # Errors
    ///
    /// When it cannot be used, others could read or change it, or it is another program's or a newer server's.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("demo.db");
        let problem = || format!("the server's own data in {} cannot be used", path.display());
        // SQLite gives its other files the permissions of this one.
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match made {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(problem);
            }
            _ => {}
        }
        for ending in ["", "-wal", "-shm"] {
            let file = folder.join(format!("demo.db{ending}"));
            let remedy = format!(
                "if nobody did, say `chmod 600 {}`, else remove the data folder",
                file.display()
            );
            private::check_file(&file, &remedy).with_context(problem)?;
        }
        let mut connection = Connection::open(&path).with_context(problem)?;
        prepare(&mut connection).with_context(problem)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Does something with the database, on this thread.
    ///
    /// # Errors
    ///
    /// What `work` says.
    pub fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        // A transaction that a panic left is rolled back when it is dropped.
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection).context("the server's own data cannot be used")
    }

    /// Does something with the database, where nobody else waits for it.
    ///
    /// # Errors
    ///
    /// What `work` says.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.clone();
        tokio::task::spawn_blocking(move || database.with(work)).await?
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

/// Makes the tables where there are none.
fn prepare(connection: &mut Connection) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A sign-out that was answered is not undone by a loss of power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let number = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = transaction.query_row(tables, [], |row| row.get(0))?;
    match (number("application_id")?, number("user_version")?) {
        (0, 0) if tables == 0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        (APPLICATION_ID, SCHEMA_VERSION) => {}
        (APPLICATION_ID, version) => {
            bail!("its version is {version}, this server knows {SCHEMA_VERSION}; use a newer server");
        }
        _ => bail!("it belongs to another program; choose another data folder"),
    }
    transaction.commit()?;
    Ok(())
}

/// A time as SQLite keeps it.
fn stored(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::Database;

    #[test]
    fn the_file_is_private_and_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            drop(Database::open(folder.path()).unwrap());
        }
        let file = std::fs::metadata(folder.path().join("demo.db")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn files_that_others_could_read_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        // Open all the while: SQLite's other files are there only then.
        let _open = Database::open(folder.path()).unwrap();
        for name in ["demo.db", "demo.db-wal", "demo.db-shm"] {
            let file = folder.path().join(name);
            for (mode, is_refused) in [(0o644, true), (0o620, true), (0o600, false)] {
                std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
                let opened = Database::open(folder.path());
                assert_eq!(opened.is_err(), is_refused, "{name} {mode:o}: {opened:?}");
            }
        }
    }

    #[test]
    fn a_newer_database_and_that_of_another_program_are_refused() {
        for pragma in ["PRAGMA user_version = 2", "PRAGMA application_id = 7"] {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(folder.path()).unwrap();
            database.with(|it| it.execute_batch(pragma)).unwrap();
            drop(database);
            assert!(Database::open(folder.path()).is_err(), "{pragma}");
        }
    }
}
