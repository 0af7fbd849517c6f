//! What the process tells: lines of a file, which stay when it dies.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::report::Check;

/// Beside the plugins folder.
const FILE: &str = "record.jsonl";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    /// What the plugin is about to go through, for people.
    Begun(String),
    Checked(Check),
    Learnt(Box<Facts>),
    /// The process failed for a reason of its own.
    Unable(String),
    /// Nothing follows but the end of the process.
    Done,
}

/// Where the lines go.
#[derive(Clone, Debug)]
pub(crate) struct Record(Arc<File>);

impl Record {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        Ok(Self(Arc::new(File::create(folder.join(FILE))?)))
    }

    /// The line has left this process when this returns.
    pub(super) fn write(&self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        Ok((&*self.0).write_all(&text)?)
    }
}

/// The whole lines of a process that has ended, however it did.
pub(crate) fn read(folder: &Path) -> Result<Vec<Line>> {
    let text = match fs::read_to_string(folder.join(FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let whole = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    whole.map(|line| Ok(serde_json::from_str(line)?)).collect()
}
