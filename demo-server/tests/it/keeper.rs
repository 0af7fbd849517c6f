//! A process that keeps wishes in a file, well or badly: what the checks for hosts are tried on.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::random::Random;
use crate::wishes::{Wish, Wishes};

/// Tells the process which file it keeps, and how.
const FILE: &str = "TORU_TEST_KEEPER_FILE";
const SAVE: &str = "TORU_TEST_KEEPER_SAVE";
/// Its plugins.
const IDS: [&str; 4] = ["amber", "beryl", "coral", "diamond"];
/// Bytes of a field that nobody knows and everybody preserves: writing them takes a while.
const PADDING: usize = 600_000;
/// Most changes before the end.
const CHANGES_MAX: usize = 30;

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Save {
    /// Over the file that is there.
    Plain,
    /// Beside it, then put in its place.
    Renamed,
    /// The same, and both the file and the folder are flushed.
    Flushed,
}

impl Save {
    const ALL: [Self; 3] = [Self::Plain, Self::Renamed, Self::Flushed];

    fn name(self) -> String {
        format!("{self:?}")
    }

    fn save(self, file: &Path, text: &[u8]) -> std::io::Result<()> {
        if self == Self::Plain {
            return fs::write(file, text);
        }
        let beside = file.with_extension("new");
        let mut new = File::create(&beside)?;
        new.write_all(text)?;
        if self == Self::Flushed {
            new.sync_all()?;
        }
        fs::rename(&beside, file)?;
        if self == Self::Flushed {
            File::open(file.parent().unwrap())?.sync_all()?;
        }
        Ok(())
    }
}

/// Has a process of its own keep `file`, calls `end` at a random moment, kills it, and tells what it acknowledged.
pub(crate) fn keep_until(file: &Path, save: Save, random: &mut Random, end: impl FnOnce()) -> Wishes {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["keeper::process", "--exact", "--ignored", "--nocapture"])
        .env(FILE, file)
        .env(SAVE, save.name())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut output = output.map(Result::unwrap);
    assert!(output.any(|line| line == "ready"), "the process does not start");
    let mut wishes: Wishes = IDS.iter().map(|&id| (id.to_owned(), Wish::default())).collect();
    // Each change has two lines; to stop between them is as good as anywhere.
    for line in output.by_ref().take(1 + random.below(2 * CHANGES_MAX)) {
        note(&line, &mut wishes);
    }
    crate::kills::pause(crate::kills::LATER_MAX, random);
    end();
    child.kill().unwrap();
    output.for_each(|line| note(&line, &mut wishes));
    child.wait().unwrap();
    wishes
}

/// Takes over what the process says: that it asks for a change, or that the change is made.
fn note(line: &str, wishes: &mut Wishes) {
    let words: Vec<&str> = line.split(' ').collect();
    let [what, id, enabled] = words[..] else { return };
    let enabled = enabled == "true";
    let wish = wishes.get_mut(id).unwrap();
    match what {
        "asks" => wish.in_flight = Some(enabled),
        _ => *wish = Wish::acknowledged(enabled),
    }
}

#[test]
#[ignore = "the process that other tests start"]
fn process() {
    let Some(file) = std::env::var_os(FILE) else {
        return println!("skipped: it is run by other tests only");
    };
    let save = std::env::var(SAVE).unwrap();
    let save = Save::ALL.into_iter().find(|known| known.name() == save).unwrap();
    let mut document = json!({ "version": 1, "plugins": {}, "padding": "x".repeat(PADDING) });
    Save::Flushed
        .save(file.as_ref(), document.to_string().as_bytes())
        .unwrap();
    println!("\nready");
    let mut random = Random::from_seed(std::process::id().into());
    loop {
        let id = IDS[random.below(IDS.len())];
        let enabled = document["plugins"][id]["enabled"] != true;
        document["plugins"][id]["enabled"] = enabled.into();
        let text = document.to_string();
        println!("asks {id} {enabled}");
        if save.save(file.as_ref(), text.as_bytes()).is_err() {
            return println!("the disk is gone");
        }
        println!("made {id} {enabled}");
    }
}
