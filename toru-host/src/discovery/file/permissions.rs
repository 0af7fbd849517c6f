//! Who could change a file: the rule of OpenSSH, for the file, its folder, and every folder above.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::discovery::DiscoverError;

const OTHERS_MAY_WRITE: u32 = 0o022;
const GROUP_MAY_WRITE: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// Checks a folder and all folders above it; `folder` is free of symbolic links.
pub(crate) fn check_folder(folder: &Path) -> Result<(), DiscoverError> {
    for (distance, component) in folder.ancestors().enumerate() {
        let metadata = component
            .symlink_metadata()
            .map_err(|error| DiscoverError::unreadable("examined", error))?;
        // In a sticky folder such as /tmp nobody can replace what belongs to others.
        let is_shared_parent = distance > 0 && metadata.uid() == 0 && metadata.mode() & STICKY != 0;
        if !is_shared_parent {
            check_component(component, &metadata)?;
        }
    }
    Ok(())
}

/// Checks an open file that was found at `path` in `folder`, whose own chain has been checked.
pub(super) fn check_file(
    folder: &Path,
    path: &Path,
    is_link: bool,
    metadata: &Metadata,
) -> Result<(), DiscoverError> {
    check_component(path, metadata)?;
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
            check_component(between, &metadata)?;
        }
    }
    Ok(())
}

/// Checks one file or folder by its owner and mode.
pub(crate) fn check_component(component: &Path, metadata: &Metadata) -> Result<(), DiscoverError> {
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
    let others = metadata.mode() & OTHERS_MAY_WRITE;
    if others != 0 && !(others == GROUP_MAY_WRITE && owner == user && is_private_group(metadata.gid(), user))
    {
        let problem = format!(
            "can be written to by others, its mode is {:04o}",
            metadata.mode() & 0o7777
        );
        return Err(fault(problem, "run chmod go-w on it"));
    }
    Ok(())
}

/// Whether nobody but that user is in the group.
///
/// Many systems give each user a group of their own and let the group write what they create. Whoever cannot be
/// found in the system's files counts as a stranger.
fn is_private_group(gid: u32, uid: u32) -> bool {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    is_private_group_in(&read("/etc/passwd"), &read("/etc/group"), gid, uid)
}

fn is_private_group_in(passwd: &str, group: &str, gid: u32, uid: u32) -> bool {
    let number = |field: Option<&&str>| field.and_then(|text| text.parse::<u32>().ok());
    // Name, password, user, group, and more.
    let mut user_name = None;
    for fields in passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
        if number(fields.get(3)) != Some(gid) {
            continue;
        }
        match number(fields.get(2)) {
            Some(found) if found == uid => user_name = fields.first().copied(),
            _ => return false,
        }
    }
    let Some(user_name) = user_name else { return false };
    // Name, password, group, members.
    let mut is_known = false;
    for fields in group.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
        if number(fields.get(2)) != Some(gid) {
            continue;
        }
        let members = fields.get(3).copied().unwrap_or_default();
        if members
            .split(',')
            .any(|member| !member.is_empty() && member != user_name)
        {
            return false;
        }
        is_known = true;
    }
    is_known
}

#[cfg(test)]
mod tests {
    use super::is_private_group_in;

    #[test]
    fn a_group_is_private_only_when_nobody_else_is_in_it() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";
        let private = |passwd: &str, group: &str| is_private_group_in(passwd, group, 1000, 1000);
        assert!(private(passwd, "root:x:0:\nann:x:1000:\n"));
        assert!(private(passwd, "ann:x:1000:ann\n"));
        for (passwd, group) in [
            (passwd.to_owned(), "ann:x:1000:bob\n"),
            (passwd.to_owned(), "ann:x:1000:ann,bob\n"),
            (passwd.to_owned(), "ann:x:1000:\nalias:x:1000:bob\n"),
            (passwd.to_owned(), "other:x:1001:\n"),
            (passwd.to_owned(), ""),
            (String::new(), "ann:x:1000:\n"),
            (format!("{passwd}eve:x:1002:1000::/:/bin/sh\n"), "ann:x:1000:\n"),
            (
                passwd.replace("ann:x:1000:1000", "ann:x:1000:100"),
                "ann:x:1000:\n",
            ),
        ] {
            assert!(!private(&passwd, group), "{passwd:?} {group:?}");
        }
    }
}
