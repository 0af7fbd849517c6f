//! The power goes while four threads write.

use crate::disk::Disk;
use crate::random::{Random, cases};
use crate::writers::{Acknowledged, Kind, Writers};

/// Cuts the power so many times while a process writes, and tells how many acknowledged writes were made and lost.
fn cut(kind: Kind, cuts: usize) -> Option<(usize, u64)> {
    if cuts == 0 {
        println!("skipped: only with TORU_TEST_LONG=1");
        return None;
    }
    let disk = Disk::new().map_err(|reason| println!("skipped: {reason}")).ok()?;
    let path = disk.root().join("plugins.db");
    let mut random = Random::new();
    let mut acknowledged = Acknowledged::default();
    let mut lost = 0;
    for _ in 0..cuts {
        let writers = Writers::start(&path, kind);
        writers.go_on(&mut random);
        // A machine without power says nothing: only what was said before counts.
        let said = writers.said();
        disk.cut().unwrap();
        writers.kill();
        disk.restart();
        acknowledged.add(said);
        lost += acknowledged.lost(&path);
    }
    println!(
        "{kind:?}: {cuts} cuts, {} acknowledged writes, {lost} lost",
        acknowledged.total()
    );
    Some((acknowledged.total(), lost))
}

#[test]
fn a_cut_of_the_power_loses_nothing_that_was_acknowledged_and_tears_nothing() {
    let cuts = cases(0, 200);
    if let Some((acknowledged, lost)) = cut(Kind::Store, cuts) {
        assert!(acknowledged > cuts);
        assert_eq!(lost, 0);
    }
}

#[test]
fn a_cut_of_the_power_is_noticed_where_nothing_is_flushed() {
    if let Some((_, lost)) = cut(Kind::Unflushed, cases(0, 20)) {
        assert!(
            lost > 0,
            "this disk loses nothing, so the other test shows nothing"
        );
    }
}
