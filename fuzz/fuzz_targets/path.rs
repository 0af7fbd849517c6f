//! Paths of any content, as they are and as a request brings them.
#![no_main]

use http::Uri;
use libfuzzer_sys::fuzz_target;
use toru_host::fuzzing;

const MOUNT: &str = "/api/plugins";

fuzz_target!(|text: &str| {
    fuzzing::path(text, MOUNT);
    // Below a plugin, which is where the fuzzer would spend its time anyway.
    let below = format!("{MOUNT}/hello/{text}");
    fuzzing::path(&below, MOUNT);
    for text in [text, &below] {
        if let Ok(uri) = text.parse::<Uri>() {
            fuzzing::path(uri.path(), MOUNT);
        }
    }
});
