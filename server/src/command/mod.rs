//! Commands that the server answers itself, one file per family: rows first, then handlers, then tests.

pub mod acl;
pub mod client;
pub mod cluster;
#[allow(clippy::module_inception)] // the family is called COMMAND
pub mod command;
pub mod config;
pub mod connection;
pub mod debug;
pub mod expiry;
pub mod function;
mod help;
pub mod info;
pub mod monitoring;
pub mod pubsub;
pub mod replication;
pub mod scripting;
pub mod server;
pub mod transaction;

use crate::exec::handler;
use crate::exec::handler::ServerRow;

/// Makes the table of all commands. Before anything else begins; later calls change nothing.
pub fn install() {
    handler::install(rows());
}

/// All rows of the server's own commands.
fn rows() -> impl Iterator<Item = &'static ServerRow> + Clone {
    FAMILIES.iter().copied().flatten()
}

const FAMILIES: &[&[ServerRow]] = &[
    acl::ROWS,
    client::ROWS,
    cluster::ROWS,
    command::ROWS,
    config::ROWS,
    connection::ROWS,
    debug::ROWS,
    expiry::ROWS,
    function::ROWS,
    info::ROWS,
    monitoring::ROWS,
    pubsub::ROWS,
    replication::ROWS,
    scripting::ROWS,
    server::ROWS,
    transaction::ROWS,
];
