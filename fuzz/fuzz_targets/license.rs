//! Licences of any content: as a text, and as the payload of one that is signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toru_plugin_api::license::promises;

fuzz_target!(|bytes: &[u8]| promises::check(bytes));
