//! The store in memory keeps the contract, and the suite finds stores that do not.
#![cfg(feature = "kv-conformance")]

mod conforms;
