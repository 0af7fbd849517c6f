//! How often somebody may try.
//!
//! Failures count against the account, known or not, and against the address. An account with too many of them takes
//! no more attempts from the addresses that they came from. From others it still does, so that nobody is locked out
//! by somebody else; but a wrong password from there is told to wait as well, and after three there are no more.
//!
//! Successes cost as much work as failures: an address has so many attempts in all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, ms};
use crate::database::users::Name;

/// How long a failure counts.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Failures of one account.
const PER_ACCOUNT: usize = 10;
/// Failures of one address with an account that has too many: somebody may have mistyped while others attack.
const PER_BOTH: usize = 3;
/// Failures of one address.
const PER_ADDRESS: usize = 30;
/// Attempts of one address, however they end.
const ATTEMPTS_PER_ADDRESS: usize = 60;
/// How often what no longer counts is forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// Counts failures and attempts. There are never more of them than passwords can be hashed within 15 minutes.
#[derive(Debug)]
pub struct Throttle {
    clock: Clock,
    failures: Mutex<Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    /// When, and from where. Whatever cannot be a name is one account.
    accounts: HashMap<Option<Name>, Vec<(u64, Source)>>,
    addresses: HashMap<Source, Vec<u64>>,
    /// Failures and successes.
    attempts: HashMap<Source, Vec<u64>>,
    swept_ms: u64,
}

/// An address, as far as it tells one client from another: an IPv6 network of 64 bits is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

/// An attempt, which counts as a failure until it is told otherwise.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    account: Option<Name>,
    source: Source,
    at_ms: u64,
    /// How long to wait after a failure, where there were too many before.
    wait: Option<Duration>,
}

impl Throttle {
    /// Counts by the time that `clock` has run, so that nobody waits longer, or less, because it was set.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let failures = Mutex::default();
        Self { clock, failures }
    }

    /// Whether there may be an attempt now.
    ///
    /// # Errors
    ///
    /// How long to wait before there may be one.
    pub fn check(&self, account: Option<&Name>, address: IpAddr) -> Result<(), Duration> {
        let now = self.clock.elapsed_ms();
        self.failures(now)
            .check(&account.cloned(), Source::of(address), now)
    }

    /// Begins an attempt, if there may be one.
    ///
    /// # Errors
    ///
    /// How long to wait before there may be one.
    pub fn begin(&self, account: Option<Name>, address: IpAddr) -> Result<Attempt, Duration> {
        let (now, source) = (self.clock.elapsed_ms(), Source::of(address));
        let mut failures = self.failures(now);
        failures.check(&account, source, now)?;
        let of_account = failures.accounts.entry(account.clone()).or_default();
        let wait = over(of_account.iter().map(|(at, _)| *at), PER_ACCOUNT, now);
        of_account.push((now, source));
        failures.addresses.entry(source).or_default().push(now);
        failures.attempts.entry(source).or_default().push(now);
        Ok(Attempt {
            account,
            source,
            at_ms: now,
            wait,
        })
    }

    /// The attempt was none, or a success: it is no failure, and after a success those of the same account from the same
    /// address are none either. A success still was an attempt.
    pub fn forgive(&self, attempt: Attempt, was_success: bool) {
        let Attempt {
            account,
            source,
            at_ms,
            ..
        } = attempt;
        let mut failures = self.failures(self.clock.elapsed_ms());
        if let Some(of_account) = failures.accounts.get_mut(&account) {
            if was_success {
                of_account.retain(|(_, from)| *from != source);
            } else if let Some(index) = of_account.iter().position(|it| *it == (at_ms, source)) {
                of_account.remove(index);
            }
        }
        // Earlier ones of the address still count: it may have an account of its own beside those that it attacks.
        take_back(&mut failures.addresses, source, at_ms);
        if !was_success {
            take_back(&mut failures.attempts, source, at_ms);
        }
    }

    /// What counts now.
    fn failures(&self, now: u64) -> MutexGuard<'_, Failures> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(failures.swept_ms) >= ms(SWEEP) {
            failures.swept_ms = now;
            failures.accounts.retain(|_, list| {
                list.retain(|(at, _)| counts(*at, now));
                !list.is_empty()
            });
            sweep(&mut failures.addresses, now);
            sweep(&mut failures.attempts, now);
        }
        failures
    }
}

impl Attempt {
    /// How long to wait after this failure, where there were too many before.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        self.wait
    }
}

impl Failures {
    fn check(&self, account: &Option<Name>, source: Source, now: u64) -> Result<(), Duration> {
        for (lists, limit) in [
            (&self.addresses, PER_ADDRESS),
            (&self.attempts, ATTEMPTS_PER_ADDRESS),
        ] {
            let of_address = lists.get(&source).map_or(&[][..], Vec::as_slice);
            if let Some(wait) = over(of_address.iter().copied(), limit, now) {
                return Err(wait);
            }
        }
        let of_account = self.accounts.get(account).map_or(&[][..], Vec::as_slice);
        let Some(wait) = over(of_account.iter().map(|(at, _)| *at), PER_ACCOUNT, now) else {
            return Ok(());
        };
        let own = of_account.iter().filter(|(_, from)| *from == source);
        // Until the account is no longer attacked, or little of it came from here.
        match over(own.map(|(at, _)| *at), PER_BOTH, now) {
            Some(own) => Err(wait.min(own)),
            None => Ok(()),
        }
    }
}

impl Source {
    /// Where an address belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 => v4,
        })
    }
}

fn take_back(lists: &mut HashMap<Source, Vec<u64>>, source: Source, at_ms: u64) {
    if let Some(list) = lists.get_mut(&source)
        && let Some(index) = list.iter().position(|at| *at == at_ms)
    {
        list.remove(index);
    }
}

fn sweep(lists: &mut HashMap<Source, Vec<u64>>, now: u64) {
    lists.retain(|_, list| {
        list.retain(|at| counts(*at, now));
        !list.is_empty()
    });
}

fn counts(at: u64, now: u64) -> bool {
    now.saturating_sub(at) < ms(WINDOW)
}

/// How long until fewer than `limit` of these failures count; `None` if that is so already. They are in order.
fn over(failures: impl Iterator<Item = u64>, limit: usize, now: u64) -> Option<Duration> {
    let counting: Vec<u64> = failures.filter(|at| counts(*at, now)).collect();
    let last_to_go = counting.len().checked_sub(limit)?;
    let ends = counting.get(last_to_go)?.saturating_add(ms(WINDOW));
    Some(Duration::from_millis(ends.saturating_sub(now)))
}

#[cfg(test)]
mod tests {
    use super::{Clock, Duration, IpAddr, Name, Throttle};

    fn throttle() -> (Clock, Throttle) {
        let clock = Clock::manual();
        (clock.clone(), Throttle::new(clock))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn fail(throttle: &Throttle, name: &str, from: IpAddr) -> Result<Option<Duration>, Duration> {
        let attempt = throttle.begin(Name::parse(name), from)?;
        Ok(attempt.wait())
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn ten_failures_of_an_account_close_it_to_where_they_came_from_alone() {
        let (clock, throttle) = throttle();
        for _ in 0..10 {
            assert_eq!(fail(&throttle, "ada", address(1)), Ok(None));
            clock.advance(MINUTE);
        }
        assert_eq!(fail(&throttle, "ada", address(1)), Err(MINUTE * 5));
        // Somebody else who fails is told to wait, and soon is one of those.
        for longer in 0..3 {
            assert_eq!(
                fail(&throttle, "ada", address(2)),
                Ok(Some(MINUTE * (5 + longer)))
            );
        }
        assert!(fail(&throttle, "ada", address(2)).is_err());
        // Who succeeds from elsewhere opens nothing for the others.
        let attempt = throttle.begin(Name::parse("ada"), address(3)).unwrap();
        throttle.forgive(attempt, true);
        assert!(fail(&throttle, "ada", address(1)).is_err());
        assert_eq!(fail(&throttle, "bob", address(1)), Ok(None), "another account");
        clock.advance(MINUTE * 8);
        assert_eq!(fail(&throttle, "ada", address(1)), Ok(None));
    }

    #[test]
    fn thirty_failures_of_an_address_close_everything_to_it() {
        let (clock, throttle) = throttle();
        for index in 0..30 {
            // An account of its own in between does not help.
            let own = throttle.begin(Name::parse("mallory"), address(1)).unwrap();
            throttle.forgive(own, true);
            assert_eq!(fail(&throttle, &format!("user{index}"), address(1)), Ok(None));
        }
        assert_eq!(fail(&throttle, "ada", address(1)), Err(MINUTE * 15));
        assert_eq!(fail(&throttle, "ada", address(2)), Ok(None));
        clock.advance(MINUTE * 15);
        assert_eq!(fail(&throttle, "ada", address(1)), Ok(None));
    }

    #[test]
    fn sixty_attempts_of_an_address_are_enough_however_they_end() {
        let (clock, throttle) = throttle();
        for _ in 0..60 {
            let attempt = throttle.begin(Name::parse("ada"), address(1)).unwrap();
            throttle.forgive(attempt, true);
        }
        assert_eq!(throttle.check(None, address(1)), Err(MINUTE * 15));
        assert_eq!(throttle.check(None, address(2)), Ok(()));
        clock.advance(MINUTE * 15);
        assert_eq!(throttle.check(None, address(1)), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_what_it_maps() {
        let (_, throttle) = throttle();
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        for index in 0..30 {
            let from = of(&format!("2001:db8:1:2::{index}"));
            assert_eq!(fail(&throttle, &format!("user{index}"), from), Ok(None));
            let mapped = of("::ffff:192.0.2.1");
            assert_eq!(fail(&throttle, &format!("other{index}"), mapped), Ok(None));
        }
        assert!(fail(&throttle, "ada", of("2001:db8:1:2:3::")).is_err());
        assert!(fail(&throttle, "ada", address(1)).is_err());
        assert_eq!(fail(&throttle, "ada", of("2001:db8:1:3::")), Ok(None));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let (clock, throttle) = throttle();
        for _ in 0..10 {
            assert_eq!(fail(&throttle, "ada", address(1)), Ok(None));
        }
        clock.set_back(MINUTE * 60 * 24);
        assert_eq!(fail(&throttle, "ada", address(1)), Err(MINUTE * 15));
        clock.advance(MINUTE * 15);
        assert_eq!(fail(&throttle, "ada", address(1)), Ok(None));
    }

    #[test]
    fn what_no_longer_counts_is_forgotten() {
        let (clock, throttle) = throttle();
        for last in 0..200 {
            assert!(fail(&throttle, &format!("user{last}"), address(last)).is_ok());
        }
        clock.advance(MINUTE * 16);
        assert_eq!(throttle.check(None, address(1)), Ok(()));
        let failures = throttle.failures.lock().unwrap();
        assert_eq!((failures.accounts.len(), failures.addresses.len()), (0, 0));
        assert_eq!(failures.attempts.len(), 0);
    }

    #[test]
    fn what_was_no_attempt_does_not_count() {
        let (_, throttle) = throttle();
        for _ in 0..80 {
            let attempt = throttle.begin(Name::parse("ada"), address(1)).unwrap();
            throttle.forgive(attempt, false);
        }
        assert_eq!(fail(&throttle, "ada", address(1)), Ok(None));
    }
}
