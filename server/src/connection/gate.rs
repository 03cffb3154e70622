//! What stands between a request and its execution: authentication, the modes of a connection, MULTI's queue and
//! pauses.

use crate::clients::client::{Client, signal};
use crate::request::table::Command;
use crate::session::Session;
use crate::shards::set::ShardSet;
use crate::shared::Shared;
use crate::system::clock;
use crate::thread;
use curfew_protocol::args::is;
use curfew_protocol::spec::{
    ALLOW_BUSY, DENYOOM, EXEC, FROM_SUBSCRIBER, MAY_REPLICATE, NEVER_PAUSED, NO_AUTH, NO_MULTI, NOT_QUEUED, SCRIPT,
    WRITE,
};
use curfew_protocol::{Error, Resp};
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

/// Whether any command has to be looked at before it may run: a pause or a memory limit is in force.
#[inline]
pub fn is_closed(shared: &Shared) -> bool {
    shared.pause.is_set() || shared.memory.is_over()
}

/// Whether `command` may need memory, by itself or by what it runs: room is made before it while there is none.
pub fn needs_memory(command: &Command) -> bool {
    command.is(DENYOOM) || command.is(EXEC) || command.is(SCRIPT)
}

/// Whether the connection may execute `command` in its present state.
pub fn check(session: &Session, resp: Resp, shared: &Shared, command: &Command) -> Result<(), Error> {
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
    if resp == Resp::Two && session.subscriptions.any() && !command.is(FROM_SUBSCRIBER) {
        return Err(Error::made(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            command.spec.name
        )));
    }
    Ok(())
}

/// A request was refused before execution: it fails the transaction that it should have become part of.
pub fn refused(session: &mut Session, command: Option<&Command>) {
    if let Some(transaction) = &mut session.transaction
        && command.is_none_or(|command| !command.is(EXEC))
    {
        transaction.failed = true;
    }
    if let Some(command) = command {
        thread::with(|thread| thread.stats.commands[command.id].rejected.add(1));
    }
}

/// Whether MULTI queues `command` instead of executing it.
pub fn is_queued(command: &Command) -> bool {
    !command.is(NOT_QUEUED)
}

/// Waits for the end of a pause that holds `command` back. False if the connection is to be closed instead.
pub async fn pass(shared: &Shared, session: &Session, command: &Command) -> bool {
    loop {
        if !shared.pause.is_set() {
            return true;
        }
        let now = clock::moment().ms;
        // What pausing must never hold back: the commands that end it.
        if !shared.pause.is_active(now) || command.is(NEVER_PAUSED) {
            shared.pause.forget(now);
            return true;
        }
        let writes = |command: &Command| command.flags & (WRITE | MAY_REPLICATE) != 0;
        let may_write = match &session.transaction {
            Some(transaction) if command.is(EXEC) => transaction.iter().any(|(command, _)| writes(command)),
            Some(_) => false,
            None => writes(command),
        };
        if session.transaction.is_some() && !command.is(EXEC) && !shared.pause.holds(false, now) {
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

/// Whether a request's first word shows that this is HTTP. A web page can make a browser send that to any port of its machine, with
/// commands in the lines that follow: no command has these names, and no client that means well sends them.
pub fn is_http(name: &[u8]) -> bool {
    is(name, "POST") || is(name, "Host:")
}

/// Seconds between two warnings of HTTP: whoever sends it can send it often.
const HTTP_WARNING_S: i64 = 60;

/// Tells the log who has sent HTTP.
pub fn warn_of_http(client: &Client) {
    static LAST_MS: AtomicI64 = AtomicI64::new(i64::MIN);
    let now_ms = clock::moment().ms;
    let last_ms = LAST_MS.load(Relaxed);
    let is_due = last_ms.saturating_add(HTTP_WARNING_S * 1000) <= now_ms;
    if is_due && LAST_MS.compare_exchange(last_ms, now_ms, Relaxed, Relaxed).is_ok() {
        tracing::warn!(
            client = client.id,
            address = client.address(),
            "Possible SECURITY ATTACK detected: POST or Host: was sent as a command, which is HTTP. Maybe a web page tries to send \
             commands through a browser. The connection was closed"
        );
    }
}
