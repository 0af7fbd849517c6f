use super::known::Known;
use super::recovery;
use crate::plugin::PluginId;
use crate::state::folder::Folder;
use crate::state::notices::Notices;
use crate::state::{Change, Desired, StateError};

/// What is known of the file, from the first look at it on.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    known: Option<Known>,
    notices: Notices,
}

impl Keeper {
    pub(super) fn load(&mut self, folder: &Folder) -> Result<Desired, StateError> {
        let known = match &mut self.known {
            Some(known) => {
                known.adopt(folder, &mut self.notices)?;
                known
            }
            none => none.insert(recovery::first_load(folder, &mut self.notices)),
        };
        let mut desired = known.desired();
        desired.notices = self.notices.take();
        Ok(desired)
    }

    pub(super) fn save(
        &mut self,
        folder: &Folder,
        plugin: &PluginId,
        change: &Change,
    ) -> Result<(), StateError> {
        let first = || recovery::first_load(folder, &mut self.notices);
        self.known.get_or_insert_with(first).save(folder, plugin, change)
    }
}
