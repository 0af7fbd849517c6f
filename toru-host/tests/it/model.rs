//! Random sequences of what can happen to a host, against a model of what should follow.
//!
//! The model knows what is on disk, what the host has seen of it, and what runs. It has no library, no journal and no
//! routing table: where it and the host disagree, one of the two is wrong.

mod reference;
mod world;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use self::reference::Library;
use self::world::World;
use crate::support::{Random, cases};

/// Plugins: two whose libraries are files, and one that is linked in.
const PLUGINS: [&str; 3] = ["alpha", "beta", "actor"];
/// The one that is linked in.
const ACTOR: usize = 2;
/// Most operations of a sequence.
const LONGEST: usize = 24;

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// The process dies.
    Crash,
    /// The process dies in the code of the plugin that is linked in, while that is being enabled.
    CrashInInit,
    Disable(usize),
    /// Somebody edits the state file: enabled, disabled, or not named.
    Edit(usize, Option<bool>),
    /// Somebody edits the state file and leaves it damaged.
    EditBadly,
    Enable(usize),
    /// Somebody writes over a plugin's file.
    Overwrite(usize),
    Remove(usize),
    Replace(usize, Library),
    Restart,
    Scan,
}

fn op() -> impl Strategy<Value = Op> {
    let file = 0..ACTOR;
    let library = prop_oneof![
        3 => Just(Library::First),
        3 => Just(Library::Second),
        1 => Just(Library::Failing),
    ];
    prop_oneof![
        6 => (0..PLUGINS.len()).prop_map(Op::Enable),
        4 => (0..PLUGINS.len()).prop_map(Op::Disable),
        4 => Just(Op::Scan),
        2 => Just(Op::Restart),
        2 => Just(Op::Crash),
        1 => Just(Op::CrashInInit),
        2 => (0..PLUGINS.len(), any::<Option<bool>>()).prop_map(|(plugin, edit)| Op::Edit(plugin, edit)),
        1 => Just(Op::EditBadly),
        3 => (file.clone(), library).prop_map(|(plugin, library)| Op::Replace(plugin, library)),
        1 => file.clone().prop_map(Op::Remove),
        1 => file.prop_map(Op::Overwrite),
    ]
}

/// Sequences are played side by side: most of the time each of them waits for the disk.
const SIDE_BY_SIDE: usize = 4;

#[test]
fn a_host_does_what_the_model_says_whatever_happens_to_it() {
    let mut seeds = Random::new();
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            let seed = seeds.next();
            scope.spawn(move || play(seed, cases(2_000, 100_000) / SIDE_BY_SIDE));
        }
    });
}

fn play(seed: u64, sequences: usize) {
    let Some(world) = World::new() else { return };
    let config = Config {
        cases: u32::try_from(sequences).unwrap(),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let sequences = proptest::collection::vec(op(), 1..=LONGEST);
    let result = runner.run(&sequences, |ops| {
        world.play(&ops);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, ops)) => panic!("{reason}\nthe shortest sequence found: {ops:#?}"),
        Err(aborted) => panic!("{aborted}"),
    }
}
