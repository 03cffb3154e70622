//! Commands that the server answers itself, one file per family: rows first, then handlers, then tests.

#[allow(clippy::module_inception)] // the family is called COMMAND
pub mod command;
pub mod scripting;

use crate::commands::ServerRow;

/// All rows of the server's own commands.
pub fn rows() -> impl Iterator<Item = &'static ServerRow> {
    FAMILIES.iter().copied().flatten()
}

const FAMILIES: &[&[ServerRow]] = &[command::ROWS, scripting::ROWS];
