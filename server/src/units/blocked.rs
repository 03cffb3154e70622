//! Clients that wait for keys: BLPOP and its kin, XREAD with BLOCK.
//!
//! ```text
//!   the client's connection                           whoever changes a key
//!   the handler finds nothing ── enter, under the hold
//!   blocked(): awaits ...                             the unit is over ── Shared::settle ── serves in order of arrival
//!        <──────────────────────── SERVED, with the reply ───────────────────────────┘
//!        │ a timeout, CLIENT UNBLOCK, CLIENT KILL, the end of the connection: whoever claims first
//!   leaves the queues where it still stands
//! ```
//!
//! A client that waits costs the others nothing: it has a place in a queue for each key, a timer if it has a timeout, and no
//! buffers. It goes on reading (to notice that its peer has gone), but executes nothing.
//!
//! Who is served by a unit that does not hold all the shards that the command needs (BLMOVE to another shard) is **called**.
//! The thread that ran the unit tries to enter those shards too, where it is ([`serve_called`]): so whoever pushed sees the list
//! popped already. If somebody has one of them, the client's connection takes hold of all and tries, and those behind it
//! keep waiting for it.

use crate::clients::client::{Client, signal};
use crate::connection::{Connection, Woken};
use crate::request::route::ShardSet;
use crate::request::table::Command;
use crate::session::Session;
use crate::shards::cell::Guard;
use crate::shards::hold;
use crate::shared::Shared;
use crate::system::clock;
use crate::thread;
use crate::thread::Thread;
use crate::units::trigger;
use curfew_protocol::{Error, Resp};
use curfew_shard::wait::claim::{Claim, Look};
use curfew_shard::wait::{As, Outcome, Waiter};
use curfew_shard::{Held, Moment, Shard, Sink, Unit, Wait};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};

/// How long to wait before asking again for a shard that a busy script has.
const BUSY_STEP: Duration = Duration::from_millis(10);

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
    let wake = Box::new(move || client.signal(signal::SERVED));
    let state = As { db: session.db, resp, no_touch: session.no_touch };
    // Under the hold, so the order of the ids is that of arrival at each key.
    let id = shared.waiters.fetch_add(1, Relaxed) + 1;
    let waiter = Arc::new(Waiter::new(id, state, wait, command.spec, shared.shards.len(), wake));
    unit.enter_waiter(&waiter);
    shared.stats.publish_waiting(unit);
    *session.client.blocked.lock() = Some(waiter.clone());
    waiter
}

/// Serves those who need more shards than the unit that has just ended, which held `shards`: as far as these can be
/// entered at once. The others are woken to see to it themselves. The shards entered are left in `extra`, for the caller to
/// drop when it has put its sink back.
pub fn serve_called(
    thread: &Thread,
    mut shards: Vec<&mut Shard>,
    sink: &mut Sink,
    now: Moment,
    extra: &mut Vec<Guard<'static>>,
) {
    let (shared, settings) = (thread.shared, thread.settings());
    while !sink.called.is_empty() {
        for waiter in std::mem::take(&mut sink.called) {
            let own = shards.iter().map(|shard| shard.index());
            let held = own.chain(extra.iter().map(|guard| guard.index())).fold(0u64, |bits, index| bits | 1 << index);
            // Tried, not waited for: so it does not matter that this goes up and down (invariant 3).
            let all_entered = ShardSet::of_bits(waiter.shards & !held).iter().all(|index| {
                let guard = shared.shards[index].try_enter();
                let entered = guard.is_some();
                extra.extend(guard);
                entered
            });
            if !all_entered {
                waiter.wake();
                continue;
            }
            let mut held: Vec<Option<&mut Shard>> = shared.shards.iter().map(|_| None).collect();
            let own = shards.iter_mut().map(|shard| &mut **shard);
            for shard in own.chain(extra.iter_mut().map(|guard| &mut **guard)) {
                let index = usize::from(shard.index());
                held[index] = Some(shard);
            }
            let mut unit = Unit::new(Held::Many(held), sink, now, waiter.client.db, &settings);
            try_again(shared, &mut unit, &waiter);
        }
    }
    shared.publish_if_limited(extra.iter().map(|guard| &**guard));
}

/// The same, without an attempt: for those who run no commands.
pub fn wake_called(sink: &mut Sink) {
    sink.called.drain(..).for_each(|waiter| waiter.wake());
}

/// CLIENT UNBLOCK: ends the waiting of a client, with an error or as if its time were over. False if it does not wait.
pub fn unblock(client: &Client, with_error: bool) -> bool {
    let Some(waiter) = client.blocked.lock().clone() else { return false };
    let ended = end(&waiter, || match with_error {
        true => Outcome::Error(Error::UNBLOCKED),
        false => Outcome::Null,
    });
    if ended {
        client.signal(signal::SERVED);
    }
    ended
}

/// Ends the waiting, whatever is under way. False if it is over.
fn end(waiter: &Waiter, outcome: impl Fn() -> Outcome) -> bool {
    loop {
        match waiter.end(outcome()) {
            Claim::Mine => return true,
            Claim::Over => return false,
            // It is being served by another thread at this moment: that takes as long as one command.
            Claim::Elsewhere => std::thread::yield_now(),
        }
    }
}

/// One that was called goes through its keys, within a unit that holds all its shards; then those behind it.
fn try_again(shared: &Shared, unit: &mut Unit<'_>, waiter: &Waiter) {
    if waiter.resume() {
        unit.recheck(waiter);
        let now_ms = unit.now.ms;
        shared.settle(unit, now_ms);
    }
}

/// The same, by its connection. False if a busy script has one of the shards.
async fn try_with_all(shared: &Shared, waiter: &Waiter) -> bool {
    let Ok(mut hold) = hold::acquire(shared, ShardSet::of_bits(waiter.shards)).await else { return false };
    trigger::apart(shared, || within(hold.held(), |unit| try_again(shared, unit, waiter))).await;
    shared.publish_if_limited(hold.shards());
    true
}

/// How long it is until the wall clock is past a time in Unix milliseconds: from here on the monotonic clock counts.
fn time_left(until_ms: i64) -> Duration {
    // Nobody waits longer, and the clocks do not reach further.
    const LONGEST_MICROS: i64 = 10 * 365 * 86_400 * 1_000_000;
    let left = until_ms.saturating_add(1).saturating_mul(1_000).saturating_sub(clock::moment().micros());
    Duration::from_micros(left.clamp(0, LONGEST_MICROS) as u64)
}

/// Takes one whose waiting is over out of the queues where it still stands. Whoever it kept from being served is next.
fn leave(shared: &'static Shared, waiter: &Arc<Waiter>) {
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
    within(Held::One(&mut guard), |unit| {
        unit.leave_waiter(waiter);
        if !unit.sink().ready.is_empty() {
            let now_ms = unit.now.ms;
            shared.settle(unit, now_ms);
        } else {
            shared.stats.publish_waiting(unit);
        }
    });
    shared.publish_if_limited([&*guard]);
}

/// Runs a unit that is no client's command.
fn within(held: Held<'_>, act: impl FnOnce(&mut Unit<'_>)) {
    thread::with(|thread| {
        let settings = thread.settings();
        thread.with_own_sink(|sink| {
            let mut unit = Unit::new(held, sink, clock::moment(), 0, &settings);
            act(&mut unit);
            drop(unit);
            wake_called(sink);
            debug_assert!(sink.is_empty(), "all is settled");
        });
    });
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Waits for the outcome of the command that has just been executed, and answers it. An error means that the connection
    /// is to be closed.
    pub async fn blocked(&mut self, waiter: &Arc<Waiter>) -> Result<(), ()> {
        // The request is not needed any more: what waits has arguments of its own.
        if let Some(batch) = &mut self.batch {
            batch.advance(1);
            if batch.pending().is_empty() {
                batch.compact();
            }
        }
        let waited = self.await_outcome(waiter).await;
        if waited.is_err() {
            // Served at this very moment, it is lost to this client, and to no other.
            end(waiter, || Outcome::Null);
        }
        *self.client.blocked.lock() = None;
        leave(self.shared, waiter);
        waited?;
        let now_ms = clock::moment().ms;
        // It was not idle.
        self.client.active_ms.store(now_ms, Relaxed);
        let Some(batch) = &mut self.batch else { return Err(()) };
        let out = &mut batch.buffers.out;
        let mark = out.len();
        batch.session.reply_at = mark;
        match waiter.take_outcome() {
            Some(Outcome::Reply(reply)) => out.raw(reply.as_bytes()),
            Some(Outcome::Error(error)) => {
                thread::with(|thread| thread.stats.error(&error));
                out.error(&error);
            }
            // As in Redis, whatever the command answers where it may not wait.
            Some(Outcome::Null) | None => out.null_array(),
        }
        self.replied(mark)
    }

    /// Returns when the waiting is over; an error if the connection is, before that.
    async fn await_outcome(&mut self, waiter: &Waiter) -> Result<(), ()> {
        let config = thread::with(|thread| thread.config());
        let until = waiter.wait.until.map(|until_ms| Instant::now() + time_left(until_ms));
        let mut alarm = until.map(|until| Box::pin(sleep_until(until)));
        loop {
            self.client.lower(signal::SERVED);
            if waiter.look() == Look::Over {
                return Ok(());
            }
            let signals = self.client.signals();
            if signals & (signal::KILL | signal::DRAIN) != 0 {
                return Err(());
            }
            if waiter.look() == Look::Called {
                if !try_with_all(self.shared, waiter).await {
                    // A script has its shards. There is still its time, and whatever else may end it.
                    match until.is_some_and(|until| Instant::now() >= until) {
                        true => drop(end(waiter, || Outcome::Null)),
                        false => sleep(BUSY_STEP).await,
                    }
                }
                continue;
            }
            let Some(batch) = &mut self.batch else { return Err(()) };
            if signals & signal::MESSAGES != 0 {
                self.client.take_messages(&mut batch.buffers.out);
            }
            // Replies of what came before, and messages.
            self.flush().await?;
            match self.wait(alarm.as_mut().map(Pin::as_mut)).await {
                Woken::Signal => {}
                Woken::Time => {
                    end(waiter, || Outcome::Null);
                }
                Woken::Read(Ok(0) | Err(_)) => return Err(()),
                Woken::Read(Ok(count)) => {
                    thread::with(|thread| thread.stats.bytes_in.add(count as u64));
                    self.check_input(&config)?;
                }
            }
        }
    }
}
