//! The handlers of the server's own commands: what they work with, and the list of them by command.

use crate::request::table;
use crate::request::table::{Command, CommandKind};
use crate::session::Session;
use crate::thread::Thread;
use curfew_protocol::spec::Spec;
use curfew_protocol::{Args, Error, Reply};
use curfew_shard::{Moment, Unit};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Runs on the connection's own thread and touches no shard.
pub type InlineHandler = fn(&mut Ctx<'_>, Args<'_>) -> Result<(), Error>;

/// Runs on the connection's own thread while it holds the shards that the command reaches.
pub type HeldHandler = fn(&mut Ctx<'_>, &mut Unit<'_>, Args<'_>) -> Result<(), Error>;

/// What a command of the server does.
#[derive(Copy, Clone)]
pub enum ServerHandler {
    /// See [`InlineHandler`].
    Inline(InlineHandler),
    /// See [`HeldHandler`].
    Held(HeldHandler),
    /// Only a name for its subcommands.
    Container,
}

/// A row of the server's own commands.
pub type ServerRow = curfew_shard::Row<ServerHandler>;

/// What a handler of the server works with: the thread that it runs on, its client, the unit's moment, and the reply.
pub struct Ctx<'a> {
    /// The thread, and through it everything shared.
    pub thread: &'a Thread,
    /// The connection's state.
    pub session: &'a mut Session,
    /// Where the reply goes.
    pub out: &'a mut Reply,
    /// The moment of the unit.
    pub now: Moment,
    /// The command that runs.
    pub command: &'static Command,
}

/// The server's handlers by [`Command::id`]; None for the shard crate's commands.
static HANDLERS: OnceLock<Vec<Option<ServerHandler>>> = OnceLock::new();

/// Takes in the rows of the server's own commands, and makes the table of all commands with them. Once, before anything else
/// begins; later calls change nothing.
pub fn install(rows: impl Iterator<Item = &'static ServerRow> + Clone) {
    HANDLERS.get_or_init(|| {
        let kind = |handler| match handler {
            ServerHandler::Inline(_) => CommandKind::Inline,
            ServerHandler::Held(_) => CommandKind::Held,
            ServerHandler::Container => CommandKind::Container,
        };
        table::install(rows.clone().map(|row| (&row.spec, row.reach, kind(row.run))));
        let own: HashMap<*const Spec, ServerHandler> = rows.map(|row| (&raw const row.spec, row.run)).collect();
        table::table().all.iter().map(|command| own.get(&(&raw const *command.spec)).copied()).collect()
    });
}

/// What a command of the server does; None for the shard crate's.
#[inline]
pub fn of(command: &Command) -> Option<ServerHandler> {
    HANDLERS.get().and_then(|handlers| handlers[command.id])
}
