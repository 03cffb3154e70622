//! What stands between a request and its execution: authentication, the modes of a connection, MULTI's queue, pauses, and
//! which shards a unit has to hold.

use crate::clients::client::signal;
use crate::request::route;
use crate::request::route::ShardSet;
use crate::request::table::Command;
use crate::session::Session;
use crate::shards::hold;
use crate::shared::Shared;
use crate::system::clock;
use crate::units::trigger;
use crate::{script, thread};
use curfew_protocol::spec::{ALLOW_BUSY, DENYOOM, NO_AUTH, NO_MULTI, WRITE};
use curfew_protocol::{Args, Error, Resp};
use curfew_shard::unit::shard_of;
use curfew_shard::{Held, Unit};

/// A script has reached for a shard that it does not hold, before it wrote anything: the unit starts over with every
/// shard held. Never goes over the wire.
pub const RETRY: Error = Error::fixed(&"RETRY");

/// Whether an execution is to start over.
pub fn is_retry(error: &Error) -> bool {
    *error == RETRY
}

/// Whether any command has to be looked at before it may run: a pause or a memory limit is in force.
#[inline]
pub fn is_closed(shared: &Shared) -> bool {
    shared.pause.is_set() || shared.memory.is_over()
}

/// Whether `command` may need memory, by itself or by what it runs: room is made before it while there is none.
pub fn needs_memory(command: &Command) -> bool {
    command.is(DENYOOM) || command.spec.name == "exec" || script::is_script(command)
}

/// Whether the connection may execute `command` in its present state.
pub fn check(session: &Session, resp: Resp, shared: &Shared, command: &Command) -> Result<(), Error> {
    let name = command.spec.name;
    if !session.authenticated && !command.is(NO_AUTH) && !shared.config.load().requirepass.0.is_empty() {
        return Err(Error::NO_AUTH);
    }
    if shared.scripts.is_all_busy(shared.shards.len()) && !command.is(ALLOW_BUSY) {
        return Err(shared.scripts.busy_error(ShardSet::all(shared.shards.len())));
    }
    if session.transaction.is_some() && command.is(NO_MULTI) {
        return Err(Error::made("ERR Command not allowed inside a transaction"));
    }
    if command.is(DENYOOM) && shared.memory.refuses() {
        return Err(Error::OUT_OF_MEMORY);
    }
    if resp == Resp::Two && session.subscriptions.any() && !is_for_subscribers(name) {
        return Err(Error::made(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
        )));
    }
    Ok(())
}

fn is_for_subscribers(name: &str) -> bool {
    matches!(
        name,
        "ping"
            | "subscribe"
            | "ssubscribe"
            | "psubscribe"
            | "unsubscribe"
            | "sunsubscribe"
            | "punsubscribe"
            | "quit"
            | "reset"
    )
}

/// What EXEC answers when it is refused itself.
pub fn aborted(error: &Error) -> Error {
    let reason = error.as_bytes();
    let reason = reason.strip_prefix(b"ERR ").unwrap_or(reason);
    Error::made([b"EXECABORT Transaction discarded because of: ", reason].concat())
}

/// A request was refused before execution: it fails the transaction that it should have become part of.
pub fn refused(session: &mut Session, command: Option<&Command>) {
    if let Some(transaction) = &mut session.transaction
        && command.is_none_or(|command| command.spec.name != "exec")
    {
        transaction.failed = true;
    }
    if let Some(command) = command {
        thread::with(|thread| thread.stats.commands[command.id].rejected.add(1));
    }
}

/// Whether MULTI queues `command` instead of executing it.
pub fn is_queued(command: &Command) -> bool {
    !matches!(command.spec.name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

/// Waits for the end of a pause that holds `command` back. False if the connection is to be closed instead.
pub async fn pass(shared: &Shared, session: &Session, command: &Command) -> bool {
    loop {
        if !shared.pause.is_set() {
            return true;
        }
        let now = clock::moment().ms;
        // What pausing must never hold back: the commands that end it.
        if !shared.pause.is_active(now) || command.spec.container_name() == "client" {
            shared.pause.forget(now);
            return true;
        }
        let writes = |command: &Command| command.is(WRITE) || may_write(command.spec.name);
        let may_write = match (&session.transaction, command.spec.name) {
            (Some(transaction), "exec") => transaction.iter().any(|(command, _)| writes(command)),
            (Some(_), _) => false,
            (None, _) => writes(command),
        };
        if session.transaction.is_some() && command.spec.name != "exec" && !shared.pause.holds(false, now) {
            return true;
        }
        if !shared.pause.holds(may_write, now) {
            return true;
        }
        if session.client.signals() & (signal::KILL | signal::DRAIN) != 0 {
            return false;
        }
        shared.pause.wait(now).await;
    }
}

/// Commands that are no writes by their flags, but may lead to some.
fn may_write(name: &str) -> bool {
    matches!(name, "eval" | "evalsha" | "fcall" | "publish" | "spublish" | "pfcount")
}

/// The shards that a unit on the connection's own thread holds.
pub fn reach(shared: &Shared, command: &Command, args: Args<'_>, session: &Session) -> ShardSet {
    let shards = shared.shards.len();
    if trigger::needs_all(shared, command) {
        return ShardSet::all(shards);
    }
    let one = |command: &Command, args: Args<'_>| match script::is_script(command) {
        true => script::reach(shared, command, args),
        false => route::reach(command, args, shards),
    };
    let mut set = one(command, args);
    if matches!(command.spec.name, "exec" | "discard" | "unwatch" | "reset") {
        watched(session, shards, &mut set);
    }
    if command.spec.name == "exec"
        && let Some(transaction) = &session.transaction
    {
        for (command, args) in transaction.iter() {
            // A script cannot start over in the middle of a transaction, so inside one it holds all that it may need.
            match script::is_script(command) {
                true => set = ShardSet::all(shards),
                false => set.join(one(command, args)),
            }
        }
    }
    set
}

fn watched(session: &Session, shards: usize, set: &mut ShardSet) {
    session.watching.keys().iter().for_each(|watched| set.add(shard_of(&watched.key, shards)));
}

/// Ends the watches of a session within a unit that holds their shards.
pub fn unwatch_held(unit: &mut Unit<'_>, session: &mut Session) {
    if session.watching.keys().is_empty() {
        return;
    }
    let watching = session.watching.take();
    for watched in watching.keys() {
        watching.forget(unit.shard(&watched.key), watched);
    }
    session.client.watching.store(0, std::sync::atomic::Ordering::Relaxed);
}

/// Ends the watches of a connection that goes.
pub async fn unwatch(shared: &Shared, session: &mut Session) {
    let mut set = ShardSet::default();
    watched(session, shared.shards.len(), &mut set);
    if set.len() == 0 {
        return;
    }
    // A busy script only delays it.
    let mut hold = loop {
        match hold::acquire(shared, set).await {
            Ok(hold) => break hold,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    };
    let watching = session.watching.take();
    let mut held = hold.held();
    for watched in watching.keys() {
        let shard = match &mut held {
            Held::One(shard) => shard,
            Held::Many(shards) => match shards[shard_of(&watched.key, shared.shards.len())].as_deref_mut() {
                Some(shard) => shard,
                None => continue,
            },
        };
        watching.forget(shard, watched);
    }
}
