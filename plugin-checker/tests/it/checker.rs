//! Runs the program and reads its answer.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// What the program said about a library.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: Option<i32>,
    pub(crate) json: Value,
}

/// Runs the program with these arguments.
pub(crate) fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_check-plugin"))
        .args(args)
        .output()
        .unwrap()
}

/// Checks a library.
pub(crate) fn check(library: &Path, args: &[&str]) -> Answer {
    let mut all = vec!["--json", library.to_str().unwrap()];
    all.extend(args);
    let output = run(&all);
    let text = String::from_utf8_lossy(&output.stdout);
    let json = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    Answer {
        exit: output.status.code(),
        json,
    }
}

impl Answer {
    /// Name, code and message of all checks that ended like this.
    pub(crate) fn checks(&self, outcome: &str) -> Vec<(&str, &str, &str)> {
        let checks = self.json["checks"].as_array().unwrap();
        checks
            .iter()
            .filter(|check| check["outcome"] == outcome)
            .map(|check| {
                let text = |name: &str| check[name].as_str().unwrap_or_default();
                (text("name"), text("code"), text("message"))
            })
            .collect()
    }

    /// Name and code of all that failed, after the exit code was compared.
    pub(crate) fn failed(&self) -> Vec<(&str, &str)> {
        let failed = self.checks("failed");
        let findings = !failed.is_empty();
        assert_eq!(self.exit, Some(i32::from(findings)), "{:#}", self.json);
        assert_eq!(self.json["verdict"], if findings { "findings" } else { "good" });
        failed.into_iter().map(|(name, code, _)| (name, code)).collect()
    }

    /// The message of the first check that failed with that code.
    pub(crate) fn message(&self, code: &str) -> &str {
        let failed = self.checks("failed");
        let found = failed.into_iter().find(|(_, found, _)| *found == code);
        found.unwrap_or_else(|| panic!("no {code} in {:#}", self.json)).2
    }

    /// Whether a check of that name passed.
    pub(crate) fn passed(&self, name: &str) -> bool {
        self.checks("passed").iter().any(|(passed, ..)| *passed == name)
    }
}
