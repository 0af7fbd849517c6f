use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Wake;

use super::*;

/// Far longer than any test: the next sample comes only when the interval is changed.
const LONG: Duration = Duration::from_secs(3600);
/// A guard against tests that hang.
const TOO_LONG: Duration = Duration::from_secs(60);

struct Woken(mpsc::Sender<()>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let (sender, woken) = mpsc::channel();
    let waker = Arc::new(Woken(sender)).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        woken.recv_timeout(TOO_LONG).unwrap();
    }
}

fn next(listener: &mut Listener) -> Option<String> {
    block_on(poll_fn(|cx| listener.poll_sample(cx))).map(|sample| sample.to_string())
}

/// A sampler that counts how often it began, and numbers its samples.
fn counting() -> (Sampler, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let sampler = Sampler::new(LONG, move || {
        let run = count.fetch_add(1, Ordering::SeqCst) + 1;
        let mut number = 0;
        Box::new(move |_| {
            number += 1;
            format!("{run}.{number}")
        })
    });
    (sampler, begun)
}

/// Waits until nothing samples any more.
fn rest(sampler: &Sampler) {
    let begun = Instant::now();
    while sampler.0.lock().is_running {
        assert!(begun.elapsed() < TOO_LONG);
        thread::yield_now();
    }
}

#[test]
fn listeners_share_one_thread_and_its_samples() {
    let (sampler, begun) = counting();
    assert_eq!(begun.load(Ordering::SeqCst), 0, "nobody listens yet");
    let (mut one, mut other) = (sampler.listen().unwrap(), sampler.listen().unwrap());
    assert_eq!(next(&mut one).as_deref(), Some("1.1"));
    assert_eq!(next(&mut other).as_deref(), Some("1.1"));
    let mut late = sampler.listen().unwrap();
    assert_eq!(
        next(&mut late).as_deref(),
        Some("1.1"),
        "who comes late sees the newest at once"
    );
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[test]
fn nothing_is_sampled_when_the_last_has_left() {
    let (sampler, begun) = counting();
    let (mut one, other) = (sampler.listen().unwrap(), sampler.listen().unwrap());
    assert!(next(&mut one).is_some());
    drop(other);
    assert!(sampler.0.lock().is_running, "one still listens");
    drop(one);
    rest(&sampler);
    let mut again = sampler.listen().unwrap();
    assert_eq!(
        next(&mut again).as_deref(),
        Some("2.1"),
        "nothing old is shown to who comes back"
    );
    assert_eq!(begun.load(Ordering::SeqCst), 2);
}

#[test]
fn a_new_interval_holds_at_once() {
    let (sampler, _) = counting();
    let mut listener = sampler.listen().unwrap();
    assert_eq!(next(&mut listener).as_deref(), Some("1.1"));
    sampler.set_interval(Duration::from_millis(1));
    assert!(next(&mut listener).is_some());
    assert_eq!(sampler.interval(), Duration::from_millis(1));
}

#[test]
fn closing_ends_who_listens_and_takes_nobody_new() {
    let (sampler, _) = counting();
    let mut listener = sampler.listen().unwrap();
    assert!(next(&mut listener).is_some());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| next(&mut listener));
        block_on(sampler.close());
        assert_eq!(waiting.join().unwrap(), None);
    });
    assert!(!sampler.0.lock().is_running);
    assert_eq!(sampler.listen().unwrap_err().status(), 503);
    block_on(sampler.close());
}

#[test]
fn a_panic_while_measuring_ends_the_streams_and_not_the_plugin() {
    let panics = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&panics);
    let sampler = Sampler::new(LONG, move || {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        Box::new(move |_| {
            assert!(!is_first, "this panic is part of the test");
            "fine".to_owned()
        })
    });
    let mut listener = sampler.listen().unwrap();
    assert_eq!(next(&mut listener), None);
    let mut again = sampler.listen().unwrap();
    assert_eq!(next(&mut again).as_deref(), Some("fine"));
}
