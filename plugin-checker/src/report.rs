//! What is told about a plugin. Its JSON is described in `README.md`; fields are added, never changed.

pub(crate) mod text;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::child::facts::Facts;
use crate::inspect::library::Library;

/// Version of the JSON's shape.
const SCHEMA: u32 = 1;

/// All that is told about one file.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    verdict: Verdict,
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    /// Permissions, in octal.
    pub(crate) mode: String,
    pub(crate) sha256: Option<String>,
    pub(crate) is_sealed: Option<bool>,
    pub(crate) metadata: Option<toru_host::plugin::PluginMetadata>,
    pub(crate) library: Option<Library>,
    pub(crate) run: Option<Facts>,
    pub(crate) checks: Vec<Check>,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Good,
    Findings,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// What was found: of the host's codes, or of those in `README.md`.
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    /// What to do next.
    pub(crate) advice: Option<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Passed,
    Warning,
    Failed,
    Skipped,
}

impl Check {
    fn new(name: &str, outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            outcome,
            code: None,
            message: message.into(),
            advice: None,
        }
    }

    pub(crate) fn passed(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, Outcome::Passed, message)
    }

    pub(crate) fn skipped(name: &str, reason: impl Into<String>) -> Self {
        Self::new(name, Outcome::Skipped, reason)
    }

    pub(crate) fn warning(name: &str, code: &str, message: impl Into<String>) -> Self {
        Self::new(name, Outcome::Warning, message).with_code(code)
    }

    pub(crate) fn failed(name: &str, code: &str, message: impl Into<String>) -> Self {
        Self::new(name, Outcome::Failed, message).with_code(code)
    }

    pub(crate) fn advise(mut self, advice: &str) -> Self {
        self.advice = Some(advice.to_owned());
        self
    }

    fn with_code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }
}

impl Report {
    pub(crate) const fn new(file: PathBuf, bytes: u64, mode: String) -> Self {
        Self {
            schema: SCHEMA,
            verdict: Verdict::Good,
            file,
            bytes,
            mode,
            sha256: None,
            is_sealed: None,
            metadata: None,
            library: None,
            run: None,
            checks: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, check: Check) {
        self.checks.push(check);
    }

    pub(crate) fn skip_run(&mut self, reason: &str) {
        self.push(Check::skipped("run", reason));
    }

    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.checks
            .iter()
            .filter(|check| check.outcome == outcome)
            .count()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.count(Outcome::Failed) > 0
    }

    /// Says what all checks together come to.
    pub(crate) fn conclude(&mut self, strict: bool) {
        if self.has_failed() || strict && self.count(Outcome::Warning) > 0 {
            self.verdict = Verdict::Findings;
        }
    }

    pub(crate) fn has_findings(&self) -> bool {
        self.verdict == Verdict::Findings
    }

    pub(crate) fn json(&self) -> String {
        // Paths that are no text are the one thing that JSON cannot hold.
        serde_json::to_string_pretty(self)
            .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string())
    }
}
