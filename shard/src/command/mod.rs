//! Data commands, one file per family: rows first, then handlers, then tests.

pub mod bitmap;
pub mod string;
