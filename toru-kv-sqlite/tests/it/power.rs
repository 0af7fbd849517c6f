//! The power goes while four threads write.

use toru_host::kv::{KvBackend, KvQuota};
use toru_kv_sqlite::SqliteKv;

use crate::disk::Disk;
use crate::random::{Random, cases};
use crate::store::{bytes, commit, id, set};
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

#[test]
fn a_write_to_a_disk_that_is_gone_is_never_acknowledged() {
    if cases(0, 1) == 0 {
        return println!("skipped: only with TORU_TEST_LONG=1");
    }
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let path = disk.root().join("plugins.db");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let kv = SqliteKv::open(&path).unwrap();
    let plugin = id("a");
    let write = |n: usize| {
        let changes = vec![set(&format!("k{n}"), "v")];
        runtime.block_on(kv.commit(&plugin, commit(KvQuota::UNLIMITED, Vec::new(), changes)))
    };
    for n in 0..10 {
        write(n).unwrap();
    }
    disk.cut().unwrap();
    for n in 10..20 {
        let error = write(n).unwrap_err();
        assert!(
            ["storage_failed", "storage_full"].contains(&error.code()),
            "{error}"
        );
    }
    drop(kv);
    disk.restart();
    let kv = SqliteKv::open(&path).unwrap();
    kv.check_integrity().unwrap();
    let keys = (0..20).map(|n| bytes(&format!("k{n}"))).collect();
    assert_eq!(runtime.block_on(kv.get(&plugin, keys)).unwrap().len(), 10);
    drop(kv);
}
