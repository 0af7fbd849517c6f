//! What the process is asked to do.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// Beside the plugins folder.
const FILE: &str = "task.json";

/// What the process is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) what: What,
    /// Id of the plugin.
    pub(crate) plugin: String,
    /// Whether its metadata names a page.
    pub(crate) has_page: bool,
    pub(crate) calls: bool,
    /// Patterns of routes that are not called.
    pub(crate) except: Vec<String>,
    /// Paths that are called besides.
    pub(crate) paths: Vec<String>,
    pub(crate) rounds: u32,
    /// Id of the installation; a new one unless it is given.
    pub(crate) instance: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum What {
    Checks,
    /// Say what the next host makes of a plugin that ended the process.
    AfterCrash,
}

impl Task {
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        Ok(serde_json::from_slice(&fs::read(folder.join(FILE))?)?)
    }

    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        Ok(fs::write(folder.join(FILE), serde_json::to_vec(self)?)?)
    }
}
