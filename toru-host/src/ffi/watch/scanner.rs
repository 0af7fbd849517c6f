//! Works out who has been at it for too long, from several looks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A thread that executes a plugin's code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<T> {
    pub(super) slot: usize,
    /// The same for as long as the thread has not come back.
    pub(super) sequence: u64,
    pub(super) limit: Duration,
    pub(super) whose: T,
}

/// What earlier looks have shown.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    seen: HashMap<usize, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    sequence: u64,
    since: Instant,
    is_reported: bool,
}

impl Scanner {
    /// Takes a look into account. Returns those that are over their limit for the first time, and for how long they
    /// have been seen at it.
    pub(super) fn look<T>(&mut self, entries: Vec<Entry<T>>, now: Instant) -> Vec<(T, Duration)> {
        let before = std::mem::take(&mut self.seen);
        let mut stuck = Vec::new();
        for entry in entries {
            let known = before
                .get(&entry.slot)
                .filter(|seen| seen.sequence == entry.sequence);
            let mut seen = known.copied().unwrap_or(Seen {
                sequence: entry.sequence,
                since: now,
                is_reported: false,
            });
            let so_far = now.saturating_duration_since(seen.since);
            if !seen.is_reported && known.is_some() && so_far >= entry.limit {
                seen.is_reported = true;
                stuck.push((entry.whose, so_far));
            }
            self.seen.insert(entry.slot, seen);
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Scanner};
    use std::time::{Duration, Instant};

    const LIMIT: Duration = Duration::from_secs(30);

    fn entry(slot: usize, sequence: u64) -> Entry<usize> {
        Entry {
            slot,
            sequence,
            limit: LIMIT,
            whose: slot,
        }
    }

    #[test]
    fn whoever_has_not_come_back_for_the_limit_is_told_once() {
        let (mut scanner, start) = (Scanner::default(), Instant::now());
        let mut at = |seconds| scanner.look(vec![entry(3, 7)], start + Duration::from_secs(seconds));
        assert_eq!(at(0), []);
        assert_eq!(at(29), []);
        assert_eq!(at(30), [(3, LIMIT)]);
        assert_eq!(at(60), []);
        assert_eq!(at(6000), []);
    }

    #[test]
    fn whoever_came_back_in_between_starts_anew() {
        let (mut scanner, start) = (Scanner::default(), Instant::now());
        let mut at =
            |seconds, sequence| scanner.look(vec![entry(0, sequence)], start + Duration::from_secs(seconds));
        assert_eq!(at(0, 1), []);
        assert_eq!(at(29, 1), []);
        assert_eq!(at(30, 3), []);
        assert_eq!(at(59, 3), []);
        assert_eq!(at(61, 3), [(0, Duration::from_secs(31))]);
        assert_eq!(at(62, 5), []);
        assert_eq!(at(92, 5), [(0, LIMIT)], "another entry is told again");
    }

    #[test]
    fn whoever_was_out_when_somebody_looked_starts_anew() {
        let (mut scanner, start) = (Scanner::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(scanner.look(vec![entry(0, 1)], start), []);
        assert_eq!(scanner.look(Vec::<Entry<usize>>::new(), later(10)), []);
        assert_eq!(scanner.look(vec![entry(0, 1)], later(40)), []);
        assert_eq!(scanner.look(vec![entry(0, 1)], later(70)), [(0, LIMIT)]);
    }

    #[test]
    fn each_has_a_limit_of_its_own() {
        let (mut scanner, start) = (Scanner::default(), Instant::now());
        let patient = Entry {
            limit: LIMIT * 2,
            ..entry(1, 1)
        };
        let mut at = |seconds| scanner.look(vec![entry(0, 1), patient], start + Duration::from_secs(seconds));
        assert_eq!(at(0), []);
        assert_eq!(at(30), [(0, LIMIT)]);
        assert_eq!(at(60), [(1, LIMIT * 2)]);
    }
}
