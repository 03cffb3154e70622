//! The keeper of a shard: the task on each shard thread that does what the shard does by itself. It expires keys at their
//! deadlines, in slices, and serves what a long queue left in the inbox.
//!
//! A task has its turn after all others that are ready, and hears of its timer only when the runtime looks at it. So the
//! keeper sees to shards that are quiet, and busy ones are seen to by those who keep them busy:
//!
//! ```text
//!   exec::run          group ── due? slice ── group ── due? slice ── ...       the shard that is entered
//!   Connection::enter  after a run: the thread's own shard due? slice           the shard of a busy thread, entered by nobody
//!   connection::unit   after a script or EXEC: each shard held due? slice       what came due while it ran
//!   keep               the alarm rings: slice, let others have a turn, slice    all that is left
//! ```
//!
//! Whether something is due is one relaxed load ([`ShardCell::is_due`]) beside a moment that was read anyway.

use crate::alarm::Alarm;
use crate::cell::{ShardCell, Turn};
use crate::node::Node;
use crate::stats::ThreadStats;
use crate::thread::{self, Thread};
use crate::{blocked, clock, evict};
use curfew_shard::{Held, Moment, Shard, Sink, Unit};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// Looks at the wheel in one slice: about half a millisecond of expiries.
pub const SLICE_STEPS: u32 = 512;

/// The longest sleep: a step of the wall clock is noticed after so long at most.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// How long expiry waits for subscribers before it looks again whether they have caught up.
const PACE_STEP: Duration = Duration::from_millis(1);

/// How long expiry waits for subscribers between two slices at most. Five thousand keys a second go in any case.
const PACE_MAX: Duration = Duration::from_millis(100);

/// A difference between wall clock and monotonic clock that counts as a step, in milliseconds.
const STEP_MS: i64 = 500;

/// Keeps the shard of the calling thread for the life of the process.
pub async fn keep(node: &'static Node, index: usize, bell: Arc<Notify>) {
    let cell = &node.shards[index];
    let mut steps = StepWatch::new();
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
            steps.look(node);
        }
        node.memory.glance(&node.stats, clock::moment().ms);
        node.stats.shards[index].beat_ms.store(clock::moment().ms, Relaxed);
        if index == 0 {
            sample(node);
        }
        let next = match cell.try_enter() {
            Some(mut guard) => slice(node, &mut guard),
            None => {
                let (tell, told) = oneshot::channel();
                cell.leave(Box::new(move |turn| {
                    let next = match turn {
                        Turn::Shard(shard) => slice(node, shard),
                        Turn::Busy => Next::Later,
                    };
                    let _ = tell.send(next);
                }));
                tokio::pin!(told);
                loop {
                    // Our own turn may be among what a long queue left behind, and nobody but us hears the bell.
                    tokio::select! {
                        next = &mut told => break next.unwrap_or(Next::Later),
                        () = bell.notified() => drop(cell.try_enter()),
                    }
                }
            }
        };
        match next {
            // Clients have their turn between two slices.
            Next::More => {
                pace(node, cell, &bell).await;
                tokio::task::yield_now().await;
            }
            Next::At(at) => {
                // Woken by a ring, by time, or because there is something to look after ten times a second anyway: look
                // again in any case.
                let due = at.min(clock::moment().ms + SLEEP_MAX.as_millis() as i64);
                tokio::select! {
                    () = bell.notified() => {}
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

/// Waits while a subscriber that keeps reading is far behind: a million keys of one deadline are more messages than its
/// output limit. The shard is free meanwhile, and the keys are gone for everybody already. Not for long at a time: a
/// reader that is too slow must not keep the keys in memory.
async fn pace(node: &Node, cell: &ShardCell, bell: &Notify) {
    let end = Instant::now() + PACE_MAX;
    while node.pubsub.is_crowded(clock::moment().ms) && Instant::now() < end {
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
fn slice(node: &Node, shard: &mut Shard) -> Next {
    thread::with(|thread| {
        let now = clock::moment();
        let cell = &node.shards[usize::from(shard.index())];
        let is_expiring = node.active_expire.load(Relaxed);
        let more = is_expiring && {
            let mut sink = thread.sink.borrow_mut();
            let changes = sink.changes;
            let more = expire(thread, shard, &mut sink, now, SLICE_STEPS);
            thread.stats.changes.add(sink.changes - changes);
            more
        };
        let figures = &node.stats.shards[usize::from(shard.index())];
        if figures.is_stale(now.ms) {
            figures.publish(shard);
            figures.publish_due(shard, now.ms);
        }
        let evicts = evict::keep(thread, shard);
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
    let node = thread.node;
    if !node.active_expire.load(Relaxed) {
        return;
    }
    let more = node.pubsub.is_crowded(now.ms) || expire(thread, shard, sink, now, steps);
    plan(&node.shards[usize::from(shard.index())], shard, now, more);
}

/// A thread that is kept busy by clients of other shards does not let its own shard, number `index`, be late: a slice of
/// expiry there, if its time has come. Nobody holds the thread's sink. One relaxed load where nothing is due.
#[inline]
pub fn tend(node: &Node, index: usize, now_ms: i64) {
    if node.shards[index].is_due(now_ms) {
        tend_late(node, index);
    }
}

#[cold]
fn tend_late(node: &Node, index: usize) {
    if !node.active_expire.load(Relaxed) {
        return;
    }
    // Whoever has it sees to it.
    let Some(mut guard) = node.shards[index].try_enter() else { return };
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

/// One slice of expiry, one unit; true if more is due. The changes are counted by the caller, whose sink it is.
fn expire(thread: &Thread, shard: &mut Shard, sink: &mut Sink, now: Moment, steps: u32) -> bool {
    let settings = thread.settings();
    let first = shard.expiry_turn;
    let mut unit = Unit::new(Held::One(shard), sink, now, first, &settings);
    let more = unit.expire_due(steps);
    if !unit.sink().is_empty() {
        thread.node.settle(&mut unit, now.ms);
        blocked::wake_called(sink);
    }
    more
}

/// Takes a sample of the rates.
fn sample(node: &Node) {
    let sum = |of: fn(&ThreadStats) -> u64| node.stats.sum(of);
    let counters = [sum(|t| t.executed.get()), sum(|t| t.bytes_in.get()), sum(|t| t.bytes_out.get())];
    node.stats.rates.sample(Instant::now(), counters);
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

    fn look(&mut self, node: &Node) {
        let (wall_ms, monotonic) = (clock::moment().ms, Instant::now());
        let step = (wall_ms - self.wall_ms) - (monotonic - self.monotonic).as_millis() as i64;
        if step.abs() > STEP_MS {
            tracing::warn!(step_ms = step, "the wall clock was stepped; deadlines follow the new time");
            node.stats.clock_steps.fetch_add(1, Relaxed);
        }
        (self.wall_ms, self.monotonic) = (wall_ms, monotonic);
    }
}
