//! Who could change a file: the rule of OpenSSH, for the file, its folder, and every folder above.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::discovery::DiscoverError;

const OTHERS_MAY_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Checks a folder and all folders above it; `folder` is free of symbolic links.
pub(in crate::discovery) fn check_folder(folder: &Path) -> Result<(), DiscoverError> {
    for (distance, component) in folder.ancestors().enumerate() {
        let metadata = component
            .symlink_metadata()
            .map_err(|error| DiscoverError::unreadable("examined", error))?;
        // In a sticky folder such as /tmp nobody can replace what belongs to others.
        let is_shared_parent = distance > 0 && metadata.uid() == 0 && metadata.mode() & STICKY != 0;
        if !is_shared_parent {
            check(component, &metadata)?;
        }
    }
    Ok(())
}

/// Checks an open file that was found at `path` in `folder`, whose own chain has been checked.
pub(super) fn check_file(folder: &Path, path: &Path, metadata: &Metadata) -> Result<(), DiscoverError> {
    check(path, metadata)?;
    let is_link = path.symlink_metadata().is_ok_and(|entry| entry.is_symlink());
    if is_link {
        let target = path
            .canonicalize()
            .map_err(|error| DiscoverError::unreadable("examined", error))?;
        for between in target
            .ancestors()
            .skip(1)
            .take_while(|component| *component != folder)
        {
            let metadata = between
                .symlink_metadata()
                .map_err(|error| DiscoverError::unreadable("examined", error))?;
            check(between, &metadata)?;
        }
    }
    Ok(())
}

fn check(component: &Path, metadata: &Metadata) -> Result<(), DiscoverError> {
    let fault = |problem: String, remedy| DiscoverError::InsecurePermissions {
        component: component.to_owned(),
        problem: problem.into(),
        remedy,
    };
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != 0 && owner != user {
        let problem = format!("belongs to user {owner}, neither to root nor to the host's user {user}");
        return Err(fault(problem, "change its owner with chown"));
    }
    if metadata.mode() & OTHERS_MAY_WRITE != 0 {
        let problem = format!(
            "can be written to by others, its mode is {:04o}",
            metadata.mode() & 0o7777
        );
        return Err(fault(problem, "run chmod go-w on it"));
    }
    Ok(())
}
