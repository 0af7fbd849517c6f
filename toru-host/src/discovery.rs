//! Finding plugins: what a file is, without opening it as a library.
