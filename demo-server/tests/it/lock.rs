//! One host for one folder.

use rustix::process::Signal;

use crate::server::{Server, Starting};

#[test]
fn c11_a_second_server_ends_with_a_reason_and_a_killed_one_leaves_no_lock() {
    let home = tempfile::tempdir().unwrap();
    let first = Server::start(home.path());
    let Err(second) = Starting::spawn(home.path()).ready() else {
        panic!("two servers run on one folder");
    };
    assert!(second.status.code().is_some_and(|code| code != 0), "{second:?}");
    let names_the_folder = second.stderr.contains("plugins/.metadata");
    let says_why = second.stderr.contains("already running") || second.stderr.contains("another host");
    assert!(names_the_folder && says_why, "{second:?}");
    assert_eq!(first.client().plugins().len(), 0, "the first one goes on");
    assert!(!first.stop(Signal::KILL).success());
    let third = Server::start(home.path());
    assert!(third.stop(Signal::TERM).success());
}

#[test]
fn c11_of_two_servers_that_start_at_once_exactly_one_runs() {
    let home = tempfile::tempdir().unwrap();
    // The data folder is made first: what is tested is the lock of the plugins.
    assert!(Server::start(home.path()).stop(Signal::TERM).success());
    for _ in 0..10 {
        let both = [Starting::spawn(home.path()), Starting::spawn(home.path())];
        let (running, refused): (Vec<_>, Vec<_>) =
            both.into_iter().map(Starting::ready).partition(Result::is_ok);
        assert_eq!((running.len(), refused.len()), (1, 1));
    }
}
