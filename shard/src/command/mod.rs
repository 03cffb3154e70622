//! Data commands, one file or folder per family: rows first, then handlers, then tests. `registry.rs` joins the rows.

pub mod bitmap;
pub mod curfew;
pub mod database;
pub mod describe;
pub mod dump;
mod expire_options;
pub mod expiry;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod list;
pub mod object;
pub mod registry;
pub mod row;
pub mod scan;
pub mod set;
pub mod sort;
pub mod sorted_set;
pub mod stream;
pub mod string;
