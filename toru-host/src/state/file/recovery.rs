//! The first look at the files: nothing about them keeps a host from starting.

use super::content::{Content, Good};
use super::known::{Barrier, Doubt, Known};
use super::{FILE, PREVIOUS, STALE};
use crate::state::Desired;
use crate::state::folder::Folder;
use crate::state::notices::Notices;

/// Finds something to start with, in this order: the file, the previous one, all plugins off.
pub(super) fn first_load(folder: &Folder, notices: &mut Notices) -> Known {
    for stale in STALE {
        // Whoever needs the name fails by it, and tells.
        let _ = folder.remove(stale);
    }
    match Content::read(folder, FILE) {
        Ok(Content::Good(good)) => Known::found(folder, good, notices),
        Ok(Content::Missing) => recover(folder, None, notices),
        Ok(Content::Newer(version, desired)) => {
            let barrier = Barrier::Newer(version);
            notices.tell(
                "read_only_state",
                barrier.error(&folder.path_of(FILE)).to_string(),
            );
            Known::behind(barrier, desired)
        }
        Ok(Content::Bad(reason)) => match folder.keep_aside(FILE) {
            Ok(aside) => {
                let lost = format!("{reason}; it is kept as {}", aside.display());
                recover(folder, Some(lost), notices)
            }
            Err(error) => {
                let what = format!("{reason}; it cannot be renamed: {error}");
                do_without(folder, Barrier::Bad(reason), &what, notices)
            }
        },
        // It may be good: moving it away could undo the last change.
        Err(error) => do_without(
            folder,
            Barrier::Unreadable(error.kind()),
            &error.to_string(),
            notices,
        ),
    }
}

/// Makes a file where there is none. `lost` says what became of the one that was there.
pub(super) fn recover(folder: &Folder, lost: Option<String>, notices: &mut Notices) -> Known {
    let path = folder.path_of(FILE);
    let is_first_start = lost.is_none();
    let lost = lost.unwrap_or_else(|| "it is missing".to_owned());
    let lost = format!("{} is not used: {lost}", path.display());
    let good = match Content::read(folder, PREVIOUS) {
        Ok(Content::Good(mut good)) => {
            notices.tell("state_recovered", format!("{lost}; the previous one is used"));
            notices.extend(std::mem::take(&mut good.desired.notices));
            good
        }
        Ok(Content::Missing) => {
            if !is_first_start {
                notices.tell("state_reset", format!("{lost}; all plugins are off"));
            }
            Good::fresh()
        }
        Ok(Content::Bad(reason)) => {
            let aside = match folder.keep_aside(PREVIOUS) {
                Ok(aside) => format!("is kept as {}", aside.display()),
                Err(error) => format!("cannot be renamed: {error}"),
            };
            let message =
                format!("{lost}; nor is the previous one: {reason}; it {aside}; all plugins are off");
            notices.tell("state_reset", message);
            Good::fresh()
        }
        // From here on a write could end in writing over the only good copy.
        Ok(Content::Newer(version, desired)) => {
            let barrier = Barrier::Newer(version);
            let error = barrier.error(&folder.path_of(PREVIOUS));
            notices.tell("read_only_state", format!("{lost}; {error}"));
            return Known::behind(barrier, desired);
        }
        Err(error) => {
            let message = format!("{lost}; the previous one cannot be read: {error}; all plugins are off");
            notices.tell("read_only_state", message);
            return Known::behind(Barrier::Unreadable(error.kind()), Desired::default());
        }
    };
    let mut known = Known::new(good, Some(Doubt::Missing));
    known.write_back(folder, notices);
    known
}

/// Goes on beside a file that can neither be used nor moved: nothing is written.
fn do_without(folder: &Folder, barrier: Barrier, what: &str, notices: &mut Notices) -> Known {
    let (desired, instead) = match Content::read(folder, PREVIOUS) {
        Ok(Content::Good(Good { desired, .. }) | Content::Newer(_, desired)) => {
            (desired, "the previous one is used")
        }
        _ => (Desired::default(), "all plugins are off"),
    };
    let path = folder.path_of(FILE);
    let message = format!(
        "{} is not used: {what}; {instead}, and nothing can be changed before a scan finds it usable",
        path.display()
    );
    notices.tell("read_only_state", message);
    Known::behind(barrier, desired)
}
