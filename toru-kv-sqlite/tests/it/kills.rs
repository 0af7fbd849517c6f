//! Processes that are killed while four of their threads write.

use crate::random::{Random, cases};
use crate::writers::{Acknowledged, Kind, Writers};

#[test]
fn what_was_acknowledged_is_there_after_a_kill_and_nothing_is_torn() {
    let mut random = Random::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugins.db");
    let runs = cases(50, 1_000);
    let mut acknowledged = Acknowledged::default();
    for _ in 0..runs {
        let writers = Writers::start(&path, Kind::Store);
        writers.go_on(&mut random);
        acknowledged.add(writers.kill());
        assert_eq!(acknowledged.lost(&path), 0);
    }
    println!(
        "{runs} kills, {} acknowledged writes, none lost",
        acknowledged.total()
    );
    assert!(acknowledged.total() > runs);
}
