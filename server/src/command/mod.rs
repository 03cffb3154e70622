//! Commands that the server answers itself, one file per family: rows first, then handlers, then tests.

#[allow(clippy::module_inception)] // the family is called COMMAND
pub mod command;
