use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, OFlags, SealFlags, StatVfsMountFlags};
use sha2::{Digest, Sha256};

use super::file::{FileStamp, Folder, OpenFile, check_folder};
use super::lint::{self, Warning};
use super::{DiscoverError, Policy, elf, note, seal};
use crate::plugin::PluginMetadata;

/// A private copy of a library, checked and ready to be opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Staged {
    /// What to hand to the dynamic loader.
    pub path: PathBuf,
    /// SHA-256 of the copied bytes.
    pub sha256: [u8; 32],
    /// What the copied bytes say about themselves.
    pub metadata: PluginMetadata,
    /// Whether the library carries a seal, which then matches.
    pub is_sealed: bool,
    /// What is unusual but accepted.
    pub warnings: Vec<Warning>,
    /// The file that was copied.
    pub file: FileStamp,
    /// The memory file behind [`path`](Self::path), if the copy is one.
    ///
    /// Keep it open for the life of the process: the dynamic loader recognises libraries by path, and a reused
    /// descriptor number would yield the wrong plugin.
    pub keep: Option<File>,
}

/// Copies a library to where nobody else can change it, and checks the copied bytes.
///
/// The copy is `<sha256>.so` in `cache_dir`, a folder of mode 0700 that is created when missing. Where that folder's
/// mount forbids execution, it is a sealed memory file instead. The bytes that are checked, hashed and later opened
/// are the same: nothing that happens to the file after this call has an effect. Reads the whole file; call it where
/// blocking is allowed.
///
/// # Errors
///
/// Everything that [`DiscoverError`] describes, except a repeated id.
pub fn stage(path: &Path, policy: &Policy, cache_dir: &Path) -> Result<Staged, DiscoverError> {
    let open = open(path, policy)?;
    // The cheap refusals come before the copy.
    note::parse(&elf::find_note(&open.reader())?.descriptor, policy)?;

    let bytes = read_all(&open)?;
    let found = elf::find_note(bytes.as_slice())?;
    let metadata = note::parse(&found.descriptor, policy)?;
    let is_sealed = seal::verify_note(&bytes, &found)?;
    let warnings = lint::check(&bytes, policy)?;
    let sha256 = Sha256::digest(&bytes).into();

    // From here on the folder itself is meant, not a way to it that could be changed.
    let cache_dir = &prepare_folder(cache_dir, policy)?;
    let (path, keep) = if forbids_execution(cache_dir)? {
        let memory = memory_file(&bytes).map_err(|error| DiscoverError::cache(Path::new("memory"), error))?;
        (
            PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd())),
            Some(memory),
        )
    } else {
        let path = cache_dir.join(file_name(&sha256));
        place(&path, &bytes, &sha256).map_err(|error| DiscoverError::cache(&path, error))?;
        (path, None)
    };
    Ok(Staged {
        path,
        sha256,
        metadata,
        is_sealed,
        warnings,
        file: open.stamp,
        keep,
    })
}

/// SHA-256 of a file of the plugins folder, and which version of the file that is. Reads the whole file; call it where
/// blocking is allowed.
///
/// # Errors
///
/// When the file is not one that [`stage`] would copy, cannot be read, or changes meanwhile.
pub(crate) fn hash(path: &Path, policy: &Policy) -> Result<(FileStamp, [u8; 32]), DiscoverError> {
    let open = open(path, policy)?;
    let hash = hash_of(&open.file).map_err(|error| DiscoverError::unreadable("read", error))?;
    let after = open.file.metadata();
    let after = after.map_err(|error| DiscoverError::unreadable("read", error))?;
    if FileStamp::of(&after) != open.stamp {
        return Err(DiscoverError::FileChanged);
    }
    Ok((open.stamp, hash))
}

/// Opens a file after checking it and the folder it lies in.
fn open(path: &Path, policy: &Policy) -> Result<OpenFile, DiscoverError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(DiscoverError::unreadable(
            "opened",
            io::Error::from(io::ErrorKind::InvalidInput),
        ));
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let folder = Folder::open(parent, policy).map_err(|error| DiscoverError::unreadable("opened", error))?;
    folder.open_file(name, policy)
}

/// The file's content, if it did not change meanwhile.
fn read_all(open: &OpenFile) -> Result<Vec<u8>, DiscoverError> {
    let unreadable = |error: io::Error| DiscoverError::unreadable("read", error);
    let len = usize::try_from(open.stamp.len).map_err(|_| unreadable(io::ErrorKind::OutOfMemory.into()))?;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(len + 1)
        .map_err(|_| unreadable(io::ErrorKind::OutOfMemory.into()))?;
    (&open.file)
        .take(open.stamp.len + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let after = open.file.metadata().map_err(unreadable)?;
    if bytes.len() != len || FileStamp::of(&after) != open.stamp {
        return Err(DiscoverError::FileChanged);
    }
    Ok(bytes)
}

fn prepare_folder(dir: &Path, policy: &Policy) -> Result<PathBuf, DiscoverError> {
    let fault = |error| DiscoverError::cache(dir, error);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(fault)?;
    let dir = dir.canonicalize().map_err(fault)?;
    if policy.check_permissions {
        check_folder(&dir)?;
    }
    Ok(dir)
}

fn forbids_execution(dir: &Path) -> Result<bool, DiscoverError> {
    let mount = rustix::fs::statvfs(dir).map_err(|error| DiscoverError::cache(dir, error))?;
    Ok(mount.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

pub(super) fn file_name(sha256: &[u8; 32]) -> String {
    let mut name = String::with_capacity(67);
    for byte in sha256 {
        // Writing to a text cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name + ".so"
}

/// Puts the bytes at `path` unless a sound copy is there already.
///
/// A copy is replaced by renaming, so that a process which has the old one open keeps what it has.
fn place(path: &Path, bytes: &[u8], sha256: &[u8; 32]) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);

    if is_sound_copy(path, sha256) {
        return Ok(());
    }
    let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{unique}.tmp", std::process::id()));
    let write = || {
        // Left behind by a process of the same number that died.
        let _ = std::fs::remove_file(&temporary);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(0o500))?;
        // Not flushed: whatever a power cut leaves behind is found out by its hash.
        drop(file);
        std::fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

/// Whether `path` is a private regular file with this hash.
fn is_sound_copy(path: &Path, sha256: &[u8; 32]) -> bool {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).map(File::from) else {
        return false;
    };
    let is_private = file.metadata().is_ok_and(|metadata| {
        metadata.is_file()
            && metadata.uid() == rustix::process::geteuid().as_raw()
            && metadata.mode() & 0o7777 == 0o500
            && metadata.nlink() == 1
    });
    is_private && hash_of(&file).is_ok_and(|hash| hash == *sha256)
}

fn hash_of(mut file: &File) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// A file in memory that nobody can change any more, this process included.
fn memory_file(bytes: &[u8]) -> io::Result<File> {
    let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::memfd_create("toru-plugin", flags)?);
    file.write_all(bytes)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
