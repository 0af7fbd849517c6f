//! One host per state folder.

use std::fs::{File, Metadata};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::StateError;
use super::disk::RealDisk;
use super::folder::Folder;

const FILE: &str = "lock";

/// Keeps other hosts out of a state folder until it is dropped, or the process ends however it ends.
///
/// What counts is the kernel's lock, not the file: the file stays, and one left behind is no obstacle. Removing it
/// while a host runs would let a second one in.
#[derive(Debug)]
pub(crate) struct FolderLock {
    /// Programs that the host starts do not inherit it.
    file: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that the application has forked, and that has not become another program yet,
        // still has the file open. Nothing is left to do about an error: the process ends, or the next host says so.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

impl FolderLock {
    /// Locks a folder, which is made where it is missing. Never waits.
    pub(crate) fn acquire(folder: &Path, check_permissions: bool) -> Result<Self, StateError> {
        let folder = std::path::absolute(folder).map_err(|source| StateError::unreadable(folder, source))?;
        let path = Folder::open(Arc::new(RealDisk), &folder, check_permissions)?.path_of(FILE);
        let unwritable = |source| StateError::unwritable(&path, source);
        loop {
            let file = open(&path).map_err(|error| unwritable(error.into()))?;
            let metadata = file.metadata().map_err(unwritable)?;
            if !metadata.is_file() {
                return Err(StateError::malformed(&path, "it is not a file"));
            }
            match lock(&file) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    let pid = holder(&file);
                    return Err(StateError::AlreadyRunning { path, pid });
                }
                Err(error) => return Err(unwritable(error.into())),
            }
            // Somebody may have removed the file between the two steps, and the next host would lock another one.
            if is_at(&metadata, &path) {
                write_pid(&file);
                return Ok(Self { file });
            }
        }
    }
}

fn open(path: &Path) -> Result<File, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::io::retry_on_intr(|| rustix::fs::open(path, flags | OFlags::CLOEXEC, mode)).map(File::from)
}

fn lock(file: &File) -> Result<(), Errno> {
    let exclusive = FlockOperation::NonBlockingLockExclusive;
    rustix::io::retry_on_intr(|| rustix::fs::flock(file, exclusive))
}

/// The process that a locked file names.
fn holder(mut file: &File) -> Option<u32> {
    let mut text = [0; 16];
    let len = file.read(&mut text).ok()?;
    std::str::from_utf8(&text[..len]).ok()?.trim().parse().ok()
}

/// Names this process to people; whether that works is not important.
fn write_pid(mut file: &File) {
    let _ = file
        .set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()));
}

fn is_at(file: &Metadata, path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    /// In a process of its own: where to take the lock.
    const CHILD: &str = "TORU_TEST_LOCK_FOLDER";

    #[test]
    fn c11_a_second_host_is_refused_and_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::acquire(folder.path(), true).unwrap();
        let error = FolderLock::acquire(folder.path(), true).unwrap_err();
        assert_eq!(error.code(), "already_running");
        let expected = format!("another host (process {}) is already running", std::process::id());
        assert!(error.to_string().starts_with(&expected), "{error}");
        drop(first);
        FolderLock::acquire(folder.path(), true).unwrap();
        assert!(folder.path().join(FILE).exists());
    }

    #[test]
    fn a_forked_child_does_not_keep_a_lock_that_was_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::acquire(folder.path(), true).unwrap();
        // What a child has between `fork` and `exec`.
        let _inherited = lock.file.try_clone().unwrap();
        drop(lock);
        FolderLock::acquire(folder.path(), true).unwrap();
    }

    #[test]
    fn c11_a_lock_of_a_killed_host_is_no_obstacle() {
        if let Some(folder) = std::env::var_os(CHILD) {
            let _lock = FolderLock::acquire(Path::new(&folder), true).unwrap();
            println!("locked");
            loop {
                std::thread::park();
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("state::lock::tests::c11_a_lock_of_a_killed_host_is_no_obstacle")
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        assert!(output.lines().any(|line| line.unwrap().contains("locked")));
        let refused = FolderLock::acquire(folder.path(), true).unwrap_err();
        let is_child = matches!(&refused, StateError::AlreadyRunning { pid, .. } if *pid == Some(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_child, "{refused}");
        FolderLock::acquire(folder.path(), true).unwrap();
    }

    #[test]
    fn a_lock_that_is_no_file_is_refused_without_a_hang() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        FolderLock::acquire(folder.path(), true).unwrap_err();
        assert!(!folder.path().join("elsewhere").exists());
        std::fs::remove_file(&path).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        FolderLock::acquire(folder.path(), true).unwrap_err();
    }
}
