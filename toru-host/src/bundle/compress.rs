//! Compression, once for each bundle and where nobody waits for it.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Bundle;
use crate::threads::offload;

/// Smaller bundles fit into the first packets of a connection as they are.
const WORTH_IT: usize = 1024;
/// Some 60 ms for a MiB of script. The qualities above cost several times that for a few percent.
const BROTLI_QUALITY: i32 = 6;
/// Which compressors of files use, too: some 50 ms for a MiB of script.
const GZIP_LEVEL: u32 = 6;
/// Distance over which brotli finds repetitions: 4 MiB, as logarithm.
const BROTLI_WINDOW: i32 = 22;

/// Compresses bundles, one after the other, on a thread that exists while there are any.
///
/// So the start of a hundred plugins takes one core from the requests, and no plugin waits for its bundle to be compressed:
/// until then it is sent as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compressor(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    /// Nothing is done for plugins that were stopped meanwhile.
    waiting: VecDeque<Weak<Bundle>>,
    has_thread: bool,
}

impl Compressor {
    /// Compresses a bundle some time from now, if it may become smaller.
    pub(crate) fn push(&self, bundle: &Arc<Bundle>) {
        if bundle.plain.bytes.len() <= WORTH_IT {
            return;
        }
        let mut queue = self.queue();
        queue.waiting.push_back(Arc::downgrade(bundle));
        if std::mem::replace(&mut queue.has_thread, true) {
            return;
        }
        drop(queue);
        let compressor = self.clone();
        // Nobody waits for it. Where there is no thread for it, that was logged.
        drop(offload("toru-compress", move || compressor.work()));
    }

    fn work(&self) {
        /// Lets the next bundle have a thread, should this one end before its time.
        struct Working<'a>(&'a Compressor);

        impl Drop for Working<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    self.0.queue().has_thread = false;
                }
            }
        }

        let working = Working(self);
        while let Some(bundle) = working.0.next() {
            if let Some(bundle) = bundle.upgrade() {
                bundle.compress();
            }
        }
    }

    fn next(&self) -> Option<Weak<Bundle>> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.has_thread = next.is_some();
        next
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a compressed form is kept. One that saves less costs clients more than it spares them.
pub(super) const fn pays(compressed: usize, plain: usize) -> bool {
    compressed <= plain / 10 * 9
}

pub(super) fn brotli(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut bytes, &mut compressed, &params).ok()?;
    Some(compressed)
}

pub(super) fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use super::super::{Bundle, Coding};

    /// Text that compresses like script.
    fn script(len: usize) -> Vec<u8> {
        let lines = (0..).flat_map(|n: u64| {
            let name = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            format!("function f{name}(a, b) {{ return a.{name} + b[{n}]; }}\n").into_bytes()
        });
        lines.take(len).collect()
    }

    fn compressed(bytes: &[u8]) -> Bundle {
        let bundle = Bundle::new(bytes).unwrap();
        assert!(bundle.form(Coding::Brotli).is_none() && bundle.form(Coding::Gzip).is_none());
        bundle.compress();
        bundle
    }

    #[test]
    fn all_forms_are_the_same_script_and_have_tags_of_their_own() {
        let script = script(300_000);
        let bundle = compressed(&script);
        let form = |coding| bundle.form(coding).unwrap();
        let (brotli, gzip) = (form(Coding::Brotli), form(Coding::Gzip));
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut &brotli.bytes[..], &mut plain).unwrap();
        assert_eq!(plain, script);
        plain.clear();
        flate2::read::GzDecoder::new(&gzip.bytes[..])
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, script);
        assert_eq!(form(Coding::Identity).bytes, script);
        let tags = Coding::ALL.map(|coding| form(coding).etag.to_str().unwrap().to_owned());
        let sha256 = bundle.sha256();
        assert_eq!(
            tags,
            [
                format!("\"{sha256}-br\""),
                format!("\"{sha256}-gzip\""),
                format!("\"{sha256}\"")
            ]
        );
    }

    #[test]
    fn what_does_not_become_smaller_is_kept_as_it_is() {
        // Bytes without any order, as those of a picture.
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..10_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            })
            .collect();
        let bundle = compressed(&noise);
        assert!(bundle.form(Coding::Brotli).is_none() && bundle.form(Coding::Gzip).is_none());
        assert_eq!(bundle.form(Coding::Identity).unwrap().bytes, noise);
    }

    #[test]
    fn a_queue_is_worked_through_also_when_it_was_empty_in_between() {
        let compressor = super::Compressor::default();
        for round in 0..3 {
            let bundles: Vec<_> = (0..4)
                .map(|n| Arc::new(Bundle::new(&script(2000 + 10 * round + n)).unwrap()))
                .collect();
            for bundle in &bundles {
                compressor.push(bundle);
            }
            while !bundles.iter().all(|bundle| bundle.form(Coding::Gzip).is_some()) {
                std::thread::yield_now();
            }
        }
    }

    /// How long it takes and what it saves, for whoever changes the quality. Run it in release.
    #[test]
    #[ignore = "measures"]
    fn what_it_costs() {
        let script = script(1 << 20);
        for (name, compress) in [("brotli", super::brotli as fn(&_) -> _), ("gzip", super::gzip)] {
            let since = std::time::Instant::now();
            let len = compress(&script).map(|bytes| bytes.len());
            println!(
                "{name}: {:?} for {} bytes, now {len:?}",
                since.elapsed(),
                script.len()
            );
        }
    }
}
