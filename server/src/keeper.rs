//! The keeper of a shard: the task on each shard thread that does what the shard does by itself. It expires keys at their
//! deadlines, in slices, and serves what a long queue left in the inbox.
//!
//! A task has its turn after all others that are ready, and hears of its timer only when the runtime looks at it. So the
//! keeper sees to shards that are quiet, and busy ones are seen to by those who keep them busy:
//!
//! ```text
//!   call::run          group ── due? slice ── group ── due? slice ── ...       the shard that is entered
//!   Connection::enter  after a run: the thread's own shard due? slice           the shard of a busy thread, entered by nobody
//!   connection::unit   after a script or EXEC: each shard held due? slice       what came due while it ran
//!   keep               the alarm rings: slice, let others have a turn, slice    all that is left
//! ```
//!
//! Whether something is due is one relaxed load ([`ShardCell::is_due`]) beside a moment that was read anyway.

use crate::observe::stats::ThreadStats;
use crate::request::route::ShardSet;
use crate::shards::cell::{ShardCell, Turn};
use crate::shards::hold;
use crate::shards::hold::{Hold, Shards};
use crate::shared::Shared;
use crate::system::alarm::Alarm;
use crate::system::clock;
use crate::thread;
use crate::thread::Thread;
use crate::units::{blocked, evict, trigger};
use curfew_shard::{Held, Moment, Shard, Sink, Unit, class};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Looks at the wheel in one slice: about half a millisecond of expiries.
pub const SLICE_STEPS: u32 = 512;

/// Slices of expiry before a unit while there are triggers: about a thousand of them run, and then it is the unit's turn.
const SLICES_MAX: usize = 16;

/// The longest sleep, whatever becomes of the wall clock: a step is noticed after so long at most.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// How long expiry waits for subscribers before it looks again whether they have caught up.
const PACE_STEP: Duration = Duration::from_millis(1);

/// How long expiry waits for subscribers between two slices at most. Five thousand keys a second go in any case.
const PACE_MAX: Duration = Duration::from_millis(100);

/// A difference between wall clock and monotonic clock that counts as a step, in milliseconds.
const STEP_MS: i64 = 500;

/// Keeps the shard of the calling thread for the life of the process.
pub async fn keep(shared: &'static Shared, index: usize, bell: Arc<Notify>) {
    let cell = &shared.shards[index];
    let mut steps = StepWatch::new();
    // The alarm goes by the wall clock and this one does not. To look at it costs nothing to speak of.
    let mut beat = interval(SLEEP_MAX);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let alarm = match Alarm::new() {
        Ok(alarm) => alarm,
        Err(error) => {
            // Without it nothing would expire by itself: better no server than one that keeps keys for ever.
            tracing::error!(%error, "cannot make a timer for a shard");
            std::process::exit(1);
        }
    };
    loop {
        if index == 0 {
            steps.look(shared);
        }
        shared.memory.glance(&shared.stats, clock::moment().ms);
        shared.stats.shards[index].beat_ms.store(clock::moment().ms, Relaxed);
        if index == 0 {
            sample(shared);
        }
        let next = match trigger::exist(shared) {
            false => attend(cell, &bell, slice_here(shared, cell)).await,
            true => attend(cell, &bell, slice_apart(shared, cell)).await,
        };
        match next {
            // Clients have their turn between two slices.
            Next::More => {
                pace(shared, cell, &bell).await;
                tokio::task::yield_now().await;
            }
            Next::At(at) => {
                // Woken by a ring, by time, or because there is something to look after ten times a second anyway: look
                // again in any case.
                let due = at.min(clock::moment().ms + SLEEP_MAX.as_millis() as i64);
                tokio::select! {
                    () = bell.notified() => {}
                    _ = beat.tick() => {}
                    rung = alarm.wait(due) => {
                        if let Err(error) = rung {
                            tracing::error!(%error, "the alarm of a shard fails; its keys go late");
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                    }
                }
            }
            Next::Later => {
                let _ = timeout(Duration::from_millis(1), bell.notified()).await;
            }
        }
    }
}

/// Waits for its turn, and goes on listening to the bell: the keeper's own turn may be among what a long queue has left behind, and
/// nobody but the keeper hears the bell.
async fn attend<T>(cell: &ShardCell, bell: &Notify, turn: impl Future<Output = T>) -> T {
    let mut turn = pin!(turn);
    loop {
        tokio::select! {
            done = &mut turn => return done,
            // Letting go of the shard serves those who wait.
            () = bell.notified() => drop(cell.try_enter()),
        }
    }
}

/// A slice, by whoever has the shard.
async fn slice_here(shared: &'static Shared, cell: &ShardCell) -> Next {
    if let Some(mut guard) = cell.try_enter() {
        return slice(shared, &mut guard);
    }
    let (tell, told) = oneshot::channel();
    cell.leave(Box::new(move |turn| {
        let next = match turn {
            Turn::Shard(shard) => slice(shared, shard),
            Turn::Busy => Next::Later,
        };
        let _ = tell.send(next);
    }));
    told.await.unwrap_or(Next::Later)
}

/// A slice that may run triggers: always here, on a stack that can be left.
async fn slice_apart(shared: &'static Shared, cell: &ShardCell) -> Next {
    let Ok(more) = together(shared, cell).await else { return Next::Later };
    let Some(mut guard) = cell.acquire().await else { return Next::Later };
    let next = trigger::apart(shared, || slice(shared, &mut guard)).await;
    if more { Next::More } else { next }
}

/// Waits while a subscriber that keeps reading is far behind: a million keys of one deadline are more messages than its
/// output limit. The shard is free meanwhile, and the keys are gone for everybody already. Not for long at a time: a
/// reader that is too slow must not keep the keys in memory.
async fn pace(shared: &Shared, cell: &ShardCell, bell: &Notify) {
    let end = Instant::now() + PACE_MAX;
    while shared.pubsub.is_crowded(clock::moment().ms) && Instant::now() < end {
        if timeout(PACE_STEP, bell.notified()).await.is_ok() {
            // Whoever rang has left something in the inbox: letting go of the shard serves it.
            drop(cell.try_enter());
        }
    }
}

/// When the keeper has to look again.
enum Next {
    /// At once: more is due.
    More,
    /// At this time (Unix milliseconds).
    At(i64),
    /// Soon: a busy script has the shard.
    Later,
}

/// One slice of what a shard does by itself, on whichever thread has it.
fn slice(shared: &Shared, shard: &mut Shard) -> Next {
    thread::with(|thread| {
        let now = clock::moment();
        let cell = &shared.shards[usize::from(shard.index())];
        let (is_expiring, first) = (shared.active_expire.load(Relaxed), shard.expiry_turn);
        // With wide triggers, expiry is for [`together`].
        let more = is_expiring
            && !trigger::are_wide(shared, class::EXPIRED)
            && thread.with_own_sink(|sink| expire(thread, Held::One(shard), first, sink, now, slice_steps(shared)));
        let figures = &shared.stats.shards[usize::from(shard.index())];
        if figures.is_stale(now.ms) {
            figures.publish(shard);
            figures.publish_due(shard, now.ms);
        }
        let index = usize::from(shard.index());
        let evicts = !trigger::are_wide(shared, class::EVICTED) && evict::keep(thread, Shards::One(shard), index);
        if !is_expiring {
            // Deadlines pass unnoticed: look again after the longest sleep.
            cell.plan(i64::MIN);
            return if evicts { Next::More } else { Next::At(i64::MAX) };
        }
        let at = plan(cell, shard, now, more);
        if more || evicts { Next::More } else { Next::At(at) }
    })
}

/// A slice of expiry by somebody who has the shard for another reason, past its planned time: clients that keep a shard
/// busy do not make its keys late, whenever the keeper has its turn. At most one such slice in a millisecond, so that a burst
/// takes about half of a busy shard's time, and none while subscribers have to catch up: then the keeper alone goes on, slowly.
///
/// The keeper is not told. It was to wake at the planned time or before, and will look for itself.
#[cold]
pub fn catch_up(thread: &Thread, shard: &mut Shard, sink: &mut Sink, now: Moment, steps: u32) {
    let shared = thread.shared;
    // With wide triggers it is done with all shards held, by the keeper.
    if !shared.active_expire.load(Relaxed) || trigger::are_wide(shared, class::EXPIRED) {
        return;
    }
    let first = shard.expiry_turn;
    let steps = steps.min(slice_steps(shared));
    let more = shared.pubsub.is_crowded(now.ms) || expire(thread, Held::One(shard), first, sink, now, steps);
    plan(&shared.shards[usize::from(shard.index())], shard, now, more);
}

/// Whether a unit that begins at this moment with these shards has to wait for what is due, because there are triggers: a key
/// that is gone for the unit must not be gone without what its trigger does.
pub fn has_due(shared: &Shared, shards: &mut Shards<'_, '_>, now: Moment) -> bool {
    let mut is_due = false;
    if shared.functions.trigger_classes() & class::EXPIRED != 0 && shared.active_expire.load(Relaxed) {
        shards.each(|shard| is_due |= shared.shards[usize::from(shard.index())].is_due(now.ms));
    }
    is_due
}

/// Expires what is due and runs the triggers of that: all of it, unless that is thousands, of which it does some.
pub fn clear_due(thread: &Thread, shards: &mut Shards<'_, '_>, sink: &mut Sink, now: Moment) {
    let shared = thread.shared;
    for _ in 0..SLICES_MAX {
        if !has_due(shared, shards, now) {
            return;
        }
        expire(thread, shards.held(), 0, sink, now, slice_steps(shared));
        sink.widened.clear();
        shards.each(|shard| {
            plan(&shared.shards[usize::from(shard.index())], shard, now, false);
        });
    }
}

/// A thread that is kept busy by clients of other shards does not let its own shard, number `index`, be late: a slice of
/// expiry there, if its time has come. Nobody holds the thread's sink. One relaxed load where nothing is due.
#[inline]
pub fn tend(shared: &Shared, index: usize, now_ms: i64) {
    if shared.shards[index].is_due(now_ms) {
        tend_late(shared, index);
    }
}

#[cold]
fn tend_late(shared: &Shared, index: usize) {
    // Triggers want a stack that can be left.
    if !shared.active_expire.load(Relaxed) || trigger::exist(shared) {
        return;
    }
    // Whoever has it sees to it.
    let Some(mut guard) = shared.shards[index].try_enter() else { return };
    thread::with(|thread| {
        let mut sink = thread.sink.borrow_mut();
        let changes = sink.changes;
        catch_up(thread, &mut guard, &mut sink, clock::moment(), SLICE_STEPS);
        thread.stats.changes.add(sink.changes - changes);
    });
}

/// Looks at the wheel for each of so many shards that are held at the same time.
pub fn steps_for(shards: usize) -> u32 {
    (SLICE_STEPS / shards.max(1) as u32).max(SLICE_STEPS / 8)
}

/// Says when the shard has to be looked at next, and answers it.
fn plan(cell: &ShardCell, shard: &Shard, now: Moment, more: bool) -> i64 {
    let at = if more { now.ms + 1 } else { shard.next_wakeup().unwrap_or(i64::MAX) };
    cell.plan(at);
    at
}

/// Looks at the wheel in one slice: fewer where each expiry may run a trigger.
fn slice_steps(shared: &Shared) -> u32 {
    if shared.functions.trigger_classes() & class::EXPIRED == 0 { SLICE_STEPS } else { SLICE_STEPS / 8 }
}

/// While there are wide triggers for what the shard of `cell` has to expire or to evict now: a slice of it, with all shards held.
/// Otherwise nothing. Answers whether there is more.
///
/// # Errors
/// A busy script has a shard.
pub async fn together(shared: &'static Shared, cell: &ShardCell) -> Result<bool, ()> {
    let expires = trigger::are_wide(shared, class::EXPIRED)
        && shared.active_expire.load(Relaxed)
        && cell.is_due(clock::moment().ms);
    let evicts = trigger::are_wide(shared, class::EVICTED) && evict::is_wanted(shared);
    if !expires && !evicts {
        return Ok(false);
    }
    let mut hold = hold::acquire(shared, ShardSet::all(shared.shards.len())).await.map_err(drop)?;
    let slice = || thread::with(|thread| slice_of_all(thread, cell, &mut hold, expires, evicts));
    Ok(trigger::apart(shared, slice).await)
}

fn slice_of_all(thread: &Thread, cell: &ShardCell, hold: &mut Hold<'static>, expires: bool, evicts: bool) -> bool {
    let (shared, now) = (thread.shared, clock::moment());
    let more = expires && {
        thread.with_own_sink(|sink| clear_due(thread, &mut Shards::Hold(hold), sink, now));
        has_due(shared, &mut Shards::Hold(hold), now)
    };
    let own = shared.shards.iter().position(|known| std::ptr::eq(known, cell));
    more | (evicts && own.is_some_and(|own| evict::keep(thread, Shards::Hold(hold), own)))
}

/// One slice of expiry, one unit, beginning with database `first`; true if more is due. The changes are counted by the
/// caller, whose sink it is.
fn expire(thread: &Thread, held: Held<'_>, first: usize, sink: &mut Sink, now: Moment, steps: u32) -> bool {
    let settings = thread.settings();
    let mut unit = Unit::new(held, sink, now, first, &settings);
    let more = unit.expire_due(steps);
    if !unit.sink().is_empty() {
        thread.shared.settle(&mut unit, now.ms);
        blocked::wake_called(sink);
    }
    more
}

/// Takes a sample of the rates.
fn sample(shared: &Shared) {
    let sum = |of: fn(&ThreadStats) -> u64| shared.stats.sum(of);
    let counters = [sum(|t| t.executed.get()), sum(|t| t.bytes_in.get()), sum(|t| t.bytes_out.get())];
    shared.stats.rates.sample(Instant::now(), counters);
}

/// Notices steps of the wall clock, which are logged and counted, by one keeper for all. Expiry itself follows the new time
/// by its nature: the alarm is told of the step, and the wheel is set back where the clock was.
struct StepWatch {
    wall_ms: i64,
    monotonic: Instant,
}

impl StepWatch {
    fn new() -> StepWatch {
        StepWatch { wall_ms: clock::moment().ms, monotonic: Instant::now() }
    }

    fn look(&mut self, shared: &Shared) {
        let (wall_ms, monotonic) = (clock::moment().ms, Instant::now());
        let step = (wall_ms - self.wall_ms) - (monotonic - self.monotonic).as_millis() as i64;
        if step.abs() > STEP_MS {
            tracing::warn!(step_ms = step, "the wall clock was stepped; deadlines follow the new time");
            shared.stats.clock_steps.fetch_add(1, Relaxed);
        }
        (self.wall_ms, self.monotonic) = (wall_ms, monotonic);
    }
}
