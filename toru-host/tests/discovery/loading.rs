//! What the dynamic loader does with damaged libraries, with and without the checks before it.

use toru_host::discovery::Policy;

use crate::damage::{c_library, rust_library};
use crate::damaged::damaged;
use crate::loader::{build_loader, deadly};
use crate::support::{Place, Random, cases, check_bytes};

/// The bytes in which two libraries differ.
fn differences(good: &[u8], bad: &[u8]) -> String {
    let differs = good
        .iter()
        .zip(bad)
        .enumerate()
        .filter(|(_, (good, bad))| good != bad);
    differs
        .map(|(at, (good, bad))| format!("{at:#x}: {good:02x} to {bad:02x}; "))
        .collect()
}

#[test]
fn l03_damage_that_kills_the_dynamic_loader_is_refused_before_it() {
    let place = Place::new();
    let Some(loader) = build_loader(&place) else {
        return;
    };
    let mut random = Random::new();
    for library in [c_library(&place), rust_library(&place)].into_iter().flatten() {
        let all: Vec<_> = (0..cases(300, 5000))
            .map(|_| damaged(&library, &mut random))
            .collect();
        let accepted: Vec<_> = all
            .iter()
            .filter(|bad| check_bytes(bad, &Policy::default()).is_ok())
            .cloned()
            .collect();
        let naive = deadly(&loader, &place, &all).len();
        let through = deadly(&loader, &place, &accepted);
        for &index in &through {
            println!("got through: {}", differences(&library, &accepted[index]));
        }
        let (count, passed, checked) = (all.len(), accepted.len(), through.len());
        println!("{count} damaged: {naive} kill unchecked; {passed} pass the checks, {checked} kill");
        // Without checks a good part kills, or this test would prove nothing.
        assert!(naive * 10 > count, "the damage is too mild");
        // What is left looks as if it had been meant, such as a relocated pointer to another place.
        assert!(
            checked * 50 <= all.len(),
            "{checked} of {} damaged libraries got through and killed",
            all.len()
        );
    }
}
