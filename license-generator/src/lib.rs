//! Makes a vendor's keys, and issues and checks licences with them.
//!
//! [`keys`] are the vendor's keys and their files, [`issue`] puts licences together, [`check`] reads them again; [`options`] is
//! the command line. Secrets come from files or the environment and never from arguments, which every user of a machine can
//! read.

#![forbid(unsafe_code)]

pub mod check;
pub mod issue;
pub mod keys;
pub mod options;
