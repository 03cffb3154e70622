//! A stay: what one caller does with shards that it has, unit after unit.
//!
//! It has the sink of the units and their settings, begins each unit and ends it (`settle.rs`), and when the caller is done
//! with the shards, it publishes their figures where memory has a limit, and lets go of the shards that units have taken in the
//! middle.
//!
//! Those are let go of when the thread's sink is free again: letting go of a shard serves its inbox, and that may run something
//! on it. There are two ways to have a sink:
//!
//! - [`plain`] borrows the thread's own. Nothing may suspend the thread meanwhile: for runs of data commands, since it costs nothing.
//! - [`apart`] takes it out, so that units may be suspended in the middle (scripts, triggers): the thread's other units have one of their own
//!   meanwhile, and guards are dropped after each unit.

use crate::shards::hold::Shards;
use crate::thread::Thread;
use crate::units::settle;
use curfew_shard::{Held, Moment, Settings, Shard, Sink, Unit};
use std::rc::Rc;

/// See the module's documentation.
pub struct Stay<'a, 'h> {
    /// The thread that has the shards.
    pub thread: &'a Thread,
    /// The shards.
    pub shards: Shards<'a, 'h>,
    sink: &'a mut Sink,
    settings: Rc<Settings>,
    /// The sink is the stay's own.
    is_apart: bool,
}

/// A stay of run of data commands on one shard, by the thread's own sink.
pub fn plain<T>(thread: &Thread, shard: &mut Shard, db: usize, act: impl FnOnce(&mut Stay<'_, '_>) -> T) -> T {
    let mut sink = thread.sink.borrow_mut();
    let settings = thread.settings_for_run();
    let reserve = thread.shared.memory.is_limited().then(|| shard.db(db).bytes_in_reserve());
    let mut stay = Stay { thread, shards: Shards::One(shard), sink: &mut sink, settings, is_apart: false };
    let result = act(&mut stay);
    if let Some(before) = reserve {
        stay.shards.each(|shard| {
            let figures = &thread.shared.stats.shards[usize::from(shard.index())];
            figures.move_reserve(before, shard.db(db).bytes_in_reserve());
        });
    }
    let widened = std::mem::take(&mut sink.widened);
    drop(sink);
    drop(widened);
    result
}

/// A stay that may be suspended in the middle.
pub fn apart<T>(
    thread: &Thread,
    shards: Shards<'_, '_>,
    settings: Rc<Settings>,
    act: impl FnOnce(&mut Stay<'_, '_>) -> T,
) -> T {
    let mut sink = thread.sink.take();
    let mut stay = Stay { thread, shards, sink: &mut sink, settings, is_apart: true };
    let result = act(&mut stay);
    stay.publish_if_limited();
    debug_assert!(sink.widened.is_empty(), "each unit has let go of what it has taken");
    thread.sink.replace(sink);
    result
}

impl Stay<'_, '_> {
    /// Runs a unit on all shards of the stay, and ends it. `db`: the database that it begins with.
    #[inline]
    pub fn unit<T>(&mut self, now: Moment, db: usize, act: impl FnOnce(&mut Unit<'_>) -> T) -> T {
        let mut unit = Unit::new(self.shards.held(), self.sink, now, db, &self.settings);
        let result = act(&mut unit);
        settle::end(self.thread, &mut unit);
        drop(unit);
        self.release();
        result
    }

    /// The same on one of them: the one at this place.
    pub fn unit_on<T>(&mut self, place: usize, now: Moment, db: usize, act: impl FnOnce(&mut Unit<'_>) -> T) -> T {
        let mut unit = Unit::new(Held::One(self.shards.at(place)), self.sink, now, db, &self.settings);
        let result = act(&mut unit);
        settle::end(self.thread, &mut unit);
        drop(unit);
        self.release();
        result
    }

    /// Whether a unit has taken more shards that the stay still has: it had better end, to let go of them.
    #[inline]
    pub fn is_widened(&self) -> bool {
        !self.sink.widened.is_empty()
    }

    /// The next unit may need what this one has taken.
    #[inline]
    fn release(&mut self) {
        if self.is_apart {
            self.sink.widened.clear();
        }
    }

    /// Where memory has a limit: publishes the figures of the shards, since what keyspaces have in reserve is subtracted at the
    /// next look. (Without a limit the keepers do it, ten times a second.)
    fn publish_if_limited(&mut self) {
        let shared = self.thread.shared;
        if shared.memory.is_limited() {
            self.shards.each(|shard| shared.stats.shards[usize::from(shard.index())].publish(shard));
        }
    }
}
