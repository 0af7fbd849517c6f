//! The store in memory keeps the contract, and the suite finds stores that do not.
#![cfg(feature = "kv-conformance")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests and say what they do"
)]

mod conforms;
mod wrong;
