//! Data commands, one file per family: rows first, then handlers, then tests.

pub mod bitmap;
pub mod database;
pub mod describe;
mod expire_options;
pub mod expiry;
pub mod generic;
pub mod object;
pub mod scan;
pub mod string;
