//! What a row of a family says of its command.
//!
//! A handler is called what its command is called, in small letters: `mset`, `brpoplpush`. Two commands that do the same share
//! one; a subcommand's is called by its own name in a file of its container's alone (`group::createconsumer`), by both
//! names elsewhere (`memory_usage`); and where the name is a word of Rust, a `_` follows it.

use crate::unit::{Serve, Unit};
use curfew_protocol::spec::Spec;
use curfew_protocol::{Args, Error, Reply};

/// Runs a command whose arity has been checked: does it and writes its reply, or returns the error to be written.
/// After an error nothing has changed.
pub type Handler = fn(&mut Unit<'_>, Args<'_>, &mut Reply) -> Result<(), Error>;

/// Which shards a command needs.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Those of its keys, wherever they are among its arguments.
    Keys,
    /// All of them, at one point in time: DBSIZE, FLUSHALL, KEYS.
    All,
    /// One after the other, from the one that its cursor names: SCAN.
    Cursor,
    /// None at all: TIME, LOLWUT. They run in scripts like any other.
    None,
}

/// A command: its facts and its handler. `H` is [`Handler`] for data commands; the server has rows with its own.
pub struct Row<H = Handler> {
    /// Name, arity, flags, keys, documentation.
    pub spec: Spec,
    /// What it needs.
    pub reach: Reach,
    /// What it does.
    pub run: H,
    /// For one that may wait for keys: how it is served when one of them changes.
    pub serve: Option<Serve>,
}

impl<H: Copy> Row<H> {
    /// A command that needs the shards of its keys.
    pub const fn new(spec: Spec, run: H) -> Row<H> {
        Row { spec, reach: Reach::Keys, run, serve: None }
    }

    /// A command that needs the shards of its keys, and waits for them where it finds nothing.
    pub const fn waiting(spec: Spec, run: H, serve: Serve) -> Row<H> {
        Row { spec, reach: Reach::Keys, run, serve: Some(serve) }
    }

    /// The same command with another reach.
    pub const fn reach(self, reach: Reach) -> Row<H> {
        Row { spec: self.spec, reach, run: self.run, serve: self.serve }
    }
}
