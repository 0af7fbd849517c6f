//! Whether the process grows when the plugin is enabled and disabled again and again.

use anyhow::Result;
use toru_host::error::ManagerError;

use super::host::Host;
use super::traces::memory;

/// Rounds before anything is measured.
const WARM_UP: u32 = 5;
/// How often a growth is measured again before it is believed: caches fill up, and then stay, and on a busy machine threads come
/// by more heaps of their own. What leaks does so each time.
const TRIES: usize = 8;
/// Growth with each round that is not held against a plugin, in bytes. A host keeps some hundred bytes of each instance.
const ALLOWED: i64 = 4096;
/// Over fewer rounds, single pages would count for more than they are.
const LEAST_ROUNDS: u32 = 20;

/// By how much the process grows with each round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) bytes_per_round: i64,
    pub(super) is_too_much: bool,
}

/// Plays the rounds. `None` where the system does not tell.
pub(super) async fn measure(host: &Host, rounds: u32) -> Result<Option<Growth>> {
    play(host, WARM_UP).await?;
    let mut least: Option<i64> = None;
    for _ in 0..TRIES {
        let Some(before) = memory() else { break };
        play(host, rounds).await?;
        let Some(after) = memory() else { break };
        let grown = after - before;
        let smallest = least.map_or(grown, |least| least.min(grown));
        least = Some(smallest);
        if smallest <= allowed(rounds) {
            break;
        }
    }
    Ok(least.map(|grown| Growth {
        bytes_per_round: grown / i64::from(rounds),
        is_too_much: grown > allowed(rounds),
    }))
}

fn allowed(rounds: u32) -> i64 {
    ALLOWED * i64::from(rounds.max(LEAST_ROUNDS))
}

async fn play(host: &Host, rounds: u32) -> Result<(), ManagerError> {
    for _ in 0..rounds {
        host.enable().await?;
        host.disable().await?;
    }
    Ok(())
}
