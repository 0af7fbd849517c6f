//! Libraries of any content, with every switch of the policy on and off.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toru_host::discovery::{Policy, lint};

fuzz_target!(|library: &[u8]| {
    let _ = lint::check(library, &Policy::default());
    let mut policy = Policy::default();
    policy.allow_run_path = true;
    policy.allow_executable_stack = true;
    policy.allow_text_relocations = true;
    policy.allow_static_tls = true;
    policy.allow_audit = true;
    let _ = lint::check(library, &policy);
});
