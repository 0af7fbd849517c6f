//! `cargo xtask test`: every check as a named step.

mod dependencies;
mod guide;
pub(crate) mod interface;
mod licenses;
mod locks;
mod manifests;
mod package;
mod published;
mod steps;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::steps::{Context, STEPS, Step};
use crate::Result;
use crate::workspace::Workspace;

/// What to run.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// The long steps too.
    pub(crate) long: bool,
    /// Go on after a failure.
    pub(crate) keep_going: bool,
    /// These steps alone, long or not.
    pub(crate) only: Vec<&'static str>,
}

/// How a step ended.
#[derive(Debug)]
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// One line of the summary.
#[derive(Debug)]
struct Line {
    step: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs the steps and prints the summary.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mut context = Context::new(workspace);
    let mut lines: Vec<Line> = Vec::new();
    let mut failed = false;
    for step in STEPS.iter().filter(|step| options.wants(step)) {
        if failed && !options.keep_going {
            let outcome = Outcome::Skipped("an earlier step failed".to_owned());
            lines.push(Line {
                step: step.name,
                outcome,
                took: Duration::ZERO,
            });
            continue;
        }
        println!("==> {}", step.name);
        let start = Instant::now();
        let outcome = match (step.run)(&mut context) {
            Ok(None) => Outcome::Passed,
            Ok(Some(reason)) => Outcome::Skipped(reason),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        let line = Line {
            step: step.name,
            outcome,
            took: start.elapsed(),
        };
        println!("{}", render(&line));
        failed |= matches!(line.outcome, Outcome::Failed(_));
        lines.push(line);
    }
    println!("\n{}", summary(&lines));
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The name of a step, checked.
pub(crate) fn known(name: &str) -> Result<&'static str> {
    let step = STEPS.iter().find(|step| step.name == name);
    step.map(|step| step.name).ok_or_else(|| {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        format!("no step is named {name}; there are {}", names.join(", ")).into()
    })
}

/// What the command does, with its steps.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "Runs every check, step by step, and stops at the first failure.\n\n\
         Usage: cargo xtask test [--long] [--keep-going] [--only STEP]...\n\n  \
         --long        the long steps too\n  \
         --keep-going  go on after a failure\n  \
         --only STEP   this step alone; may be repeated\n\nSteps, in order:\n\n",
    );
    for step in STEPS {
        let long = if step.is_long { " (--long)" } else { "" };
        let _ = writeln!(text, "  {:15} {}{long}", step.name, step.what);
    }
    text
}

impl Options {
    fn wants(&self, step: &Step) -> bool {
        if self.only.is_empty() {
            self.long || !step.is_long
        } else {
            self.only.contains(&step.name)
        }
    }
}

fn summary(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{}", render(line));
    }
    let count = |wanted: fn(&Outcome) -> bool| lines.iter().filter(|line| wanted(&line.outcome)).count();
    let _ = write!(
        text,
        "{} passed, {} failed, {} skipped",
        count(|outcome| matches!(outcome, Outcome::Passed)),
        count(|outcome| matches!(outcome, Outcome::Failed(_))),
        count(|outcome| matches!(outcome, Outcome::Skipped(_)))
    );
    text
}

fn render(line: &Line) -> String {
    let (word, reason) = match &line.outcome {
        Outcome::Passed => ("passed", ""),
        Outcome::Failed(reason) => ("FAILED", reason.as_str()),
        Outcome::Skipped(reason) => ("skipped", reason.as_str()),
    };
    let separator = if reason.is_empty() { "" } else { ": " };
    format!(
        "    {:15} {:>7.1} s  {word}{separator}{reason}",
        line.step,
        line.took.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_steps_run_when_asked_for() {
        let long = STEPS.iter().find(|step| step.is_long).unwrap();
        assert!(!Options::default().wants(long));
        assert!(
            Options {
                long: true,
                ..Options::default()
            }
            .wants(long)
        );
        let only = Options {
            only: vec![long.name],
            ..Options::default()
        };
        assert_eq!(STEPS.iter().filter(|step| only.wants(step)).count(), 1);
    }

    #[test]
    fn names_of_steps_are_unique() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn the_summary_names_reasons_and_counts() {
        let line = |step, outcome| Line {
            step,
            outcome,
            took: Duration::from_millis(1500),
        };
        let text = summary(&[
            line("fmt", Outcome::Passed),
            line("fuzz", Outcome::Skipped("no nightly toolchain".to_owned())),
            line("tests", Outcome::Failed("cargo test ended with 101".to_owned())),
        ]);
        assert!(text.contains("fmt                 1.5 s  passed\n"), "{text}");
        assert!(
            text.contains("skipped: no nightly toolchain") && text.contains("FAILED: cargo test"),
            "{text}"
        );
        assert!(text.ends_with("1 passed, 1 failed, 1 skipped"), "{text}");
    }
}
