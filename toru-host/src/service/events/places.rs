//! Who may listen: so many in all, and so many of one user.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;

/// The places there are. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Clone, Debug)]
struct Taken {
    left: usize,
    of_one_user: usize,
    users: HashMap<HeaderValue, usize>,
}

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    user: Option<HeaderValue>,
}

impl Places {
    pub(super) fn new(all: usize, of_one_user: usize) -> Self {
        Self(Arc::new(Mutex::new(Taken {
            left: all,
            of_one_user,
            users: HashMap::new(),
        })))
    }

    /// So many places in all, none of which is taken yet.
    pub(super) fn with_all(&self, all: usize) -> Self {
        let of_one_user = self.taken().of_one_user;
        Self::new(all, of_one_user)
    }

    /// So many places for one user.
    pub(super) fn with_of_one_user(&self, count: usize) -> Self {
        let all = self.taken().left;
        Self::new(all, count)
    }

    /// A place, if there is one left for that user. Those without a name share what there is.
    pub(super) fn take(&self, user: Option<&HeaderValue>) -> Option<Place> {
        let mut taken = self.taken();
        if taken.left == 0 {
            return None;
        }
        if let Some(user) = user {
            let limit = taken.of_one_user;
            let of_user = taken.users.entry(user.clone()).or_default();
            if *of_user >= limit {
                return None;
            }
            *of_user += 1;
        }
        taken.left -= 1;
        drop(taken);
        Some(Place {
            places: self.clone(),
            user: user.cloned(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.left += 1;
        if let Some(user) = self.user.take()
            && let Entry::Occupied(mut of_user) = taken.users.entry(user)
        {
            *of_user.get_mut() -= 1;
            if *of_user.get() == 0 {
                of_user.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderValue, Places};

    #[test]
    fn nobody_takes_all_places_and_all_are_given_back() {
        let places = Places::new(5, 2);
        let [ann, bob] = ["ann", "bob"].map(HeaderValue::from_static);
        for _ in 0..3 {
            let of_ann = [places.take(Some(&ann)), places.take(Some(&ann))];
            assert!(of_ann.iter().all(Option::is_some));
            assert!(places.take(Some(&ann)).is_none(), "a third of one user");
            let others = [places.take(Some(&bob)), places.take(None), places.take(None)];
            assert!(others.iter().all(Option::is_some));
            assert!(places.take(None).is_none(), "a sixth");
            drop((of_ann, others));
            assert!(places.taken().users.is_empty());
        }
    }
}
