//! What is answered without waiting.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use toru_host::kv::KvBackend;

use crate::backend::all;
use crate::store::{Store, add, bytes, id};

/// Polls once, with nobody to wake.
pub(crate) fn once<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The answer to a poll on a thread where nothing else could have the work done: there is no runtime.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    once(std::pin::pin!(future)).expect("a read that needs no waiting is answered at once")
}

#[test]
fn a_read_is_answered_by_the_first_poll_on_the_thread_that_asks() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::new();
    runtime.block_on(store.set("k", "v"));
    // Another program writes, and so does the store itself: neither keeps a reader waiting.
    let outside = store.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let plugin = id("a");
    let mut waiting = Box::pin(store.commit(Vec::new(), vec![add("n", 1)]));
    assert!(once(waiting.as_mut()).is_none());
    for _ in 0..100 {
        let found = at_once(store.kv.get(&plugin, vec![bytes("k"), bytes("none")])).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(at_once(store.kv.list(&plugin, all())).unwrap().len(), 1);
        at_once(store.kv.instance_id()).unwrap();
    }
    outside.execute_batch("COMMIT").unwrap();
    runtime.block_on(waiting).unwrap();
    assert_eq!(at_once(store.kv.list(&plugin, all())).unwrap().len(), 2);
}
