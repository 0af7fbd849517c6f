//! The server is killed at a random moment while clients turn plugins on and off.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::keeper::{Save, keep_until};
use crate::plugins;
use crate::random::{Random, cases};
use crate::server::{Server, Starting};
use crate::wishes::{Quarantine, Wish, Wishes, check_file, check_host, state_file};

/// Most changes that are acknowledged before a kill.
const CHANGES_MAX: usize = 40;
/// Most changes of a client that stops by itself.
const SETTLED_MAX: usize = 6;
/// Longest time between the last change that is waited for and the kill; about what a change takes.
pub(crate) const LATER_MAX: Duration = Duration::from_millis(8);

/// What happened in all rounds.
#[derive(Debug, Default)]
struct Tally {
    kills_while_changing: usize,
    kills_while_starting: usize,
    acknowledged: usize,
    settled: usize,
    in_flight: usize,
    in_flight_and_recorded: usize,
    quarantined: usize,
}

#[test]
fn a_kill_leaves_the_state_as_it_was_acknowledged() {
    let Some(home) = plugins::home() else { return };
    plugins::add_examples(home.path());
    let file = state_file(home.path());
    let mut random = Random::new();
    let mut tally = Tally::default();
    let mut wishes = first_wishes(&Server::start(home.path()));
    let mut start_takes = Duration::ZERO;
    for _ in 0..cases(50, 1000) {
        if random.below(5) > 0 {
            let start = Instant::now();
            let server = Server::start(home.path());
            start_takes = start.elapsed();
            check_host(&server.client().plugins(), &mut wishes);
            tally.quarantined += quarantined(&wishes);
            tally.kills_while_changing += 1;
            tally.acknowledged += change_until(&server, &mut wishes, &mut random, |_| {
                server.signal(Signal::KILL);
            });
        } else {
            tally.kills_while_starting += 1;
            wishes.values_mut().for_each(Wish::starts);
            let starting = Starting::spawn(home.path());
            pause(start_takes, &mut random);
            drop(starting);
        }
        let before = wishes.clone();
        check_file(&file, &mut wishes).unwrap();
        for (id, wish) in before {
            tally.settled += usize::from(wish.in_flight.is_none());
            tally.in_flight += usize::from(wish.in_flight.is_some());
            let recorded = wish.in_flight == Some(wishes[&id].enabled);
            tally.in_flight_and_recorded += usize::from(recorded);
        }
    }
    check_host(&Server::start(home.path()).client().plugins(), &mut wishes);
    println!("{tally:?}");
    let hit_both = tally.settled > 0 && tally.in_flight_and_recorded > 0;
    assert!(hit_both, "the kills came too early or too late: {tally:?}");
}

#[test]
fn a_kill_is_noticed_where_the_file_is_written_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let mut random = Random::new();
    for kill in 1..=100 {
        let mut wishes = keep_until(&file, Save::Plain, &mut random, || {});
        if let Err(error) = check_file(&file, &mut wishes) {
            return println!("kill {kill} left behind: {error}");
        }
    }
    panic!("no kill left a wrong file behind: these tests show nothing");
}

#[test]
fn a_kill_does_not_matter_where_the_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let mut random = Random::new();
    for save in [Save::Renamed, Save::Flushed] {
        for _ in 0..cases(10, 100) {
            let mut wishes = keep_until(&file, save, &mut random, || {});
            check_file(&file, &mut wishes).unwrap();
        }
    }
}

/// The wishes for all plugins of a new host, each of which is turned on.
pub(crate) fn first_wishes(server: &Server) -> Wishes {
    let mut client = server.client();
    let plugins = client.plugins();
    assert!(plugins.len() >= plugins::HEALTHY.len(), "{plugins:#?}");
    let mut wishes = Wishes::new();
    for plugin in plugins {
        let id = plugin["id"].as_str().unwrap();
        assert_eq!(plugin["status"]["state"], "disabled", "{plugin:#}");
        let answer = client.change(id, true).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.json());
        wishes.insert(id.to_owned(), Wish::acknowledged(true));
    }
    wishes
}

/// How many plugins are in quarantine.
fn quarantined(wishes: &Wishes) -> usize {
    let in_quarantine = |wish: &&Wish| wish.quarantine == Quarantine::Yes;
    wishes.values().filter(in_quarantine).count()
}

/// Has one client for each plugin turn it on and off, calls `end` at a random moment, and tells how many changes were
/// acknowledged. Half of the clients have stopped by themselves by then: of their plugins one wish alone is right.
///
/// When `end` sets what it is given, no answer counts any more.
pub(crate) fn change_until(
    server: &Server,
    wishes: &mut Wishes,
    random: &mut Random,
    end: impl FnOnce(&AtomicBool),
) -> usize {
    let (acknowledge, acknowledged) = mpsc::channel();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for (id, wish) in wishes {
            let mut client = server.client();
            let changes = [random.below(SETTLED_MAX), usize::MAX][random.below(2)];
            let mut random = Random::from_seed(random.next());
            let (is_over, acknowledge) = (&is_over, acknowledge.clone());
            scope.spawn(move || {
                for _ in 0..changes {
                    // Now and then what is so already.
                    let enabled = wish.enabled != (random.below(5) > 0);
                    wish.in_flight = Some(enabled);
                    let answer = client.change(id, enabled);
                    let (Ok(answer), false) = (answer, is_over.load(Ordering::SeqCst)) else {
                        return;
                    };
                    assert_eq!(answer.status, 200, "{id}: {}", answer.json());
                    *wish = Wish::acknowledged(enabled);
                    acknowledge.send(()).unwrap();
                }
            });
        }
        drop(acknowledge);
        let before = acknowledged.iter().take(random.below(CHANGES_MAX)).count();
        pause(LATER_MAX, random);
        end(&is_over);
        before + acknowledged.iter().count()
    })
}

/// Lets a random time pass. It is not there to wait for anything: at whatever moment it ends, the checks must hold.
pub(crate) fn pause(most: Duration, random: &mut Random) {
    let micros = usize::try_from(most.as_micros()).unwrap();
    let micros = u64::try_from(random.below(micros)).unwrap();
    thread::sleep(Duration::from_micros(micros));
}
