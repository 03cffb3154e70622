//! Which shards a unit has to hold, beyond what the arguments of a single command tell.

use crate::lua::vm;
use crate::request::route;
use crate::request::table::Command;
use crate::session::Session;
use crate::shards::set::ShardSet;
use crate::shared::Shared;
use crate::thread;
use crate::units::trigger;
use curfew_protocol::Args;
use curfew_protocol::spec::{BY_SHA, EXEC, FUNCTION, RUNS_LUA, SCRIPT, UNWATCHES};
use curfew_shard::Reach;

/// Whether executing the command runs Lua code, now or from the transaction's queue: such a unit may take long and needs
/// a stack that can be left.
pub fn may_run_lua(command: &Command, session: &Session) -> bool {
    command.is(RUNS_LUA)
        || command.is(EXEC)
            && session.transaction.as_ref().is_some_and(|all| all.iter().any(|(command, _)| command.is(RUNS_LUA)))
}

/// The shards that a unit on the connection's own thread holds.
pub fn reach(shared: &Shared, command: &Command, args: Args<'_>, session: &Session) -> ShardSet {
    let shards = shared.shards.len();
    if trigger::needs_all(shared, command) {
        return ShardSet::all(shards);
    }
    // It goes from shard to shard (`held.rs`).
    if command.reach == Reach::Cursor {
        return route::first_shard(args, shards);
    }
    let one = |command: &Command, args: Args<'_>| match command.is(SCRIPT) {
        true => of_script(shared, command, args),
        false => route::reach(command, args, shards),
    };
    let mut set = one(command, args);
    if command.is(UNWATCHES) {
        set.join(session.watched_shards(shards));
    }
    if command.is(EXEC)
        && let Some(transaction) = &session.transaction
    {
        for (command, args) in transaction.iter() {
            // A script cannot start over in the middle of a transaction, so inside one it holds all that it may need.
            match command.is(SCRIPT) {
                true => set = ShardSet::all(shards),
                false => set.join(one(command, args)),
            }
        }
    }
    set
}

/// The shards that EXEC will hold for a command that is to be queued.
pub fn reach_in_multi(shared: &Shared, command: &Command, args: Args<'_>, session: &Session) -> ShardSet {
    match command.is(SCRIPT) {
        true => ShardSet::all(shared.shards.len()),
        false => reach(shared, command, args, session),
    }
}

/// The shards that a script holds when it starts: the first runs of each hold all of them, later ones those of the declared
/// keys, unless it has ever reached further.
fn of_script(shared: &Shared, command: &Command, args: Args<'_>) -> ShardSet {
    let shards = shared.shards.len();
    if shards == 1 {
        return ShardSet::all(1);
    }
    let is_narrow = match command.is(FUNCTION) {
        true => thread::with(|thread| {
            // Without a function there is only an error to be told, which needs no shard.
            thread.functions().function(args.at(1)).is_none_or(|function| function.learned.is_narrow())
        }),
        false => vm::is_narrow(shared, args.at(1), command.is(BY_SHA)),
    };
    if is_narrow { route::reach(command, args, shards) } else { ShardSet::all(shards) }
}
