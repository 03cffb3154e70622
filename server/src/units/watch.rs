//! The end of WATCHes outside of units, and WATCH of keys that cannot be looked at: what has to work whatever scripts hold.

use crate::session::Session;
use crate::session::transaction::Watching;
use crate::shards::set::ShardSet;
use crate::shared::Shared;
use crate::units::blocked::BUSY_STEP;
use curfew_protocol::{Args, Error};
use curfew_shard::slots::shard_of;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::time::sleep;

/// Ends the watches of a connection. They are over at once; what the shards know of them goes when they can be entered.
pub fn end(shared: &'static Shared, session: &mut Session) {
    if session.watching.keys().is_empty() {
        return;
    }
    let set = session.watched_shards(shared.shards.len());
    session.client.watching.store(0, Relaxed);
    let watching = Arc::new(session.watching.take());
    for index in set.iter() {
        if forget(shared, &watching, index) {
            continue;
        }
        let watching = watching.clone();
        tokio::spawn(async move {
            loop {
                match shared.shards[index].acquire().await {
                    Some(guard) => drop(guard),
                    None => sleep(BUSY_STEP).await,
                }
                if forget(shared, &watching, index) {
                    return;
                }
            }
        });
    }
}

/// Takes the watches out of one shard; false if somebody has it.
fn forget(shared: &Shared, watching: &Watching, index: usize) -> bool {
    let Some(mut guard) = shared.shards[index].try_enter() else { return false };
    for watched in watching.keys() {
        if shard_of(&watched.key, shared.shards.len()) == index {
            watching.forget(&mut guard, watched);
        }
    }
    true
}

/// Ends the transaction under way, if there is one, and all watches.
pub fn end_transaction(shared: &'static Shared, session: &mut Session) {
    session.client.multi.store(-1, Relaxed);
    session.transaction = None;
    end(shared, session);
}

/// WATCH of keys that a script keeps from everybody. What it does to them cannot be told from here, so they count as changed: the
/// transaction will be tried again, as it is when anybody else has changed them.
pub fn begin_unseen(session: &mut Session, args: Args<'_>) -> Result<(), Error> {
    if session.transaction.is_some() {
        return Err(Error::WATCH_IN_MULTI);
    }
    args.iter().skip(1).for_each(|key| session.watching.add_unseen(session.db, key));
    session.client.watching.store(session.watching.keys().len() as u32, Relaxed);
    Ok(())
}

/// Why a command cannot become part of a transaction: a script past its time has one of the shards that it needs.
pub fn refuses_to_queue(shared: &Shared, needed: ShardSet) -> Option<Error> {
    shared.scripts.has_one_of(needed).then(|| shared.scripts.busy_error(needed))
}

/// What EXEC answers when it is refused itself.
pub fn aborted(error: &Error) -> Error {
    let reason = error.as_bytes();
    let reason = reason.strip_prefix(b"ERR ").unwrap_or(reason);
    Error::made([b"EXECABORT Transaction discarded because of: ", reason].concat())
}
