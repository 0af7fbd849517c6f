//! Whether a history of one key can have happened one call after the other.
//!
//! Each call takes effect at one moment between its start and its end, when the store is linearisable. The search is that
//! of Wing and Gong with the memory of Lowe: take any call that no other one, still to be placed, ended before; if its
//! answer fits the state, go on with the rest; never look at the same rest with the same state twice. It is complete: it
//! finds an order whenever there is one. Calls concern one key each, and histories of single keys compose, so that keys
//! are examined one by one.

use std::collections::HashSet;

/// Most calls of one history.
pub(super) const CALLS_MAX: usize = 64;

/// A call with its answer.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Found a value and a version, or nothing.
    Get(Option<(i64, u64)>),
    Set {
        value: i64,
        version: u64,
    },
    Add {
        delta: i64,
        sum: i64,
        version: u64,
    },
    Delete,
    /// Set if the version is as expected; the new version, or a conflict.
    Swap {
        expected: u64,
        value: i64,
        version: Option<u64>,
    },
}

/// A call and the moments when it started and ended.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) op: Op,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    entry: Option<(i64, u64)>,
    last_version: u64,
}

impl State {
    /// The state after a call, when its answer fits.
    fn after(self, op: &Op) -> Option<Self> {
        match *op {
            Op::Get(found) => (found == self.entry).then_some(self),
            Op::Set { value, version } => self.write(value, version),
            Op::Add { delta, sum, version } => {
                let value = self.entry.map_or(0, |(value, _)| value);
                (value + delta == sum).then(|| self.write(sum, version)).flatten()
            }
            Op::Delete => Some(Self { entry: None, ..self }),
            Op::Swap {
                expected,
                value,
                version,
            } => {
                let is_expected = self.entry.map_or(0, |(_, version)| version) == expected;
                match version {
                    Some(version) => is_expected.then(|| self.write(value, version)).flatten(),
                    None => (!is_expected).then_some(self),
                }
            }
        }
    }

    fn write(self, value: i64, version: u64) -> Option<Self> {
        (version > self.last_version).then_some(Self {
            entry: Some((value, version)),
            last_version: version,
        })
    }
}

/// Whether there is an order of the calls that explains all answers, from a missing key on.
pub(super) fn is_linearisable(calls: &[Call]) -> bool {
    assert!(
        calls.len() <= CALLS_MAX,
        "a history of {} calls is too long",
        calls.len()
    );
    let all = (0..calls.len()).fold(0_u64, |all, n| all | 1 << n);
    let mut seen = HashSet::new();
    let mut open = vec![(all, State::default())];
    while let Some((rest, state)) = open.pop() {
        if rest == 0 {
            return true;
        }
        if !seen.insert((rest, state)) {
            continue;
        }
        let left = || calls.iter().enumerate().filter(|(n, _)| rest & 1 << n != 0);
        let first_end = left().map(|(_, call)| call.end).min().unwrap_or(u64::MAX);
        for (n, call) in left().filter(|(_, call)| call.start < first_end) {
            if let Some(state) = state.after(&call.op) {
                open.push((rest & !(1 << n), state));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(start: u64, end: u64, op: Op) -> Call {
        Call { start, end, op }
    }

    fn set(value: i64) -> Op {
        let version = value.unsigned_abs();
        Op::Set { value, version }
    }

    fn got(value: i64) -> Op {
        Op::Get(Some((value, value.unsigned_abs())))
    }

    #[test]
    fn calls_one_after_the_other_have_to_fit() {
        let history = |op| [call(0, 1, set(1)), call(2, 3, set(2)), call(4, 5, op)];
        assert!(is_linearisable(&history(got(2))));
        assert!(!is_linearisable(&history(got(1))), "stale");
        assert!(!is_linearisable(&history(Op::Get(None))), "lost");
    }

    #[test]
    fn calls_at_the_same_time_may_be_in_any_order_but_one() {
        let history = |first, second| {
            [
                call(0, 9, set(1)),
                call(1, 8, set(2)),
                call(2, 3, first),
                call(4, 5, second),
            ]
        };
        assert!(is_linearisable(&history(Op::Get(None), got(2))));
        assert!(is_linearisable(&history(got(1), got(2))));
        assert!(!is_linearisable(&history(got(2), got(1))), "versions grow");
        assert!(
            !is_linearisable(&history(got(1), Op::Get(None))),
            "nothing is undone"
        );
    }

    #[test]
    fn lost_sums_and_swaps_are_found() {
        let add = |sum, version| Op::Add {
            delta: 1,
            sum,
            version,
        };
        assert!(is_linearisable(&[call(0, 9, add(2, 2)), call(1, 8, add(1, 1))]));
        assert!(!is_linearisable(&[call(0, 9, add(1, 2)), call(1, 8, add(1, 1))]));
        let swap = |value, version| Op::Swap {
            expected: 0,
            value,
            version,
        };
        assert!(is_linearisable(&[
            call(0, 9, swap(1, Some(1))),
            call(1, 8, swap(2, None))
        ]));
        assert!(!is_linearisable(&[
            call(0, 9, swap(1, Some(1))),
            call(1, 8, swap(2, Some(2)))
        ]));
        assert!(
            !is_linearisable(&[call(0, 1, swap(1, None))]),
            "nothing to conflict with"
        );
        let again = [call(0, 1, set(1)), call(2, 3, Op::Delete), call(4, 5, set(1))];
        assert!(!is_linearisable(&again), "a version that repeats");
    }
}
