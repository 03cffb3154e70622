//! Slices of expiry: units that remove what is due.
//!
//! The keeper sees to shards that are quiet, and busy ones are seen to by those who keep them busy: see `keeper.rs`. Whether
//! something is due is one relaxed load ([`ShardCell::is_due`]) beside a moment that was read anyway.

use crate::shards::cell::ShardCell;
use crate::shards::hold::{self, Busy, Hold, Shards};
use crate::shards::set::ShardSet;
use crate::shared::Shared;
use crate::system::clock;
use crate::thread::{self, Thread};
use crate::units::stay::{self, Stay};
use crate::units::{evict, trigger};
use curfew_shard::{Moment, Shard, class};
use std::sync::atomic::Ordering::Relaxed;

/// Looks at the wheel in one slice: about half a millisecond of expiries.
const SLICE_STEPS: u32 = 512;

/// Slices of expiry before a unit while there are triggers: about a thousand of them run, and then it is the unit's turn.
const SLICES_MAX: usize = 16;

/// When a shard has to be looked at again.
pub enum Next {
    /// At once: more is due.
    More,
    /// At this time (Unix milliseconds).
    At(i64),
    /// Soon: a busy script has the shard.
    Later,
}

impl Stay<'_, '_> {
    /// Whether one of its shards has something to do at this time.
    #[inline]
    pub fn is_due(&mut self, now_ms: i64) -> bool {
        let cells = &self.thread.shared.shards;
        match &self.shards {
            Shards::One(shard) => cells[usize::from(shard.index())].is_due(now_ms),
            Shards::Hold(hold) => hold.set().iter().any(|index| cells[index].is_due(now_ms)),
        }
    }
}

/// A keeper's slice of a shard, by whoever has it: what is due, and what is to be evicted. Also publishes the shard's figures
/// now and then.
pub fn slice(thread: &Thread, shard: &mut Shard) -> Next {
    let (shared, now) = (thread.shared, clock::moment());
    let index = usize::from(shard.index());
    let is_expiring = shared.active_expire.load(Relaxed);
    // With wide triggers, expiry is for [`together`].
    let more = is_expiring
        && !trigger::are_wide(shared, class::EXPIRED)
        && stay::apart(thread, Shards::One(shard), thread.settings(), |stay| expire(stay, 0, now, slice_steps(shared)));
    let figures = &shared.stats.shards[index];
    if figures.is_stale(now.ms) {
        figures.publish(shard);
        figures.publish_due(shard, now.ms);
    }
    let evicts = !trigger::are_wide(shared, class::EVICTED) && evict::keep(thread, Shards::One(shard), index);
    if !is_expiring {
        // Deadlines pass unnoticed: look again after the longest sleep.
        shared.shards[index].plan(i64::MIN);
        return if evicts { Next::More } else { Next::At(i64::MAX) };
    }
    let at = plan(&shared.shards[index], shard, now, more);
    if more || evicts { Next::More } else { Next::At(at) }
}

/// A slice of expiry by somebody who has the shards for another reason, on those of them that are past their planned time:
/// clients that keep a shard busy do not make its keys late, whenever the keeper has its turn. At most one such slice in a
/// millisecond, so that a burst takes about half of a busy shard's time, and none while subscribers have to catch up: then the
/// keeper alone goes on, slowly.
///
/// The keeper is not told. It was to wake at the planned time or before, and will look for itself.
#[cold]
pub fn catch_up(stay: &mut Stay<'_, '_>, now: Moment) {
    let shared = stay.thread.shared;
    // With wide triggers it is done with all shards held, by the keeper.
    if !shared.active_expire.load(Relaxed) || trigger::are_wide(shared, class::EXPIRED) {
        return;
    }
    let shards = stay.shards.len();
    // Each of several shards has a smaller slice.
    let steps = (SLICE_STEPS / shards.max(1) as u32).max(SLICE_STEPS / 8).min(slice_steps(shared));
    for place in 0..shards {
        let cell = &shared.shards[usize::from(stay.shards.at(place).index())];
        if cell.is_due(now.ms) {
            let more = shared.pubsub.is_crowded(now.ms) || expire(stay, place, now, steps);
            plan(cell, stay.shards.at(place), now, more);
        }
    }
}

/// Whether a unit that begins at this moment with these shards has to wait for what is due, because there are triggers: a key
/// that is gone for the unit must not be gone without what its trigger does.
pub fn has_due(stay: &mut Stay<'_, '_>, now: Moment) -> bool {
    let shared = stay.thread.shared;
    shared.functions.trigger_classes() & class::EXPIRED != 0
        && shared.active_expire.load(Relaxed)
        && stay.is_due(now.ms)
}

/// Expires what is due and runs the triggers of that: all of it, unless that is thousands, of which it does some.
pub fn clear_due(stay: &mut Stay<'_, '_>, now: Moment) {
    let shared = stay.thread.shared;
    for _ in 0..SLICES_MAX {
        if !has_due(stay, now) {
            return;
        }
        stay.unit(now, 0, |unit| unit.expire_due(slice_steps(shared)));
        stay.shards.each(|shard| {
            plan(&shared.shards[usize::from(shard.index())], shard, now, false);
        });
    }
}

/// A thread that is kept busy by clients of other shards does not let its own shard, number `index`, be late: a slice of
/// expiry there, if its time has come. Nobody holds the thread's sink. One relaxed load where nothing is due.
#[inline]
pub fn tend(shared: &'static Shared, index: usize, now_ms: i64) {
    if shared.shards[index].is_due(now_ms) {
        tend_late(shared, index);
    }
}

#[cold]
fn tend_late(shared: &'static Shared, index: usize) {
    // Triggers want a stack that can be left.
    if !shared.active_expire.load(Relaxed) || trigger::exist(shared) {
        return;
    }
    // Whoever has it sees to it.
    let Some(mut guard) = shared.shards[index].try_enter() else { return };
    thread::with(|thread| {
        stay::apart(thread, Shards::One(&mut guard), thread.settings(), |stay| catch_up(stay, clock::moment()));
    });
}

/// While there are wide triggers for what the shard of `cell` has to expire or to evict now: a slice of it, with all shards held.
/// Otherwise nothing. Answers whether there is more.
///
/// # Errors
/// A busy script has a shard.
pub async fn together(shared: &'static Shared, cell: &ShardCell) -> Result<bool, Busy> {
    let expires = trigger::are_wide(shared, class::EXPIRED)
        && shared.active_expire.load(Relaxed)
        && cell.is_due(clock::moment().ms);
    let evicts = trigger::are_wide(shared, class::EVICTED) && evict::is_wanted(shared);
    if !expires && !evicts {
        return Ok(false);
    }
    let mut hold = hold::acquire(&shared.shards, ShardSet::all(shared.shards.len())).await?;
    let slice = || thread::with(|thread| slice_of_all(thread, cell, &mut hold, expires, evicts));
    Ok(trigger::apart(shared, slice).await)
}

fn slice_of_all(thread: &Thread, cell: &ShardCell, hold: &mut Hold<'static>, expires: bool, evicts: bool) -> bool {
    let now = clock::moment();
    let more = expires
        && stay::apart(thread, Shards::Hold(hold), thread.settings(), |stay| {
            clear_due(stay, now);
            has_due(stay, now)
        });
    let own = thread.shared.shards.iter().position(|known| std::ptr::eq(known, cell));
    more | (evicts && own.is_some_and(|own| evict::keep(thread, Shards::Hold(hold), own)))
}

/// One slice of expiry of the shard at this place of the stay, one unit, beginning with the database whose turn it is; true if
/// more is due.
fn expire(stay: &mut Stay<'_, '_>, place: usize, now: Moment, steps: u32) -> bool {
    let first = stay.shards.at(place).expiry_turn;
    stay.unit_on(place, now, first, |unit| unit.expire_due(steps))
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
