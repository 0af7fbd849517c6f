//! The two kinds of hash tables by which symbols are looked up.

use super::dynamic::Dynamic;
use super::image::Image;
use super::names::{gnu_hash, sysv_hash};
use super::symbols::Symbols;
use crate::discovery::DiscoverError;
use crate::discovery::bytes::{u32_at, u64_at};
use crate::discovery::elf::consts::*;
use crate::discovery::error::{malformed, require};

/// How many symbols the hash tables imply, for libraries without a section table.
pub(super) fn symbol_count(image: &Image<'_>, dynamic: &Dynamic<'_>) -> Result<u64, DiscoverError> {
    let broken = || malformed("its symbol hash table is broken");
    if let Some(at) = dynamic.value(DT_HASH) {
        return u32_at(image.from(at).unwrap_or_default(), 4)
            .map(u64::from)
            .ok_or_else(broken);
    }
    let at = dynamic.value(DT_GNU_HASH).ok_or_else(broken)?;
    GnuHash::parse(image, at)
        .and_then(|table| table.symbol_count())
        .ok_or_else(broken)
}

pub(super) fn check(
    image: &Image<'_>,
    dynamic: &Dynamic<'_>,
    symbols: &Symbols<'_>,
) -> Result<(), DiscoverError> {
    if let Some(at) = dynamic.value(DT_GNU_HASH) {
        let is_sound = GnuHash::parse(image, at).is_some_and(|table| table.is_sound(symbols));
        require(is_sound, "its symbol hash table does not match its symbols")?;
    }
    if let Some(at) = dynamic.value(DT_HASH) {
        let is_sound = check_sysv(image, at, symbols).unwrap_or(false);
        require(is_sound, "its old symbol hash table does not match its symbols")?;
    }
    Ok(())
}

struct GnuHash<'a> {
    first: u32,
    bloom_shift: u32,
    bloom: &'a [u8],
    buckets: &'a [u8],
    chains: &'a [u8],
}

impl<'a> GnuHash<'a> {
    fn parse(image: &Image<'a>, at: u64) -> Option<Self> {
        let table = image.from(at)?;
        let bucket_count = usize::try_from(u32_at(table, 0)?).ok()?;
        let bloom_words = usize::try_from(u32_at(table, 8)?).ok()?;
        let bloom_end = bloom_words.checked_mul(8)?.checked_add(16)?;
        let buckets_end = bucket_count.checked_mul(4)?.checked_add(bloom_end)?;
        let hash = Self {
            first: u32_at(table, 4)?,
            bloom_shift: u32_at(table, 12)?,
            bloom: table.get(16..bloom_end)?,
            buckets: table.get(bloom_end..buckets_end)?,
            chains: table.get(buckets_end..)?,
        };
        let is_plausible =
            bucket_count > 0 && bloom_words.is_power_of_two() && hash.first > 0 && hash.bloom_shift < 32;
        is_plausible.then_some(hash)
    }

    fn buckets(&self) -> impl Iterator<Item = u32> + '_ {
        self.buckets
            .chunks_exact(4)
            .filter_map(|bucket| u32_at(bucket, 0))
    }

    /// The word of a symbol: its hash, the lowest bit set where its chain ends.
    fn chain(&self, symbol: u32) -> Option<u32> {
        let index = usize::try_from(symbol.checked_sub(self.first)?).ok()?;
        u32_at(self.chains, index.checked_mul(4)?)
    }

    /// One more than the last symbol of the last chain.
    fn symbol_count(&self) -> Option<u64> {
        let Some(mut symbol) = self.buckets().max().filter(|&last| last > 0) else {
            return Some(self.first.into());
        };
        while self.chain(symbol)? & 1 == 0 {
            symbol = symbol.checked_add(1)?;
        }
        Some(u64::from(symbol) + 1)
    }

    /// Chains lie one after the other in the order of the buckets and hold exactly the symbols from `first` on.
    fn is_sound(&self, symbols: &Symbols<'_>) -> bool {
        let exported_before = symbols
            .iter()
            .take(self.first as usize)
            .any(|symbol| symbol.is_exported());
        if exported_before {
            return false;
        }
        if self.buckets().all(|bucket| bucket == 0) {
            return !symbols.iter().any(|symbol| symbol.is_exported());
        }
        self.chains_are_sound(symbols).unwrap_or(false)
    }

    fn chains_are_sound(&self, symbols: &Symbols<'_>) -> Option<bool> {
        let bucket_count = u32::try_from(self.buckets.len() / 4).ok()?;
        let mut next = self.first;
        for (index, start) in self.buckets().enumerate() {
            if start == 0 {
                continue;
            }
            if start != next {
                return Some(false);
            }
            loop {
                let hash = gnu_hash(symbols.name(symbols.get(next.into())?));
                let word = self.chain(next)?;
                let is_here = (hash % bucket_count) as usize == index && (hash ^ word) >> 1 == 0;
                if !is_here || !self.bloom_admits(hash)? {
                    return Some(false);
                }
                next = next.checked_add(1)?;
                if word & 1 == 1 {
                    break;
                }
            }
        }
        Some(u64::from(next) == symbols.count())
    }

    fn bloom_admits(&self, hash: u32) -> Option<bool> {
        let words = self.bloom.len() / 8;
        let word = u64_at(self.bloom, (hash / 64) as usize % words * 8)?;
        let bits = 1 << (hash % 64) | 1 << ((hash >> self.bloom_shift) % 64);
        Some(word & bits == bits)
    }
}

/// Each exported symbol is in the chain of its hash, and no chain runs in a circle.
fn check_sysv(image: &Image<'_>, at: u64, symbols: &Symbols<'_>) -> Option<bool> {
    let table = image.from(at)?;
    let (bucket_count, chain_count) = (u32_at(table, 0)?, u32_at(table, 4)?);
    if bucket_count == 0 || u64::from(chain_count) != symbols.count() {
        return Some(false);
    }
    let buckets_end = usize::try_from(bucket_count)
        .ok()?
        .checked_mul(4)?
        .checked_add(8)?;
    let chains_len = usize::try_from(chain_count).ok()?.checked_mul(4)?;
    let buckets = table.get(8..buckets_end)?;
    let chains = table.get(buckets_end..)?.get(..chains_len)?;
    let mut is_reached = vec![false; usize::try_from(chain_count).ok()?];
    for (index, bucket) in buckets.chunks_exact(4).enumerate() {
        let mut symbol = u32_at(bucket, 0)?;
        while symbol != 0 {
            let reached = is_reached.get_mut(symbol as usize)?;
            let name = symbols.name(symbols.get(symbol.into())?);
            if *reached || (sysv_hash(name) % bucket_count) as usize != index {
                return Some(false);
            }
            *reached = true;
            symbol = u32_at(chains, symbol as usize * 4)?;
        }
    }
    Some(
        symbols
            .iter()
            .zip(is_reached)
            .all(|(symbol, is_reached)| is_reached || !symbol.is_exported()),
    )
}
