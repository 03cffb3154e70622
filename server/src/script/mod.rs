//! Lua scripts: EVAL and its kin.
//!
//! ```text
//!   source.rs     a script's text, shebang and flags; the cache of all scripts, shared by the threads; their reach
//!   vm.rs         one interpreter per thread: compiled scripts, running one
//!   sandbox.rs    what the interpreter offers: the globals of Redis, read-only
//!   api.rs        the table `redis`: call, pcall and the rest
//!   convert.rs    replies to Lua values and back
//!   run.rs        a script under way: what its calls may do, the shards it holds, its time
//!   coroutine.rs  the stack it runs on, so that a long script lets its thread's other tasks have their turns
//! ```
//!
//! A script holds its shards while it runs (see `Reach` in the design): the first runs of each script hold all of them,
//! later ones those of the declared keys, unless the script has ever reached further.

mod api;
mod convert;
pub mod coroutine;
pub mod lib;
mod run;
mod sandbox;
mod source;
mod vm;

pub use run::Control;
pub use source::Scripts;
pub use vm::{Vm, VmSlot};

use crate::commands::Command;
use crate::node::Node;
use crate::route::{self, ShardSet};
use crate::session::Session;
use crate::thread;
use curfew_protocol::Args;

/// Whether a command is one that runs a script.
pub fn is_script(command: &Command) -> bool {
    matches!(command.spec.name, "eval" | "evalsha" | "eval_ro" | "evalsha_ro")
}

/// Whether executing the command runs a script, now or from the transaction's queue: such a unit may take long and needs
/// a stack that can be left.
pub fn may_run(command: &Command, session: &Session) -> bool {
    is_script(command)
        || command.spec.name == "exec"
            && session.transaction.as_ref().is_some_and(|all| all.iter().any(|(command, _)| is_script(command)))
}

/// The shards that a script holds when it starts.
pub fn reach(node: &Node, command: &Command, args: Args<'_>) -> ShardSet {
    let shards = node.shards.len();
    if shards == 1 {
        return ShardSet::all(1);
    }
    let by_sha = command.spec.name.starts_with("evalsha");
    let known = thread::with(|thread| Some(thread.vm.borrow().as_ref()?.known(args.at(1), by_sha)?.is_narrow()));
    let is_narrow = known.unwrap_or_else(|| {
        // Not seen by this thread, or its interpreter is in use: others may know the script.
        let sha = if by_sha { source::parse_sha(args.at(1)) } else { Some(source::sha1_hex(args.at(1))) };
        sha.and_then(|sha| node.scripts.get(&sha)).is_some_and(|script| script.is_narrow())
    });
    if is_narrow { route::reach(command, args, shards) } else { ShardSet::all(shards) }
}
