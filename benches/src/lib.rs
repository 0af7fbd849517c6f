//! What a plugin costs beside the same handler in the application itself.
//!
//! One request takes five ways to one piece of work: a direct call, a native axum handler, a plugin through the tower
//! service alone, the same mounted in axum, and a trait object from a library. `table` prints the ratios of their times,
//! `gates` counts what can be counted exactly and fails where a limit is broken, `dispatch` is the same for criterion.
//! `whole` does so for whole servers without their sockets. `many` measures hosts of many plugins, `http` whole servers over
//! loopback.

pub mod allocations;
pub mod answers;
pub mod callgrind;
pub mod copies;
pub mod crossing;
pub mod hosted;
pub mod libraries;
pub mod load;
pub mod looped;
pub mod naive;
pub mod native;
pub mod process;
pub mod requests;
pub mod rounds;
pub mod server;
pub mod variants;

/// Anything that can go wrong while measuring.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// What measuring returns.
pub type Result<T = ()> = std::result::Result<T, Error>;
