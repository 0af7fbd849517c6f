//! Adding to numbers.

use super::store::{Store, add, rule, set};
use crate::kv::KvError;

pub(super) async fn check(store: &Store) {
    let committed = store.commit(vec![add("n", -5)]).await;
    let found = store.value("n").await;
    rule!(
        "add.missing",
        committed.sum == -5 && found == Some("-5".into()),
        "-5 added to nothing is {} and stored as {found:?}",
        committed.sum
    );
    for (stored, delta, expected) in [
        ("0", 0, Some("0")),
        ("41", 1, Some("42")),
        ("007", 1, Some("8")),
        ("+5", 1, Some("6")),
        ("-0", 0, Some("0")),
        ("9223372036854775806", 1, Some("9223372036854775807")),
        ("-9223372036854775807", -1, Some("-9223372036854775808")),
        ("-9223372036854775808", i64::MAX, Some("-1")),
        ("9223372036854775807", i64::MIN, Some("-1")),
        ("9223372036854775807", 1, None),
        ("-9223372036854775808", -1, None),
        ("9223372036854775808", -1, None),
        ("", 1, None),
        (" 1", 1, None),
        ("1 ", 1, None),
        ("1.0", 1, None),
        ("1e3", 1, None),
        ("0x10", 1, None),
        ("1_000", 1, None),
        ("-", 1, None),
        ("1\0", 1, None),
        ("\u{661}", 1, None),
    ] {
        store.set("n", stored).await;
        let result = store.checked(Vec::new(), vec![add("n", delta)]).await;
        let found = store.value("n").await;
        let kept = match expected {
            Some(sum) => {
                result.as_ref().is_ok_and(|done| done.sum.to_string() == sum) && found == Some(sum.into())
            }
            None => result == Err(KvError::NotANumber) && found == Some(stored.into()),
        };
        rule!(
            "add.numbers",
            kept,
            "{delta} added to {stored:?} is {expected:?}; it told {result:?} and stored {found:?}"
        );
    }
    store.set("n", [0xff, b'1']).await;
    let result = store.checked(Vec::new(), vec![add("n", 1)]).await;
    rule!(
        "add.numbers",
        result == Err(KvError::NotANumber),
        "bytes that are no text are {result:?}"
    );
    let sums = vec![set("n", "10"), add("m", 1), add("n", 5), add("n", -1)];
    let sum = store.commit(sums).await.sum;
    rule!("add.last-sum", sum == 14, "10 + 5 - 1, added last, is {sum}");
    // A number too large on the way is an error, though the end would fit.
    let over = vec![set("n", i64::MAX.to_string()), add("n", 1), add("n", -1)];
    let result = store.checked(Vec::new(), over).await;
    rule!(
        "add.each-step",
        result == Err(KvError::NotANumber),
        "a sum that does not fit half-way is {result:?}"
    );
}
