//! The keeper of a shard: the task on each shard thread that does what the shard does by itself. It expires keys at their
//! deadlines, in slices, and serves what a long queue left in the inbox.
//!
//! A task has its turn after all others that are ready, and hears of its timer only when the runtime looks at it. So the
//! keeper sees to shards that are quiet, and busy ones are seen to by those who keep them busy:
//!
//! ```text
//!   units::run         group ── due? slice ── group ── due? slice ── ...       the shard that is entered
//!   Connection::enter  after a run: the thread's own shard due? slice           the shard of a busy thread, entered by nobody
//!   units::held        after a script or EXEC: each shard held due? slice       what came due while it ran
//!   keep               the alarm rings: slice, let others have a turn, slice    all that is left
//! ```
//!
//! Whether something is due is one relaxed load ([`ShardCell::is_due`]) beside a moment that was read anyway.

use crate::observe::stats::ThreadStats;
use crate::shards::cell::{ShardCell, Turn};
use crate::shared::Shared;
use crate::system::alarm::Alarm;
use crate::system::clock;
use crate::thread;
use crate::units::expire::{self, Next};
use crate::units::trigger;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

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
            false => attend(cell, &bell, slice_here(cell)).await,
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
async fn slice_here(cell: &ShardCell) -> Next {
    if let Some(mut guard) = cell.try_enter() {
        return thread::with(|thread| expire::slice(thread, &mut guard));
    }
    let (tell, told) = oneshot::channel();
    cell.leave(Box::new(move |turn| {
        let next = match turn {
            Turn::Shard(shard) => thread::with(|thread| expire::slice(thread, shard)),
            Turn::Busy => Next::Later,
        };
        let _ = tell.send(next);
    }));
    told.await.unwrap_or(Next::Later)
}

/// A slice that may run triggers: always here, on a stack that can be left.
async fn slice_apart(shared: &'static Shared, cell: &ShardCell) -> Next {
    let Ok(more) = expire::together(shared, cell).await else { return Next::Later };
    let Some(mut guard) = cell.acquire().await else { return Next::Later };
    let next = trigger::apart(shared, || thread::with(|thread| expire::slice(thread, &mut guard))).await;
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
