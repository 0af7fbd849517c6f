//! A disk that can lose its power: an ext4 file system in a file, whose kernel side is told to forget what it holds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::ioctl::{Setter, ioctl, opcode};
use tempfile::TempDir;

/// Bytes of the disk.
const SIZE: u64 = 96 * 1024 * 1024;
/// How often it is tried to unmount the disk; each attempt takes about a millisecond.
const UNMOUNTS_MAX: usize = 5000;
/// `EXT4_IOC_SHUTDOWN`, whose name is kept by the kernel's headers for itself.
const SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
/// Neither files nor the journal are flushed first: what was not flushed before is lost.
const WITHOUT_FLUSHING: u32 = 2;

/// A disk, mounted; unmounted when it is dropped, also by a test that fails.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Makes and mounts a disk.
    ///
    /// # Errors
    ///
    /// Why this machine or this user cannot.
    pub(crate) fn new() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root may mount file systems".to_owned());
        }
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        File::create(&image).unwrap().set_len(SIZE).unwrap();
        run(Command::new("mkfs.ext4").arg("-q").arg(image))?;
        let disk = Self { folder };
        fs::create_dir(disk.root()).unwrap();
        disk.mount()?;
        // Fails where the kernel is too old for it, and would lose nothing.
        disk.cut()?;
        disk.restart();
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// Cuts the power: nothing reaches the disk any more, and what was not flushed never has.
    ///
    /// # Errors
    ///
    /// When the kernel cannot do that.
    #[expect(unsafe_code, reason = "a request to the kernel that no crate wraps")]
    pub(crate) fn cut(&self) -> Result<(), String> {
        let root = File::open(self.root()).unwrap();
        // SAFETY: this request reads one `u32`, which is what it is given.
        let request = unsafe { Setter::<SHUTDOWN, u32>::new(WITHOUT_FLUSHING) };
        // SAFETY: the descriptor is an open one, and the request touches nothing else of this process.
        let done = unsafe { ioctl(&root, request) };
        done.map_err(|error| format!("the file system cannot be cut off: {error}"))
    }

    /// Turns it on again. Nobody may use it at that moment.
    pub(crate) fn restart(&self) {
        let unmount = || run(Command::new("umount").arg(self.root()));
        let mut unmounted = unmount();
        // What another thread starts has our descriptors until it becomes another program: busy for a moment.
        for _ in 0..UNMOUNTS_MAX {
            if unmounted.is_ok() {
                break;
            }
            unmounted = unmount();
        }
        unmounted.unwrap();
        self.mount().unwrap();
    }

    /// The loop device goes away by itself when the disk is unmounted.
    fn mount(&self) -> Result<(), String> {
        let image = self.folder.path().join("image");
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(image)
            .arg(self.root()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(self.root())) {
            println!("{error}");
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command.output().map_err(|error| format!("no {name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} ended with {}: {}", output.status, words.trim()))
}
