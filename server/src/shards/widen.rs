//! One shard more for a unit that has begun.
#![allow(unsafe_code)] // the shard is lent to the unit for as long as the guard beside it lives

use crate::shards::cell::ShardCell;
use curfew_shard::{Shard, Unit};

/// Takes shard `index` of `cells` into the unit, if nobody has it. The guard is left in [`curfew_shard::Sink::widened`]:
/// whoever owns the unit's sink drops it when the unit is over, and neither before nor while the sink is in use
/// (`units/stay.rs`).
///
/// It is tried, not waited for, so it does not matter that it goes up and down.
pub fn try_widen(cells: &'static [ShardCell], unit: &mut Unit<'_>, index: usize) -> bool {
    let Some(mut guard) = cells[index].try_enter() else { return false };
    let shard: *mut Shard = &raw mut *guard;
    // SAFETY:
    // - The shard lives in its cell, which is never freed, not in the guard: moving the guard does not move it.
    // - The guard owns the shard until it is dropped, and it is not used to reach it meanwhile.
    // - It is dropped by the owner of the unit's sink, after the unit.
    unit.widen(unsafe { &mut *shard }, cells.len());
    unit.sink().widened.push(Box::new(guard));
    true
}
