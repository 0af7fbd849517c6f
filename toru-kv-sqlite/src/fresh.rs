//! A new database: made beside its place, and put there when it is whole.
//!
//! So a database that is there has its tables and its id, whenever the process or the machine died, and of many that
//! start for the first time one is first.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use crate::error::SqliteKvError;
use crate::file::Database;
use crate::schema;

/// What the names of databases that are being made have behind that of the database.
const BESIDE: &str = "-new-";

/// Makes a database where there is none. Somebody else may be faster; then theirs is there.
pub(crate) fn make(database: &Database) -> Result<(), SqliteKvError> {
    let mut beside = database.path.clone().into_os_string();
    beside.push(format!("{BESIDE}{}", Uuid::new_v4().simple()));
    let beside = PathBuf::from(beside);
    let made = write(database, &beside).and_then(|()| place(database, &beside));
    let _ = fs::remove_file(&beside);
    match made {
        Ok(()) => remove_rest(&database.path),
        // Who was first has removed ours.
        Err(_) if database.path.exists() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Writes a whole database, and flushes it.
fn write(database: &Database, beside: &Path) -> Result<(), SqliteKvError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(beside);
    file.map_err(|error| fault(database, error))?;
    fill(beside).map_err(|error| database.error(error))?;
    let file = File::open(beside).and_then(|file| file.sync_all());
    file.map_err(|error| fault(database, error))
}

fn fill(beside: &Path) -> rusqlite::Result<()> {
    let mut connection = Connection::open_with_flags(beside, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Nobody knows it yet, and it is flushed as a whole.
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let transaction = connection.transaction()?;
    schema::create(&transaction)?;
    transaction.commit()?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error)
}

/// Gives it its name, which is durable then, unless somebody has it.
fn place(database: &Database, beside: &Path) -> Result<(), SqliteKvError> {
    match fs::hard_link(beside, &database.path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault(database, error)),
        _ => {}
    }
    let folder = database.path.parent().unwrap_or(Path::new("."));
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.map_err(|error| fault(database, error))
}

/// Removes what first starts left that were ended half-way, once there is a database. Those that still go on find it in
/// its place.
pub(crate) fn remove_rest(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let begin = format!("{}{BESIDE}", name.to_string_lossy());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&begin) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn fault(database: &Database, source: io::Error) -> SqliteKvError {
    SqliteKvError::Io {
        path: database.path.clone(),
        source,
    }
}
