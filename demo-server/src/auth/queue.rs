//! Whose turn it is to have a password hashed, since that is work and memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::throttle::Source;
use crate::database::users::Name;

/// Hashes that are computed at once.
const AT_ONCE: usize = 2;
/// Sign-ins that wait for their turn.
const WAITING: usize = 16;
/// How many of those may be of one source, and how many of one account: the rest is for others.
const WAITING_OF_ONE: usize = 2;

/// Lets two hash at once and some more wait, few of them of the same source or for the same account.
#[derive(Clone, Debug)]
pub struct HashQueue {
    running: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Somebody's turn, until it is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "given back when dropped")] OwnedSemaphorePermit);

/// Who waits.
#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    sources: HashMap<Source, usize>,
    /// Whatever cannot be a name is one account.
    accounts: HashMap<Option<Name>, usize>,
}

/// A place among those that wait, until it is dropped.
struct Place {
    waiting: Arc<Mutex<Waiting>>,
    source: Source,
    account: Option<Name>,
}

impl HashQueue {
    /// Waits for a turn. `None` when too many do so already.
    pub async fn turn(&self, account: Option<&Name>, source: Source) -> Option<Turn> {
        // Nobody is overtaken: while somebody waits, what becomes free is theirs.
        if let Ok(turn) = Arc::clone(&self.running).try_acquire_owned() {
            return Some(Turn(turn));
        }
        let _place = self.place(account, source)?;
        let turn = Arc::clone(&self.running).acquire_owned().await;
        turn.ok().map(Turn)
    }

    fn place(&self, account: Option<&Name>, source: Source) -> Option<Place> {
        let account = account.cloned();
        let mut waiting = lock(&self.waiting);
        let has_room = |count: Option<&usize>| count.is_none_or(|count| *count < WAITING_OF_ONE);
        let is_let_in = waiting.all < WAITING
            && has_room(waiting.sources.get(&source))
            && has_room(waiting.accounts.get(&account));
        if !is_let_in {
            return None;
        }
        waiting.all += 1;
        *waiting.sources.entry(source).or_default() += 1;
        *waiting.accounts.entry(account.clone()).or_default() += 1;
        Some(Place {
            waiting: Arc::clone(&self.waiting),
            source,
            account,
        })
    }
}

impl Default for HashQueue {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::default(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        waiting.all -= 1;
        leave(&mut waiting.sources, &self.source);
        leave(&mut waiting.accounts, &self.account);
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn leave<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{AT_ONCE, HashQueue, Name, Source, WAITING};

    fn source(last: usize) -> Source {
        Source::of(IpAddr::from([192, 0, 2, u8::try_from(last).unwrap()]))
    }

    fn name(index: usize) -> Option<Name> {
        Name::parse(&format!("user{index}"))
    }

    #[test]
    fn two_hash_at_once_sixteen_wait_and_the_rest_is_turned_away() {
        let queue = HashQueue::default();
        let mut context = Context::from_waker(Waker::noop());
        let who: Vec<_> = (0..40).map(|index| (name(index), source(index))).collect();
        let turn = |index: usize| Box::pin(queue.turn(who[index].0.as_ref(), who[index].1));
        let mut all: Vec<_> = (0..AT_ONCE + WAITING).map(turn).collect();
        let mut turns = Vec::new();
        for (index, turn) in all.iter_mut().enumerate() {
            match turn.as_mut().poll(&mut context) {
                Poll::Ready(turn) => turns.push(turn.unwrap()),
                Poll::Pending => assert!(index >= AT_ONCE),
            }
        }
        assert_eq!((turns.len(), WAITING), (2, 16));
        assert!(matches!(turn(30).as_mut().poll(&mut context), Poll::Ready(None)));
        // Who leaves makes room for one of those that wait, and for one more to wait.
        turns.pop();
        let next = all[AT_ONCE].as_mut().poll(&mut context);
        assert!(matches!(next, Poll::Ready(Some(_))));
        let mut one_more = turn(30);
        assert!(one_more.as_mut().poll(&mut context).is_pending());
        // So does whoever hangs up.
        assert!(matches!(turn(31).as_mut().poll(&mut context), Poll::Ready(None)));
        drop(one_more);
        assert!(turn(31).as_mut().poll(&mut context).is_pending());
    }

    #[test]
    fn neither_a_source_nor_an_account_takes_the_places_of_others() {
        let queue = HashQueue::default();
        let mut context = Context::from_waker(Waker::noop());
        let ada = name(0);
        let running = [(); AT_ONCE].map(|()| {
            let turn = pin!(queue.turn(ada.as_ref(), source(1))).poll(&mut context);
            assert!(matches!(turn, Poll::Ready(Some(_))));
            turn
        });
        let names: Vec<_> = (0..10).map(name).collect();
        let mut waiting = Vec::new();
        // One source with many accounts, then many sources with one account, which is none.
        for (account, from) in [(1, 1), (2, 1)] {
            let mut turn = Box::pin(queue.turn(names[account].as_ref(), source(from)));
            assert!(turn.as_mut().poll(&mut context).is_pending());
            waiting.push(turn);
        }
        let third = pin!(queue.turn(names[3].as_ref(), source(1))).poll(&mut context);
        assert!(matches!(third, Poll::Ready(None)));
        for from in [2, 3] {
            let mut turn = Box::pin(queue.turn(None, source(from)));
            assert!(turn.as_mut().poll(&mut context).is_pending());
            waiting.push(turn);
        }
        let third = pin!(queue.turn(None, source(4))).poll(&mut context);
        assert!(matches!(third, Poll::Ready(None)));
        // Somebody else waits as ever.
        assert!(
            pin!(queue.turn(names[3].as_ref(), source(4)))
                .poll(&mut context)
                .is_pending()
        );
        drop((waiting, running));
        let left = queue.waiting.lock().unwrap();
        assert_eq!((left.all, left.sources.len(), left.accounts.len()), (0, 0, 0));
    }
}
