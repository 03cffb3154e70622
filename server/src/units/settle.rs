//! The one end of every unit: [`end`].
//!
//! Whatever a unit was (a command of a run, one that held shards, a slice of expiry, an eviction, the serving of somebody who
//! waited), what follows it follows here, in this order, while the caller still holds the unit's shards: so events keep the
//! order of the changes (rule 7 of the design). Whoever makes units does it through a [`Stay`](crate::units::stay::Stay), which
//! ends them.

use crate::shards::set::ShardSet;
use crate::shards::widen::try_widen;
use crate::shared::Shared;
use crate::thread::Thread;
use crate::units::trigger;
use curfew_shard::shard::wait::Waiter;
use curfew_shard::{Sink, Unit, registry};

/// Ends a unit, and then serves those who wait for what it changed, each as a unit of its own. Nothing is left in the sink but
/// the guards of shards that were taken in the middle, which the stay lets go of.
#[inline(always)] // behind every GET, with nothing to do
pub fn end(thread: &Thread, unit: &mut Unit<'_>) {
    if unit.sink().is_empty() {
        count_changes(thread, unit.sink());
    } else {
        settle(thread, unit);
    }
}

#[inline(never)]
fn settle(thread: &Thread, unit: &mut Unit<'_>) {
    let mut has_served = false;
    loop {
        finish(thread, unit);
        if !unit.sink().ready.is_empty() {
            // What lookups for somebody who was not served have left is finished in the next round.
            unit.serve_ready(registry::serve_of, |unit| finish(thread, unit));
            has_served = true;
            continue;
        }
        let called = std::mem::take(&mut unit.sink().called);
        if called.is_empty() {
            break;
        }
        called.iter().for_each(|waiter| serve_elsewhere(thread.shared, unit, waiter));
    }
    if has_served {
        thread.shared.stats.publish_waiting(unit);
    }
    debug_assert!(unit.sink().is_empty(), "all is settled");
}

/// What follows one unit.
fn finish(thread: &Thread, unit: &mut Unit<'_>) {
    // Part of the unit still: what its triggers change is changed with it.
    trigger::run(unit);
    unit.append_events();
    let now_ms = unit.now.ms;
    let sink = unit.sink();
    count_changes(thread, sink);
    // The journal takes the effects here, before anybody is told: there is none yet, and the server's sinks collect no effects.
    publish(thread.shared, sink, now_ms);
    free(thread.shared, sink, now_ms);
}

/// `rdb_changes_since_last_save` and its kin.
#[inline(always)]
fn count_changes(thread: &Thread, sink: &mut Sink) {
    let changes = std::mem::take(&mut sink.changes);
    if changes > 0 {
        thread.stats.changes.add(changes);
    }
}

/// Tells subscribers of the unit's events and messages, in the order in which it made them.
fn publish(shared: &Shared, sink: &mut Sink, now_ms: i64) {
    if shared.pubsub.is_idle() {
        sink.events.clear();
    }
    if sink.events.is_empty() && sink.messages.is_empty() {
        return;
    }
    let config = shared.config.load();
    let mut messages = sink.messages.drain(..).peekable();
    for (place, event) in sink.events.drain(..).enumerate() {
        while let Some((_, message)) = messages.next_if(|(before, _)| *before <= place) {
            shared.pubsub.publish_message(&message, now_ms);
        }
        shared.pubsub.publish_event(&config, &event, now_ms);
    }
    for (_, message) in messages {
        shared.pubsub.publish_message(&message, now_ms);
    }
}

/// Garbage away, and what is known of lateness to the figures.
fn free(shared: &Shared, sink: &mut Sink, now_ms: i64) {
    for garbage in sink.garbage.drain(..) {
        shared.reclaimer.free(garbage);
    }
    if !sink.lags_ms.is_empty() {
        shared.stats.expiry_lag.record(&sink.lags_ms, now_ms);
        sink.lags_ms.clear();
    }
}

/// Serves one who needs more shards than the unit holds, as far as these can be entered at once, by letting it go through its
/// keys again. Otherwise its connection is woken to see to it itself.
fn serve_elsewhere(shared: &'static Shared, unit: &mut Unit<'_>, waiter: &Waiter) {
    let held = ShardSet::of(unit.held_indices());
    let missing = ShardSet::of_bits(waiter.shards).without(held);
    if !missing.iter().all(|index| try_widen(&shared.shards, unit, index)) {
        return waiter.wake();
    }
    try_again(unit, waiter);
}

/// One that was called goes through its keys, within a unit that holds all its shards; then those behind it. The unit's end
/// serves them.
pub fn try_again(unit: &mut Unit<'_>, waiter: &Waiter) {
    if waiter.resume() {
        unit.recheck(waiter);
    }
}
