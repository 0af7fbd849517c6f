//! Conversions to and from the types of `http`, `http-body` and `bytes`.

mod body;
mod bytes;
mod error;
mod request;
mod response;
mod trailers;

#[cfg(feature = "tower")]
pub(crate) use error::of_service;
#[cfg(feature = "tower")]
pub(crate) use request::below;
