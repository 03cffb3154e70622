//! Lua scripts and functions: EVAL, FCALL and their kin.
//!
//! ```text
//!   source.rs     a script's text, shebang and flags; the cache of all scripts, shared by the threads
//!   function/     libraries of functions: FUNCTION and FCALL
//!   code.rs       what scripts and functions have in common: flags, and what was learned about their reach
//!   vm.rs         what a thread has compiled: scripts and functions
//!   interpreter.rs  one interpreter: calling into it, looking at the time
//!   sandbox.rs    what the interpreter offers: the globals of Redis, read-only
//!   api.rs        the table `redis`: call, pcall and the rest
//!   convert.rs    replies to Lua values and back
//!   run.rs        a script under way: what its calls may do, the shards it holds, its time
//!   coroutine.rs  the stack it runs on, so that a long script lets its thread's other tasks have their turns
//! ```
//!
//! A script holds its shards while it runs (see `Reach` in the design): the first runs of each script hold all of them,
//! later ones those of the declared keys, unless the script has ever reached further.

pub mod code;
pub mod functions;
pub mod metadata;
pub mod payload;
pub mod source;
pub mod trigger;

use crate::request::route;
use crate::request::route::ShardSet;
use crate::request::table::Command;
use crate::session::Session;
use crate::shared::Shared;
use crate::thread;
use curfew_protocol::Args;

/// Whether a command is one that runs a script or a function.
pub fn is_script(command: &Command) -> bool {
    matches!(command.spec.name, "eval" | "evalsha" | "eval_ro" | "evalsha_ro") || is_function(command)
}

fn is_function(command: &Command) -> bool {
    matches!(command.spec.name, "fcall" | "fcall_ro")
}

/// Whether a command runs Lua code of any kind: loading a library does, too.
fn runs_lua(command: &Command) -> bool {
    is_script(command) || matches!(command.spec.name, "function|load" | "function|restore")
}

/// Whether executing the command runs Lua code, now or from the transaction's queue: such a unit may take long and needs
/// a stack that can be left.
pub fn may_run(command: &Command, session: &Session) -> bool {
    runs_lua(command)
        || command.spec.name == "exec"
            && session.transaction.as_ref().is_some_and(|all| all.iter().any(|(command, _)| runs_lua(command)))
}

/// The shards that a script holds when it starts.
pub fn reach(shared: &Shared, command: &Command, args: Args<'_>) -> ShardSet {
    let shards = shared.shards.len();
    if shards == 1 {
        return ShardSet::all(1);
    }
    let is_narrow = match is_function(command) {
        true => thread::with(|thread| {
            // Without a function there is only an error to be told, which needs no shard.
            thread.functions().function(args.at(1)).is_none_or(|function| function.learned.is_narrow())
        }),
        false => is_narrow_script(shared, command, args),
    };
    if is_narrow { route::reach(command, args, shards) } else { ShardSet::all(shards) }
}

fn is_narrow_script(shared: &Shared, command: &Command, args: Args<'_>) -> bool {
    let by_sha = command.spec.name.starts_with("evalsha");
    let known =
        thread::with(|thread| Some(thread.vm.borrow().as_ref()?.known(args.at(1), by_sha)?.learned.is_narrow()));
    known.unwrap_or_else(|| {
        // Not seen by this thread, or its interpreter is in use: others may know the script.
        let sha = if by_sha { source::parse_sha(args.at(1)) } else { Some(source::sha1_hex(args.at(1))) };
        sha.and_then(|sha| shared.scripts.get(&sha)).is_some_and(|script| script.learned.is_narrow())
    })
}
