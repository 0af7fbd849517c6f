//! The power goes while clients turn plugins on and off.

use std::sync::atomic::Ordering;

use rustix::process::Signal;

use crate::disk::Disk;
use crate::keeper::{Save, keep_until};
use crate::kills::{change_until, first_wishes};
use crate::plugins;
use crate::random::{Random, cases};
use crate::server::Server;
use crate::wishes::{check_file, check_host, state_file};

/// A disk, in the long run on a machine that can; else says why there is none.
fn disk() -> Option<Disk> {
    if cases(0, 1) == 0 {
        println!("skipped: only with TORU_TEST_LONG=1");
        return None;
    }
    let skipped = |reason| println!("skipped: {reason}");
    Disk::new().map_err(skipped).ok()
}

#[test]
fn a_cut_of_the_power_loses_no_acknowledged_change() {
    let Some(disk) = disk() else { return };
    let home = disk.root().join("home");
    if plugins::install(&home).is_none() {
        return;
    }
    plugins::add_examples(&home);
    let mut random = Random::new();
    let server = Server::start(&home);
    let mut wishes = first_wishes(&server);
    assert!(server.stop(Signal::TERM).success());
    disk.restart();
    let (mut acknowledged, mut settled) = (0, 0);
    for _ in 0..cases(0, 20) {
        let server = Server::start(&home);
        check_host(&server.client().plugins(), &mut wishes);
        acknowledged += change_until(&server, &mut wishes, &mut random, |is_over| {
            // A machine without power answers nothing: the process, which lives on for a moment, is not to be believed.
            is_over.store(true, Ordering::SeqCst);
            disk.cut().unwrap();
            server.signal(Signal::KILL);
        });
        settled += wishes.values().filter(|wish| wish.in_flight.is_none()).count();
        assert!(!server.ended().success());
        disk.restart();
        check_file(&state_file(&home), &mut wishes).unwrap();
    }
    check_host(&Server::start(&home).client().plugins(), &mut wishes);
    println!("{acknowledged} changes acknowledged, {settled} wishes settled, none lost");
    assert!(settled > 0 && acknowledged > 0, "the cuts came too early");
}

#[test]
fn a_cut_of_the_power_is_noticed_where_nothing_is_flushed() {
    let Some(disk) = disk() else { return };
    let file = disk.root().join("config.json");
    let mut random = Random::new();
    let runs = cases(0, 20);
    for save in [Save::Plain, Save::Renamed, Save::Flushed] {
        let mut wrong = 0;
        for _ in 0..runs {
            let mut wishes = keep_until(&file, save, &mut random, || disk.cut().unwrap());
            disk.restart();
            wrong += usize::from(check_file(&file, &mut wishes).is_err());
        }
        println!("{save:?}: {wrong} of {runs} files are unreadable or lost acknowledged changes");
        assert_eq!(wrong > 0, save != Save::Flushed);
    }
}
