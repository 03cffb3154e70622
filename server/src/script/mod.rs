//! Lua scripts.

pub mod lib;

use crate::commands::Command;
use crate::node::Node;
use crate::route::{self, ShardSet};
use curfew_protocol::Args;

/// Scripts known by their hashes, shared by all threads.
#[derive(Default)]
pub struct Scripts;

/// A thread's interpreter, made at its first script.
pub type VmSlot = std::cell::RefCell<Option<()>>;

/// The shards that a script holds when it starts.
pub fn reach(node: &Node, command: &Command, args: Args<'_>) -> ShardSet {
    route::reach(command, args, node.shards.len())
}

/// Whether `command` runs a script.
pub fn is_script(command: &Command) -> bool {
    matches!(command.spec.name, "eval" | "evalsha" | "eval_ro" | "evalsha_ro")
}
