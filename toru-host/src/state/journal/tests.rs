mod faults;

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use rustix::io::Errno;

use super::*;
use crate::plugin::PluginFault;
use crate::state::disk::RealDisk;
use crate::state::disk::faulty::{Fault, FaultyDisk};

fn id(text: &str) -> PluginId {
    PluginId::new(text).unwrap()
}

fn record(message: &str) -> QuarantineRecord {
    QuarantineRecord {
        code: "too_many_faults".into(),
        message: message.to_owned(),
        stage: Stage::Run,
        since: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
    }
}

fn open(folder: &Path) -> (Journal, Findings) {
    Journal::open(folder, true, Arc::new(RealDisk))
}

/// What the next process finds: who is quarantined, and who is suspected.
fn restart(folder: &Path) -> (Vec<String>, Vec<String>) {
    let (_, findings) = open(folder);
    let texts = |ids: Vec<PluginId>| ids.into_iter().map(String::from).collect();
    (
        texts(findings.quarantined.into_keys().collect()),
        texts(findings.suspects),
    )
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A journal with `q` in quarantine that is `len` bytes long, on a disk that can fail.
fn prepared(folder: &Path, len: usize) -> (Journal, Arc<FaultyDisk>) {
    let mut text = Event::Quarantine(record("q")).line(&id("q"));
    let disk = Arc::new(FaultyDisk::default());
    fs::write(folder.join(FILE), &text).unwrap();
    let (journal, _) = Journal::open(folder, true, disk.clone());
    // As long as it may be and a little less, so that the next steps go beyond.
    let nobody = id("nobody");
    while text.len() + 100 < len {
        journal.inside(&nobody, Stage::Init);
        journal.waiting(&nobody);
        text.extend(Event::Inside { stage: Stage::Init }.line(&nobody));
        text.extend(Event::Waiting.line(&nobody));
    }
    journal.end(&nobody);
    (journal, disk)
}

#[test]
fn who_ended_the_process_is_found_out_where_only_one_can_have_done_it() {
    type Story = fn(&Journal);
    let begin = |journal: &Journal, plugins: &[&str]| {
        for plugin in plugins {
            journal.begin(&id(plugin), 1).unwrap();
        }
    };
    type Names = &'static [&'static str];
    let cases: [(&str, Names, Story, Names, Names); 15] = [
        ("nothing happened", &[], |_| {}, &[], &[]),
        ("one began", &["a"], |_| {}, &["a"], &[]),
        (
            "one hangs",
            &["a"],
            |j| {
                j.inside(&id("a"), Stage::Init);
                j.late(&id("a"));
            },
            &["a"],
            &[],
        ),
        (
            "two hang",
            &["a", "b"],
            |j| ["a", "b"].iter().for_each(|plugin| j.late(&id(plugin))),
            &["a", "b"],
            &[],
        ),
        (
            "one hangs and another one is inside",
            &["a", "b"],
            |j| {
                j.inside(&id("a"), Stage::Init);
                j.late(&id("a"));
                j.inside(&id("b"), Stage::Open);
            },
            &["b"],
            &[],
        ),
        (
            "one hangs and another one waits",
            &["a", "b"],
            |j| {
                j.late(&id("a"));
                j.inside(&id("b"), Stage::Init);
                j.waiting(&id("b"));
            },
            &[],
            &["b"],
        ),
        (
            "one is inside",
            &["a"],
            |j| j.inside(&id("a"), Stage::Init),
            &["a"],
            &[],
        ),
        (
            "one waits",
            &["a"],
            |j| {
                j.inside(&id("a"), Stage::Init);
                j.waiting(&id("a"));
            },
            &["a"],
            &[],
        ),
        (
            "one ended",
            &["a"],
            |j| {
                j.inside(&id("a"), Stage::Init);
                j.end(&id("a"));
            },
            &[],
            &[],
        ),
        (
            "one of three is inside",
            &["a", "b", "c"],
            |j| {
                j.inside(&id("a"), Stage::Open);
                j.waiting(&id("a"));
                j.inside(&id("b"), Stage::Open);
            },
            &["b"],
            &[],
        ),
        (
            "two of three are inside",
            &["a", "b", "c"],
            |j| {
                j.inside(&id("a"), Stage::Open);
                j.inside(&id("b"), Stage::Open);
            },
            &[],
            &["a", "b", "c"],
        ),
        ("two wait", &["a", "b"], |_| {}, &[], &["a", "b"]),
        ("one of two ended", &["a", "b"], |j| j.end(&id("a")), &["b"], &[]),
        (
            "inside again after the end of another",
            &["a", "b"],
            |j| {
                j.inside(&id("a"), Stage::Open);
                j.inside(&id("b"), Stage::Open);
                j.end(&id("b"));
            },
            &["a"],
            &[],
        ),
        (
            "quarantined while inside",
            &["a"],
            |j| {
                j.inside(&id("a"), Stage::Init);
                j.quarantine(&id("a"), &record("it hangs")).unwrap();
            },
            &["a"],
            &[],
        ),
    ];
    for (name, begun, story, quarantined, suspects) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = open(folder.path());
        begin(&journal, begun);
        story(&journal);
        let expected = (
            quarantined.iter().map(ToString::to_string).collect::<Vec<_>>(),
            suspects.iter().map(ToString::to_string).collect::<Vec<_>>(),
        );
        assert_eq!(restart(folder.path()), expected, "{name}");
        // The verdict stays, the suspicion does not.
        assert_eq!(restart(folder.path()), (expected.0, vec![]), "{name}");
    }
}

#[test]
fn an_administrator_learns_at_which_stage_it_was_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    journal.begin(&id("a"), 3).unwrap();
    journal.inside(&id("a"), Stage::Open);
    journal.inside(&id("a"), Stage::Init);
    journal.waiting(&id("a"));
    let (journal, findings) = open(folder.path());
    let fault = PluginFault::from(&findings.quarantined[&id("a")]);
    assert_eq!((fault.code, fault.stage), ("crashed_while_starting", Stage::Init));
    assert!(
        fault
            .message
            .contains("enable it again to try once more, or remove its file")
    );
    journal.release(&id("a")).unwrap();
    assert_eq!(restart(folder.path()), (vec![], vec![]));
}

#[test]
fn a_record_comes_back_as_it_was_and_not_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    let mut unknown = record("three\nlines\u{2028}\"");
    unknown.code = "of_a_later_version".into();
    journal.quarantine(&id("a"), &unknown).unwrap();
    journal
        .quarantine(&id("b"), &record(&"\u{e9}".repeat(100_000)))
        .unwrap();
    let (_, findings) = open(folder.path());
    assert_eq!(findings.quarantined[&id("a")], unknown);
    assert_eq!(findings.quarantined[&id("b")].message.chars().count(), 500);
    let (_, findings) = open(folder.path());
    assert_eq!(
        PluginFault::from(&findings.quarantined[&id("a")]).code,
        "quarantined"
    );
    assert_eq!(
        PluginFault::from(&findings.quarantined[&id("b")]).code,
        "too_many_faults"
    );
}

const LINES: &str = r#"{"plugin":"a","event":"begin","generation":1,"later":true}
{"plugin":"a","event":"end"}
{"plugin":"b","event":"quarantine","code":"x","message":"m","stage":"init","since":5}
{"plugin":"c","event":"begin","generation":2}
{"plugin":"c","event":"inside","stage":"create"}
"#;

#[test]
fn a_line_that_breaks_off_is_ignored() {
    let quarantined_b = LINES.match_indices('\n').nth(2).unwrap().0;
    for end in 0..=LINES.len() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), &LINES[..end]).unwrap();
        let (_, findings) = open(folder.path());
        assert!(findings.notices.is_empty(), "{end} bytes: {:?}", findings.notices);
        assert_eq!(
            findings.quarantined.contains_key(&id("b")),
            end >= quarantined_b,
            "{end} bytes"
        );
    }
}

#[test]
fn unreadable_lines_in_the_middle_are_skipped_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let deep = format!(
        "{{\"plugin\":\"a\",\"event\":\"end\",\"x\":{}",
        "[".repeat(10_000)
    );
    let middle = format!(
        "{LINES}\n\n{{\"plugin\":\"d\",\"ev\n[]\n\u{0}\u{0}\n{deep}\n{{\"plugin\":\"../x\",\"event\":\"end\"}}\n{{\"plugin\":\"d\",\"event\":\"sleep\"}}\n"
    );
    let mut text = middle.into_bytes();
    text.extend(b"\xff\xfe\n{\"plugin\":\"e\",\"event\":\"begin\",\"generation\":1}\n");
    fs::write(folder.path().join(FILE), text).unwrap();
    let (_, findings) = open(folder.path());
    let told: Vec<_> = findings
        .notices
        .iter()
        .map(|notice| (notice.code, &*notice.message))
        .collect();
    assert!(
        matches!(told[..], [("journal_damaged", message)] if message.starts_with("7 ")),
        "{told:?}"
    );
    assert_eq!(
        findings.quarantined.keys().collect::<Vec<_>>(),
        [&id("b"), &id("c")]
    );
    assert_eq!(open(folder.path()).1.notices, []);
}

#[test]
fn a_file_that_cannot_be_used_is_kept_aside() {
    let place: [fn(&Path); 3] = [
        |path| fs::create_dir(path).unwrap(),
        |path| std::os::unix::fs::symlink("elsewhere", path).unwrap(),
        |path| {
            fs::File::create(path)
                .unwrap()
                .set_len(FILE_MAX as u64 + 1)
                .unwrap();
        },
    ];
    for place in place {
        let folder = tempfile::tempdir().unwrap();
        place(&folder.path().join(FILE));
        let (journal, findings) = open(folder.path());
        assert_eq!(findings.notices[0].code, "journal_damaged");
        let names = names(folder.path());
        assert!(
            names.len() == 2 && names[1].starts_with("journal.jsonl.bad-"),
            "{names:?}"
        );
        journal.begin(&id("a"), 1).unwrap();
        assert_eq!(restart(folder.path()).0, ["a"]);
    }
}

#[test]
fn without_a_folder_the_journal_is_off_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (journal, findings) = open(&file.join("below"));
    assert_eq!(findings.notices[0].code, "journal_off");
    assert_eq!(journal.begin(&id("a"), 1).unwrap_err().code(), "unwritable_state");
    journal.inside(&id("a"), Stage::Open);
    journal.end(&id("a"));
}

#[test]
fn a_long_life_does_not_make_a_long_file_nor_lose_anything() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    journal.quarantine(&id("q"), &record("once")).unwrap();
    journal.begin(&id("a"), 1).unwrap();
    journal.begin(&id("b"), 1).unwrap();
    for _ in 0..5_000 {
        journal.inside(&id("a"), Stage::Init);
        journal.waiting(&id("a"));
        let len = fs::metadata(folder.path().join(FILE)).unwrap().len();
        assert!(len < 80 * 1024, "{len}");
    }
    assert_eq!(names(folder.path()), [FILE]);
    assert_eq!(
        restart(folder.path()),
        (vec!["q".into()], vec!["a".into(), "b".into()])
    );
}

#[test]
fn a_file_left_by_a_dead_process_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("journal.jsonl.new"), "{").unwrap();
    let (journal, findings) = open(folder.path());
    assert_eq!(findings.notices, []);
    journal.begin(&id("a"), 1).unwrap();
    assert_eq!(names(folder.path()), [FILE]);
}

#[test]
fn a_line_that_breaks_off_does_not_take_the_next_one_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, disk) = prepared(folder.path(), 0);
    journal.begin(&id("a"), 1).unwrap();
    journal.begin(&id("b"), 1).unwrap();
    journal.inside(&id("a"), Stage::Open);
    disk.arm(1, Fault::Torn);
    journal.waiting(&id("a"));
    assert_eq!(disk.calls(), ["write"]);
    journal.inside(&id("b"), Stage::Open);
    // Without the second of these, `a` would be blamed alone.
    assert_eq!(restart(folder.path()).1, ["a", "b"]);
}

#[test]
fn whoever_was_refused_and_not_started_is_not_blamed() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, disk) = prepared(folder.path(), 0);
    disk.fail_next("sync_data", Errno::IO);
    journal.begin(&id("a"), 1).unwrap_err();
    assert_eq!(restart(folder.path()).0, ["q"]);
}

#[test]
fn a_full_disk_is_told_and_over_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, disk) = prepared(folder.path(), 0);
    disk.fail_next("write", Errno::NOSPC);
    assert_eq!(journal.begin(&id("a"), 1).unwrap_err().code(), "storage_full");
    // Started all the same: whose code runs is known by what follows.
    journal.inside(&id("a"), Stage::Open);
    assert_eq!(restart(folder.path()).0, ["a", "q"]);
}

#[test]
fn nobody_is_blamed_for_a_host_that_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    journal.begin(&id("a"), 1).unwrap();
    journal.inside(&id("a"), Stage::Init);
    journal.begin(&id("b"), 1).unwrap();
    journal.late(&id("b"));
    journal.quarantine(&id("c"), &record("three panics")).unwrap();
    journal.close();
    journal.inside(&id("a"), Stage::Register);
    assert_eq!(restart(folder.path()), (vec!["c".to_owned()], vec![]));
}
