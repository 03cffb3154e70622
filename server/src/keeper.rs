//! The keeper of a shard: the task on each shard thread that does what the shard does by itself. It expires keys at their
//! deadlines, in slices, and serves what a long queue left in the inbox.

use crate::alarm::Alarm;
use crate::cell::Turn;
use crate::node::Node;
use crate::stats::ThreadStats;
use crate::thread::{self, Thread};
use crate::{blocked, clock, evict};
use curfew_shard::{Held, Moment, Shard, Unit};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// Looks at the wheel in one slice: about half a millisecond of expiries.
const SLICE_STEPS: u32 = 512;

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
        steps.look(node);
        node.memory.glance(&node.stats, clock::moment().ms);
        node.stats.shards[index].beat_ms.store(clock::moment().ms, Relaxed);
        if index == 0 {
            sample(node);
        }
        let next = match cell.try_enter() {
            Some(mut guard) => slice(node, cell, &mut guard),
            None => {
                let (tell, told) = oneshot::channel();
                cell.leave(Box::new(move |turn| {
                    let next = match turn {
                        Turn::Shard(shard) => slice(node, &node.shards[index], shard),
                        Turn::Busy => Next::Later,
                    };
                    let _ = tell.send(next);
                }));
                told.await.unwrap_or(Next::Later)
            }
        };
        match next {
            // Clients have their turn between two slices.
            Next::More => {
                pace(node, cell, &bell).await;
                tokio::task::yield_now().await;
            }
            Next::At(deadline) => {
                // Due once now > deadline: the first moment is a millisecond later. Woken by a ring, by time, or because
                // there is something to look after ten times a second anyway: look again in any case.
                let due = deadline.saturating_add(1).min(clock::moment().ms + SLEEP_MAX.as_millis() as i64);
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
async fn pace(node: &Node, cell: &crate::cell::ShardCell, bell: &Notify) {
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
    /// After this deadline (Unix milliseconds).
    At(i64),
    /// Soon: a busy script has the shard.
    Later,
}

/// One slice of expiry: one unit, on whichever thread has the shard.
fn slice(node: &Node, cell: &crate::cell::ShardCell, shard: &mut Shard) -> Next {
    thread::with(|thread| {
        let now = clock::moment();
        let is_expiring = node.active_expire.load(Relaxed);
        let more = is_expiring && expire(thread, shard, now);
        let figures = &node.stats.shards[usize::from(shard.index())];
        if figures.is_stale(now.ms) {
            figures.publish(shard);
        }
        if evict::keep(thread, shard) || more {
            return Next::More;
        }
        if !is_expiring {
            // Deadlines pass unnoticed: look again after the longest sleep.
            cell.plan(i64::MIN);
            return Next::At(i64::MAX);
        }
        let next = shard.next_wakeup().unwrap_or(i64::MAX);
        cell.plan(next);
        Next::At(next)
    })
}

/// One slice of expiry; true if more is due.
fn expire(thread: &Thread, shard: &mut Shard, now: Moment) -> bool {
    let settings = thread.settings();
    let mut sink = thread.sink.borrow_mut();
    let changes = sink.changes;
    let mut unit = Unit::new(Held::One(shard), &mut sink, now, 0, &settings);
    let more = unit.expire_due(SLICE_STEPS);
    if !unit.sink().is_empty() {
        thread.node.settle(&mut unit, now.ms);
        blocked::wake_called(&mut sink);
    }
    thread.stats.changes.add(sink.changes - changes);
    more
}

/// Takes a sample of the rates.
fn sample(node: &Node) {
    let sum = |of: fn(&ThreadStats) -> u64| node.stats.sum(of);
    let counters = [sum(|t| t.executed.get()), sum(|t| t.bytes_in.get()), sum(|t| t.bytes_out.get())];
    node.stats.rates.sample(Instant::now(), counters);
}

/// Notices steps of the wall clock, which are logged and counted. Expiry itself follows the new time by its nature.
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
