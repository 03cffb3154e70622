//! The table of all commands, found by name: their facts, and what kind of command each is.
//!
//! Everything that speaks about commands (arity errors, routing, COMMAND, statistics) reads this table. It knows no handler of the
//! server's own: those stand in a list beside it (`exec/handler.rs`), by [`Command::id`].

use curfew_protocol::spec::{Flags, Spec};
use curfew_protocol::{Args, Error};
use curfew_shard::{Handler, Reach, registry};
use std::collections::HashMap;
use std::sync::OnceLock;

/// How a command is executed.
#[derive(Copy, Clone)]
pub enum CommandKind {
    /// A data command of the shard crate: on whichever thread enters the shard.
    Data(Handler),
    /// On the connection's own thread; touches no shard.
    Inline,
    /// On the connection's own thread, while it holds the shards that the command reaches.
    Held,
    /// Only a name for its subcommands.
    Container,
}

/// One command of the table.
pub struct Command {
    /// Its facts.
    pub spec: &'static Spec,
    /// Flags with the derived ones.
    pub flags: Flags,
    /// The shards that it needs.
    pub reach: Reach,
    /// How it is executed.
    pub kind: CommandKind,
    /// Its place in [`Table::all`]: statistics are kept in arrays.
    pub id: usize,
    /// Its subcommands by their own names.
    subcommands: HashMap<&'static str, &'static Command>,
}

impl Command {
    /// Whether the command has all of `flags`.
    #[inline]
    pub fn is(&self, flags: Flags) -> bool {
        self.flags & flags == flags
    }
}

/// All commands.
pub struct Table {
    /// In order of their rows; a command's place is its `id`.
    pub all: Vec<&'static Command>,
    by_name: HashMap<&'static [u8], &'static Command, foldhash::fast::FixedState>,
}

static TABLE: OnceLock<Table> = OnceLock::new();

/// Makes the table of the shard crate's commands and of the server's own, which are given. Once, before anybody asks for it;
/// later calls change nothing.
pub fn install(own: impl Iterator<Item = (&'static Spec, Reach, CommandKind)>) {
    TABLE.get_or_init(|| Table::build(own));
}

/// The table.
#[inline]
pub fn table() -> &'static Table {
    TABLE.get().expect("commands are installed before anything else begins")
}

/// No name of a command is longer, subcommands aside.
const NAME_MAX: usize = 24;

impl Table {
    /// The command called `name`, in any case; containers included, subcommands not.
    #[inline(always)] // for every request
    pub fn by_name(&self, name: &[u8]) -> Option<&'static Command> {
        let mut lower = [0u8; NAME_MAX];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.by_name.get(&*lower).copied()
    }

    /// The command that `args` name, the subcommand where there are any. The number of arguments is checked too: this is
    /// all that can be said without knowing the client.
    #[inline]
    pub fn resolve(&self, args: Args<'_>) -> Result<&'static Command, Error> {
        let mut command = self.by_name(args.at(0)).ok_or_else(|| Error::unknown_command(args))?;
        // A container without a subcommand is nothing by itself, but for COMMAND.
        match args.get(1) {
            Some(sub) if command.spec.is_container => {
                let lower = String::from_utf8_lossy(sub).to_ascii_lowercase();
                let sub_command = command.subcommands.get(lower.as_str()).copied();
                command = sub_command.ok_or_else(|| Error::unknown_subcommand(command.spec.name, sub))?;
            }
            None if matches!(command.kind, CommandKind::Container) => {
                return Err(Error::wrong_arity(command.spec.name));
            }
            _ => {}
        }
        match command.spec.accepts(args.len()) {
            true => Ok(command),
            false => Err(Error::wrong_arity(command.spec.name)),
        }
    }

    fn build(own: impl Iterator<Item = (&'static Spec, Reach, CommandKind)>) -> Table {
        let data = registry::rows().map(|row| {
            let kind = if row.spec.is_container { CommandKind::Container } else { CommandKind::Data(row.run) };
            (&row.spec, row.reach, kind)
        });
        let mut commands: Vec<Command> = data
            .chain(own)
            .enumerate()
            .map(|(id, (spec, reach, kind))| Command {
                spec,
                flags: spec.all_flags(),
                reach,
                kind,
                id,
                subcommands: HashMap::new(),
            })
            .collect();
        let (subs, tops): (Vec<Command>, Vec<Command>) =
            commands.drain(..).partition(|command| command.spec.sub_name().is_some());
        // The table lives as long as the process, so its commands may be leaked.
        let subs: Vec<&'static Command> = subs.into_iter().map(|command| &*Box::leak(Box::new(command))).collect();
        let tops: Vec<&'static Command> = tops
            .into_iter()
            .map(|mut command| {
                let own = subs.iter().filter(|sub| sub.spec.container_name() == command.spec.name);
                command.subcommands = own.filter_map(|sub| Some((sub.spec.sub_name()?, *sub))).collect();
                &*Box::leak(Box::new(command))
            })
            .collect();
        let by_name = tops.iter().map(|command| (command.spec.name.as_bytes(), *command)).collect();
        let mut all: Vec<&'static Command> = tops.into_iter().chain(subs).collect();
        all.sort_by_key(|command| command.id);
        Table { all, by_name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curfew_protocol::args::OwnedArgs;

    #[test]
    fn the_table_is_sound() {
        crate::command::install();
        let table = table();
        for (id, command) in table.all.iter().enumerate() {
            assert_eq!(command.id, id);
            assert_eq!(command.spec.name, command.spec.name.to_lowercase(), "names are in lower case");
            let twins = table.all.iter().filter(|other| other.spec.name == command.spec.name).count();
            assert_eq!(twins, 1, "{} has one row", command.spec.name);
            assert!(!command.spec.summary.is_empty(), "{} is documented", command.spec.name);
            if let Some(sub) = command.spec.sub_name() {
                let container = table.by_name(command.spec.container_name().as_bytes()).expect("a container");
                assert!(container.subcommands.contains_key(sub));
            } else {
                assert!(command.spec.name.len() <= NAME_MAX);
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_arity_is_checked() {
        crate::command::install();
        let resolve =
            |words: &[&[u8]]| table().resolve(OwnedArgs::from_slices(words).view()).map(|command| command.spec.name);
        assert_eq!(resolve(&[b"GeT", b"k"]), Ok("get"));
        assert_eq!(resolve(&[b"get"]), Err(Error::wrong_arity("get")));
        assert!(resolve(&[b"nosuchcommand"]).is_err());
        assert!(resolve(&[&[b'x'; 1000]]).is_err());
    }
}
