//! Files and folders that nobody but their owner may read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;

/// What the group and everybody else may do.
const OTHERS: u32 = 0o077;

/// Looks whether a folder is this user's alone.
///
/// # Errors
///
/// When it is not, with what to do about it.
pub(crate) fn check_folder(path: &Path) -> Result<()> {
    let shown = path.display();
    let found = std::fs::metadata(path).with_context(|| format!("{shown} cannot be looked at"))?;
    ensure!(
        found.is_dir(),
        "{shown} is no folder; choose another one for the data"
    );
    check_owner(path, &found)?;
    ensure!(
        found.mode() & OTHERS == 0,
        "other users can get into {shown}, where secrets are kept; say `chmod 700 {shown}`"
    );
    Ok(())
}

/// Opens a file that is this user's alone, for reading. `None` if there is none.
///
/// What is looked at is what was opened, and nothing that a link leads to.
///
/// # Errors
///
/// When it cannot be opened, or is not this user's alone: then with `remedy`, which says what to do about it.
pub(crate) fn open(path: &Path, remedy: &str) -> Result<Option<File>> {
    let shown = path.display();
    // Without waiting for somebody to write, where it is a pipe.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).context("flags are small numbers")?;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(|| format!("{shown} cannot be opened"))?,
    };
    check(path, &file.metadata()?, remedy)?;
    Ok(Some(file))
}

/// Looks whether a file, if there is one, is this user's alone, without opening it: for SQLite's files, whose locks this
/// process would lose with the first descriptor that it closes. The folder has to be the user's alone as well, or what
/// was looked at can be replaced.
///
/// # Errors
///
/// When it is not: then with `remedy`, which says what to do about it.
pub(crate) fn check_file(path: &Path, remedy: &str) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be looked at", path.display())),
        Ok(found) => check(path, &found, remedy),
    }
}

fn check(path: &Path, found: &Metadata, remedy: &str) -> Result<()> {
    let shown = path.display();
    ensure!(found.is_file(), "{shown} is no ordinary file; remove it");
    check_owner(path, found)?;
    ensure!(
        found.mode() & OTHERS == 0,
        "other users could read or change {shown}; {remedy}"
    );
    Ok(())
}

fn check_owner(path: &Path, found: &Metadata) -> Result<()> {
    ensure!(
        found.uid() == rustix::process::geteuid().as_raw(),
        "{} belongs to another user (number {}); choose another data folder, or run the server as that user",
        path.display(),
        found.uid()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{check_file, check_folder, open};

    #[test]
    fn only_what_is_the_owners_alone_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(open(&path, "").unwrap().is_none());
        fs::write(&path, "x").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = open(&path, "replace it").unwrap_err().to_string();
            assert!(error.contains("replace it"), "{mode:o}: {error}");
            assert!(check_file(&path, "").is_err(), "{mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(open(&path, "").unwrap().is_some());
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        check_file(&path, "").unwrap();
        for (path, what) in [(&*link, "a link"), (folder.path(), "a folder")] {
            assert!(open(path, "").is_err() && check_file(path, "").is_err(), "{what}");
        }
    }

    #[test]
    fn a_folder_that_others_get_into_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o755, 0o750, 0o701] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            let error = check_folder(folder.path()).unwrap_err().to_string();
            assert!(error.contains("chmod 700"), "{mode:o}: {error}");
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        check_folder(folder.path()).unwrap();
    }

    #[test]
    fn what_is_somebody_elses_is_refused() {
        // Root's, or, where tests are root, that of whoever it is given to.
        let folder = tempfile::tempdir().unwrap();
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            std::os::unix::fs::chown(folder.path(), Some(12_345), None).unwrap();
        }
        let theirs = if is_root {
            folder.path()
        } else {
            std::path::Path::new("/")
        };
        let error = check_folder(theirs).unwrap_err().to_string();
        assert!(error.contains("another user"), "{error}");
    }
}
