//! Decides where a command runs. The only place that does.

use crate::request::table::{Command, CommandKind};
use crate::shards::set::ShardSet;
use curfew_protocol::Args;
use curfew_protocol::spec::{BLOCKING, KeyShape};
use curfew_shard::Reach;
use curfew_shard::command::scan::cursor_shard;
use curfew_shard::slots::shard_of;

/// Where a command runs.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// On this shard, by whoever enters it.
    Shard(u16),
    /// On the connection's own thread, without any shard.
    Inline,
    /// On the connection's own thread, while it holds shards.
    Hold,
}

/// Where `command` runs, among `shards` shards.
#[inline]
pub fn target(command: &Command, args: Args<'_>, shards: usize) -> Target {
    match command.kind {
        // It may have to wait, or go on elsewhere, and so does not run among others.
        CommandKind::Data(_) if command.is(BLOCKING) || command.reach == Reach::Cursor => Target::Hold,
        CommandKind::Data(_) if shards == 1 => Target::Shard(0),
        CommandKind::Data(_) => match (command.reach, command.spec.shape) {
            (Reach::Keys, KeyShape::One(at)) => Target::Shard(shard_of(args.at(at.into()), shards) as u16),
            (Reach::All, _) => Target::Hold,
            _ => {
                let set = reach(command, args, shards);
                // Without any key (a bad count, TIME), the handler needs no shard's data: any shard will do.
                if set.len() == 0 { Target::Shard(0) } else { set.only().map_or(Target::Hold, Target::Shard) }
            }
        },
        CommandKind::Inline | CommandKind::Container => Target::Inline,
        CommandKind::Held => Target::Hold,
    }
}

/// The shards that `command` needs if it is done in one go, as far as its arguments tell. Those of EXEC and of scripts depend on
/// more.
pub fn reach(command: &Command, args: Args<'_>, shards: usize) -> ShardSet {
    let mut set = ShardSet::default();
    match command.reach {
        Reach::None => {}
        Reach::All | Reach::Cursor => set = ShardSet::all(shards),
        // Arguments that do not say where the keys are get the handler's error, which needs no shard.
        Reach::Keys => {
            let positions = command.spec.key_positions(&args);
            positions.into_iter().flatten().for_each(|at| set.add(shard_of(args.at(at), shards)));
        }
    }
    set
}

/// The shard that a command with a cursor begins with.
pub fn first_shard(args: Args<'_>, shards: usize) -> ShardSet {
    ShardSet::one(args.get(1).map_or(0, |cursor| cursor_shard(cursor, shards)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::table::table;
    use curfew_protocol::args::OwnedArgs;

    fn target_of(line: &str, shards: usize) -> Target {
        crate::command::install();
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let args = OwnedArgs::from_slices(&words);
        target(table().resolve(args.view()).expect("a command"), args.view(), shards)
    }

    #[test]
    fn keys_decide() {
        // foo is in slot 12182, {user}:1 and {user}:2 are in slot 5474.
        assert_eq!(target_of("get foo", 1), Target::Shard(0));
        assert_eq!(target_of("get foo", 4), Target::Shard(2));
        assert_eq!(target_of("mget {user}:1 {user}:2", 4), Target::Shard(1));
        assert_eq!(target_of("mget foo {user}:1", 4), Target::Hold);
        assert_eq!(target_of("blpop foo 0", 4), Target::Hold);
        assert_eq!(target_of("dbsize", 4), Target::Hold);
        assert_eq!(target_of("scan 0", 4), Target::Hold);
        assert_eq!(target_of("ping", 4), Target::Inline);
    }
}
