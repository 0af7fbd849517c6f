//! Decides what a file is without running any of its code, and makes the private copy that is opened.
//!
//! [`scan`] lists the plugins folder by a few small reads per file. [`stage`] copies one library to where nobody else
//! can change it and checks the copied bytes as a whole. Nothing here is `unsafe`, and nothing of a refused file ever
//! runs. [`elf`], [`note`], [`lint`] and [`seal`] are the same checks over plain bytes.

mod bytes;
pub mod elf;
mod error;
mod file;
pub mod lint;
pub mod note;
mod policy;
mod scan;
pub mod seal;
mod stage;
mod sweep;

pub use self::error::{DiscoverError, Forbidden};
pub use self::file::FileStamp;
pub(crate) use self::file::{check_component, check_folder};
pub use self::policy::Policy;
pub use self::scan::{Candidate, scan};
pub(crate) use self::scan::{Known, scan_again};
pub(crate) use self::stage::hash;
pub use self::stage::{Staged, stage};
pub(crate) use self::sweep::sweep;
