//! Clients that wait for keys: BLPOP and its kin, XREAD with BLOCK.
//!
//! ```text
//!   the client's connection                           whoever changes a key
//!   the handler finds nothing ── enter, under the hold
//!   blocked(): awaits ...                             the unit is over ── settle::end ── serves in order of arrival
//!        <──────────────────────── SERVED, with the reply ───────────────────────────┘
//!        │ a timeout, CLIENT UNBLOCK, CLIENT KILL, the end of the connection: whoever claims first
//!   leaves the queues where it still stands
//! ```
//!
//! A client that waits costs the others nothing: it has a place in a queue for each key, a timer if it has a timeout, and no
//! buffers. It goes on reading (to notice that its peer has gone), but executes nothing.
//!
//! Who is served by a unit that does not hold all the shards that the command needs (BLMOVE to another shard) is **called**.
//! The thread that ran the unit tries to enter those shards too, where it is (`settle.rs`): so whoever pushed sees the list
//! popped already. If somebody has one of them, the client's connection takes hold of all and tries, and those behind it
//! keep waiting for it.

use crate::clients::client::{Client, signal};
use crate::request::table::Command;
use crate::session::Session;
use crate::shards::cell::Guard;
use crate::shards::hold::{self, Shards};
use crate::shards::set::ShardSet;
use crate::shared::Shared;
use crate::system::{clock, limits};
use crate::thread::{self, Thread};
use crate::units::{settle, stay, trigger};
use curfew_protocol::{Error, Resp};
use curfew_shard::shard::wait::claim::Claim;
use curfew_shard::shard::wait::{ClientState, Outcome, Waiter};
use curfew_shard::{Unit, Wait};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long to wait before asking again for a shard that a busy script has.
pub const BUSY_STEP: Duration = Duration::from_millis(10);

/// Enters a client that waits at all its keys. The unit holds their shards.
pub fn enter(
    thread: &Thread,
    unit: &mut Unit<'_>,
    session: &Session,
    resp: Resp,
    command: &Command,
    wait: Wait,
) -> Arc<Waiter> {
    let shared = thread.shared;
    let client = session.client.clone();
    let wake = {
        let client = client.clone();
        Box::new(move || client.signal(signal::SERVED))
    };
    let is_gone = Box::new(move || client.is_killed() || limits::peer_has_gone(client.fd));
    let state = ClientState { db: session.db, resp, no_touch: session.no_touch };
    // Under the hold, so the order of the ids is that of arrival at each key.
    let id = shared.waiters.fetch_add(1, Relaxed) + 1;
    let waiter = Arc::new(Waiter::new(id, state, wait, command.spec, shared.shards.len(), wake, is_gone));
    unit.enter_waiter(&waiter);
    shared.stats.publish_waiting(unit);
    *session.client.blocked.lock() = Some(waiter.clone());
    waiter
}

/// CLIENT UNBLOCK: ends the waiting of a client, with an error or as if its time were over. False if it does not wait.
pub fn unblock(client: &Client, with_error: bool) -> bool {
    let Some(waiter) = client.blocked.lock().clone() else { return false };
    let ended = end_soon(&waiter, || match with_error {
        true => Outcome::Error(Error::UNBLOCKED),
        false => Outcome::Null,
    });
    if ended {
        client.signal(signal::SERVED);
    }
    ended
}

/// CLIENT KILL: tells a client's connection to end. When this answers, nobody serves the client any more.
pub fn kill(client: &Client) {
    // First said and then claimed: whoever claims it later to serve it sees that it was said.
    client.signal(signal::KILL);
    let waiter = client.blocked.lock().clone();
    if let Some(waiter) = waiter {
        end_soon(&waiter, || Outcome::Null);
    }
}

/// How long a command waits for another thread that serves the client at this moment.
const SERVING_MAX: Duration = Duration::from_millis(2);

/// Ends the waiting, from within a command, which cannot wait. False if it is over, or is about to be: the client is being served.
fn end_soon(waiter: &Waiter, outcome: impl Fn() -> Outcome) -> bool {
    let mut start = None;
    loop {
        match waiter.end(outcome()) {
            Claim::Mine => return true,
            Claim::Over => return false,
            // It is being served by another thread at this moment: that takes as long as one command. Only a trigger may take
            // longer, on this very thread even; then it was served before.
            Claim::Elsewhere if start.get_or_insert_with(Instant::now).elapsed() > SERVING_MAX => return false,
            Claim::Elsewhere => std::thread::yield_now(),
        }
    }
}

/// Ends the waiting, whatever is under way, for the client's own connection.
pub async fn end(waiter: &Waiter) {
    while waiter.end(Outcome::Null) == Claim::Elsewhere {
        // As above. A trigger on this thread goes on meanwhile.
        tokio::task::yield_now().await;
    }
}

/// One that was called goes through its keys, by its connection, with all its shards held. False if a busy script has one of them.
pub async fn try_with_all(shared: &'static Shared, waiter: &Waiter) -> bool {
    let set = ShardSet::of_bits(waiter.shards);
    let Ok(mut hold) = hold::acquire(&shared.shards, set).await else { return false };
    trigger::apart(shared, || within(Shards::Hold(&mut hold), |unit| settle::try_again(unit, waiter))).await;
    true
}

/// Takes one whose waiting is over out of the queues where it still stands. Whoever it kept from being served is next.
pub fn leave(shared: &'static Shared, waiter: &Arc<Waiter>) {
    for index in ShardSet::of_bits(waiter.queued()).iter() {
        match shared.shards[index].try_enter() {
            Some(guard) => leave_shard(shared, guard, waiter),
            None => {
                let waiter = waiter.clone();
                tokio::spawn(async move {
                    loop {
                        match shared.shards[index].acquire().await {
                            Some(guard) => return leave_shard(shared, guard, &waiter),
                            None => sleep(BUSY_STEP).await,
                        }
                    }
                });
            }
        }
    }
}

fn leave_shard(shared: &'static Shared, mut guard: Guard<'static>, waiter: &Waiter) {
    within(Shards::One(&mut guard), |unit| {
        unit.leave_waiter(waiter);
        if unit.sink().ready.is_empty() {
            shared.stats.publish_waiting(unit);
        }
    });
}

/// Runs a unit that is no client's command.
fn within(shards: Shards<'_, '_>, act: impl FnOnce(&mut Unit<'_>)) {
    thread::with(|thread| {
        stay::apart(thread, shards, thread.settings(), |stay| stay.unit(clock::moment(), 0, act));
    });
}
