//! The report for people.

use std::fmt::Write as _;

use super::{Check, Outcome, Report, Verdict};
use crate::child::facts::{Call, Facts};

/// Width of the names in front of the messages.
const NAME: usize = 20;

/// Some lines about the library, one for each check, and what it comes to.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    head(&mut text, report);
    for check in &report.checks {
        line(&mut text, check);
    }
    if let Some(facts) = &report.run {
        routes(&mut text, facts);
    }
    let (failed, warned) = (report.count(Outcome::Failed), report.count(Outcome::Warning));
    let _ = write!(
        text,
        "\n{}: {failed} failed, {warned} warned",
        match report.verdict {
            Verdict::Good => "good",
            Verdict::Findings => "findings",
        }
    );
    text
}

fn head(text: &mut String, report: &Report) {
    // Writing to a text cannot fail, here and below.
    let _ = writeln!(text, "{}", report.file.display());
    if let Some(metadata) = &report.metadata {
        let _ = writeln!(
            text,
            "  {} {} ({}), contract {}.{}, by {}",
            metadata.id,
            metadata.version,
            metadata.name,
            metadata.abi.0,
            metadata.abi.1,
            metadata.sdk.as_deref().unwrap_or("hand")
        );
        if !metadata.requires.is_empty() {
            let _ = writeln!(text, "  needs of the host: {}", metadata.requires.join(", "));
        }
    }
    if let Some(library) = &report.library {
        let _ = writeln!(
            text,
            "  {} KiB, {}, {} exported and {} imported symbols",
            report.bytes.div_ceil(1024),
            library.architecture,
            library.exports.len(),
            library.imports.len()
        );
        let glibc = match &library.glibc {
            Some(version) => format!(" (glibc {version} or newer)"),
            None => String::new(),
        };
        if !library.needed.is_empty() {
            let _ = writeln!(
                text,
                "  needs of the system: {}{glibc}",
                library.needed.join(", ")
            );
        }
    }
    text.push('\n');
}

fn line(text: &mut String, check: &Check) {
    let mark = match check.outcome {
        Outcome::Passed => '✓',
        Outcome::Warning => '!',
        Outcome::Failed => '✗',
        Outcome::Skipped => '-',
    };
    let code = check
        .code
        .as_ref()
        .map_or_else(String::new, |code| format!("{code}: "));
    let _ = writeln!(
        text,
        "  {mark} {:NAME$} {code}{}",
        check.name,
        plain(&check.message)
    );
    if let Some(advice) = &check.advice {
        let _ = writeln!(text, "    {:NAME$} next: {advice}", "");
    }
}

fn routes(text: &mut String, facts: &Facts) {
    for route in &facts.routes {
        let is_asked = |call: &&Call| route.can_be_asked() && call.pattern == route.pattern;
        let calls = facts.calls.iter().filter(is_asked);
        let answers: Vec<_> = calls.map(answer).collect();
        let _ = writeln!(
            text,
            "    {:NAME$} {} {}",
            route.methods.join(","),
            route.pattern,
            if answers.is_empty() {
                String::new()
            } else {
                format!("({})", answers.join(", "))
            }
        );
    }
    let is_path = |call: &&Call| facts.routes.iter().all(|route| route.pattern != call.pattern);
    for call in facts.calls.iter().filter(is_path) {
        let _ = writeln!(text, "    {:NAME$} {} ({})", "", call.pattern, answer(call));
    }
}

fn answer(call: &Call) -> String {
    let status = call
        .status
        .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    format!("{} {status}", call.method)
}

/// What a plugin says may be meant for the terminal instead of for people.
fn plain(message: &str) -> String {
    message
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}
