//! A disk on which every call fails once, and a process that ends at every one of them.

use std::fs;

use super::*;
use crate::state::disk::faulty::{DEATHS, ERRORS, HARMLESS};
use crate::state::disk::platter::Names;

type Step = fn(&Journal) -> Result<(), StateError>;

/// What has to be durable, one after the other, with the same journal.
const STEPS: [(&str, Step); 4] = [
    ("begin", |journal| journal.begin(&id("a"), 1)),
    ("quarantine", |journal| journal.quarantine(&id("b"), &record("b"))),
    ("end", |journal| {
        journal.end(&id("a"));
        Ok(())
    }),
    ("release", |journal| journal.release(&id("q"))),
];

/// Quarantined plugins before the first step and after each.
const STATES: [&[&str]; 5] = [&["q"], &["a", "q"], &["a", "b", "q"], &["b", "q"], &["b"]];

#[test]
fn whichever_call_fails_the_answer_is_true_and_the_next_step_works() {
    for len in [0, log::LONG + 1] {
        for fault in HARMLESS.into_iter().chain(ERRORS) {
            for number in 1.. {
                let folder = tempfile::tempdir().unwrap();
                let (journal, disk) = prepared(folder.path(), len);
                disk.track(folder.path());
                disk.arm(number, fault);
                // Whoever asked and was refused asks again.
                for (step, (name, act)) in STEPS.iter().enumerate() {
                    let result = act(&journal);
                    let at = format!("{fault:?} at call {number}, {name}: {result:?}");
                    let is_harmless = HARMLESS.contains(&fault);
                    assert!(result.is_ok() || !is_harmless, "{at}");
                    // A copy, so that looking does not settle anything.
                    let copy = tempfile::tempdir().unwrap();
                    fs::copy(folder.path().join(FILE), copy.path().join(FILE)).unwrap();
                    let found = restart(copy.path()).0;
                    let is_new = found == STATES[step + 1];
                    let is_old = found == STATES[step] && (result.is_err() || *name == "end");
                    assert!(is_new || is_old, "{at}: {found:?}");
                    if result.is_err() {
                        act(&journal).expect(&at);
                    }
                    for names in [Names::Flushed, Names::All] {
                        // A fault in `end` is told to nobody, and made good by the next step.
                        if *name != "end" {
                            let survivor = disk.power_loss(folder.path(), names);
                            assert_eq!(restart(survivor.path()).0, STATES[step + 1], "{at}, {names:?}");
                        }
                    }
                }
                // In a long file, one of the steps replaces it.
                let is_replaced = disk.calls().contains(&"rename");
                let is_over = !disk.disarm();
                let (_, findings) = open(folder.path());
                assert_eq!(findings.quarantined.len(), 1, "{fault:?} at call {number}");
                assert_eq!(names(folder.path()), [FILE]);
                if is_over {
                    assert!(number > 5);
                    assert_eq!(is_replaced, len > 0);
                    break;
                }
            }
        }
    }
}

#[test]
fn whenever_the_process_dies_the_old_or_the_new_is_there() {
    for len in [0, log::LONG + 1] {
        for fault in DEATHS {
            for number in 1.. {
                let folder = tempfile::tempdir().unwrap();
                let (journal, disk) = prepared(folder.path(), len);
                disk.arm(number, fault);
                let mut acknowledged = 0;
                for (step, (name, act)) in STEPS.iter().enumerate() {
                    if act(&journal).is_err() {
                        break;
                    }
                    // The end of a start cannot be refused.
                    acknowledged = if *name == "end" { acknowledged } else { step + 1 };
                }
                let is_over = !disk.disarm();
                let found = restart(folder.path()).0;
                let is_good = STATES[acknowledged..].iter().any(|state| found == *state);
                assert!(
                    is_good,
                    "{fault:?} at call {number}: {found:?} after {acknowledged} steps"
                );
                assert_eq!(names(folder.path()), [FILE]);
                if is_over {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_start_at_which_calls_fail_finds_the_same_culprit_later() {
    for fault in HARMLESS.into_iter().chain(ERRORS).chain(DEATHS) {
        for number in 1.. {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE), LINES).unwrap();
            let disk = Arc::new(FaultyDisk::default());
            disk.arm(number, fault);
            let (journal, findings) = Journal::open(folder.path(), true, disk.clone());
            let at = format!("{fault:?} at call {number}: {findings:?}");
            let is_over = !disk.disarm();
            if HARMLESS.contains(&fault) {
                assert!(findings.notices.is_empty(), "{at}");
                assert_eq!(findings.quarantined.len(), 2, "{at}");
            }
            // What was kept aside for an error is no longer there to be judged; its text is.
            let is_aside = names(folder.path()).iter().any(|name| name.contains(".bad-"));
            if !DEATHS.contains(&fault) && journal.begin(&id("d"), 1).is_ok() {
                journal.end(&id("d"));
            }
            let found = restart(folder.path()).0;
            assert!(is_aside || found == ["b", "c"], "{at}: {found:?}");
            assert!(
                !names(folder.path()).contains(&"journal.jsonl.new".to_owned()),
                "{at}"
            );
            if is_over {
                break;
            }
        }
    }
}
