//! What is asked for, in a file that people may edit.

mod content;
mod keeper;
mod known;
mod recovery;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use self::keeper::Keeper;
use super::disk::{Disk, RealDisk};
use super::folder::Folder;
use super::{Change, Desired, StateError, StateFuture, StateStore};
use crate::plugin::PluginId;
use crate::threads::offload;

const FILE: &str = "config.json";
const NEW: &str = "config.json.new";
const PREVIOUS: &str = "config.json.previous";
/// What a process that died while it wrote may have left.
const STALE: [&str; 2] = [NEW, "config.json.previous.new"];

/// Keeps what is asked for in `config.json`.
///
/// ```json
/// { "version": 1, "plugins": { "hello": { "enabled": true, "config": { "greeting": "Hi" }, "license": null } } }
/// ```
///
/// People may edit the file by hand. An edit while the host runs is adopted by the next
/// [`load`](StateStore::load); until then every [`save`](StateStore::save) is refused. Fields that the host does not
/// know survive, in their order and to the letter.
///
/// - Each change is written beside the file, flushed, and renamed over it; a loss of power leaves the old or the new.
/// - The content before the last change is `config.json.previous`. It is used where the file is missing or damaged
///   when the host starts.
/// - What cannot be used is never deleted: it is renamed to `config.json.bad-` and the time.
/// - A file that a newer host has written is used as far as it can be understood, and never touched.
///
/// The folder is made with mode 0700 where it is missing, files with mode 0600. One store a folder: two of them would
/// refuse each other's changes. Work is done on threads of its own, whatever the runtime; a `save` that has begun goes on
/// when its future is dropped.
#[derive(Clone, Debug)]
pub struct FileStateStore {
    folder: PathBuf,
    check_permissions: bool,
    disk: Arc<dyn Disk>,
    keeper: Arc<Mutex<Keeper>>,
}

impl FileStateStore {
    /// Keeps `config.json` in this folder. Nothing is read or made yet.
    ///
    /// Folder and files must belong to root or the host's user, and nobody else may write to them or to a folder
    /// above; [`unchecked`](Self::unchecked) is without that rule.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::with_disk(folder.into(), Arc::new(RealDisk))
    }

    /// The same without a look at who could change the files.
    #[must_use]
    pub fn unchecked(folder: impl Into<PathBuf>) -> Self {
        Self {
            check_permissions: false,
            ..Self::new(folder)
        }
    }

    fn with_disk(folder: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self {
            // Whoever changes the current folder later does not move the state.
            folder: std::path::absolute(&folder).unwrap_or(folder),
            check_permissions: true,
            disk,
            keeper: Arc::default(),
        }
    }

    /// Does something with the file, one at a time.
    fn with_keeper<T>(
        &self,
        work: impl FnOnce(&mut Keeper, &Folder) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        // A panic leaves what was known before, as it is replaced last.
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::open(self.disk.clone(), &self.folder, self.check_permissions)?;
        work(&mut keeper, &folder)
    }

    fn load_blocking(&self) -> Result<Desired, StateError> {
        self.with_keeper(Keeper::load)
    }

    fn save_blocking(&self, plugin: &PluginId, change: &Change) -> Result<(), StateError> {
        self.with_keeper(|keeper, folder| keeper.save(folder, plugin, change))
    }
}

impl StateStore for FileStateStore {
    fn load(&self) -> StateFuture<'_, Desired> {
        let store = self.clone();
        Box::pin(async move { unblocked(&self.folder, move || store.load_blocking()).await })
    }

    fn save<'a>(&'a self, plugin: &'a PluginId, change: Change) -> StateFuture<'a, ()> {
        let (store, plugin) = (self.clone(), plugin.clone());
        Box::pin(async move { unblocked(&self.folder, move || store.save_blocking(&plugin, &change)).await })
    }
}

/// Does what may wait for the disk where that holds nobody up.
async fn unblocked<T: Send + 'static>(
    folder: &Path,
    work: impl FnOnce() -> Result<T, StateError> + Send + 'static,
) -> Result<T, StateError> {
    let lost = |lost| Err(StateError::unwritable(folder, std::io::Error::other(lost)));
    offload("toru-state", work).await.unwrap_or_else(lost)
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
