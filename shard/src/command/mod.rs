//! Data commands, one file per family: rows first, then handlers, then tests.

mod expire_options;
pub mod string;
