//! Serving those who wait, when a unit is over. See [`crate::shard::wait`].

use super::{Held, Unit};
use crate::shard::Shard;
use crate::shard::wait::claim::Claim;
use crate::shard::wait::{Outcome, Waiter};
use crate::slots::shard_of;
use curfew_protocol::{Args, Error, Reply};
use std::sync::Arc;

/// Tries to serve one who waits, now that `key` has changed: does the command on that key alone, and writes its reply. False
/// if there is still nothing for it. An error is its reply. A column of the rows of commands that wait.
pub type Serve = fn(&mut Unit<'_>, Args<'_>, &[u8], &mut Reply) -> Result<bool, Error>;

impl Unit<'_> {
    /// Enters one who waits at all its keys. The unit holds their shards, and has found nothing in them.
    pub fn enter_waiter(&mut self, waiter: &Arc<Waiter>) {
        self.each_shard_of(waiter, |shard, index, shards| shard.waiting.enter(waiter, index, shards));
    }

    /// Takes one who waits no more out of the queues on the shards held. Its keys there become ready: if it kept others from
    /// being served, they are next.
    pub fn leave_waiter(&mut self, waiter: &Waiter) {
        self.unqueue(waiter);
        self.recheck(waiter);
    }

    /// The keys of a waiter on the shards held become ready, whether they have changed or not.
    pub fn recheck(&mut self, waiter: &Waiter) {
        let db = waiter.client.db;
        for key in &waiter.wait.keys {
            if self.holds(key) && self.held.of(key).waiting.has(db, key) {
                self.sink.ready.push((db, key.clone()));
            }
        }
    }

    /// All keys of a database on the shards held may have changed (FLUSHDB, SWAPDB): those that somebody waits for become
    /// ready. O(n) in their number.
    pub fn changed_all(&mut self, db: usize) {
        for index in 0..self.held.len() {
            let shard = match &mut self.held {
                Held::One(shard) => &mut **shard,
                Held::Many(shards) => match shards[index].as_deref_mut() {
                    Some(shard) => shard,
                    None => continue,
                },
            };
            if !shard.waiting.is_empty() {
                self.sink.ready.extend(shard.waiting.of_db(db).map(|key| (db, key.into())));
            }
        }
    }

    /// When a unit is over and settled: serves those who wait for the keys that are ready, each as a unit of its own, until
    /// there is nobody left whom what is there would serve. `serve` tells how the command of a name is served, and `settle` is
    /// called after each, before its reply goes out.
    ///
    /// Those who need more shards than the unit holds are in [`crate::Sink::called`] afterwards, and the keys that they wait
    /// for are left to them.
    pub fn serve_ready(&mut self, serve: impl Fn(&[u8]) -> Option<Serve>, mut settle: impl FnMut(&mut Self)) {
        let own = (self.db, self.no_touch, self.may_wait);
        self.may_wait = false;
        while !self.sink.ready.is_empty() {
            for (db, key) in std::mem::take(&mut self.sink.ready) {
                self.serve_key(db, &key, &serve, &mut settle);
            }
            // Lookups for somebody who was not served may have removed expired keys.
            self.append_events();
        }
        (self.db, self.no_touch, self.may_wait) = own;
    }

    /// Serves those who wait for one key, in the order of their arrival. Those who wait for something else at the same key (a
    /// list, and there is a stream) are passed over.
    fn serve_key(
        &mut self,
        db: usize,
        key: &[u8],
        serve: &impl Fn(&[u8]) -> Option<Serve>,
        settle: &mut impl FnMut(&mut Self),
    ) {
        let mut after = 0;
        loop {
            let exists = self.live(db, key).is_some();
            let Some(waiter) = self.held.of(key).waiting.next(db, key, after, exists) else { return };
            after = waiter.id;
            match waiter.claim() {
                Claim::Mine => {}
                // It has ended, and its connection is about to take it out.
                Claim::Over => continue,
                // First come, first served: it looks at all its keys, and then at those behind it.
                Claim::Elsewhere => return,
            }
            (self.db, self.no_touch) = (db, waiter.client.no_touch);
            let mut reply = Reply::new(waiter.client.resp);
            let args = waiter.wait.args.view();
            // A command that waits and says nowhere how it is served waits for its time to pass.
            let done = serve(args.at(0)).map_or(Ok(false), |serve| serve(self, args, key, &mut reply));
            let outcome = match done {
                Ok(true) => Outcome::Reply(reply),
                Err(error) => Outcome::Error(error),
                Ok(false) if !self.holds_bits(waiter.others) && self.live(db, key).is_some() => {
                    waiter.call();
                    self.sink.called.push(waiter);
                    return;
                }
                Ok(false) => {
                    waiter.put_back();
                    continue;
                }
            };
            self.unqueue(&waiter);
            self.append_events();
            settle(self);
            waiter.serve(outcome);
        }
    }

    /// Whether all of these shards are held.
    fn holds_bits(&self, bits: u64) -> bool {
        let held = self.held_indices().fold(0u64, |held, index| held | 1 << index);
        bits & !held == 0
    }

    fn unqueue(&mut self, waiter: &Waiter) {
        self.each_shard_of(waiter, |shard, index, shards| {
            shard.waiting.leave(waiter, index, shards);
        });
    }

    /// Calls `act` with each held shard that has keys for which `waiter` waits.
    fn each_shard_of(&mut self, waiter: &Waiter, act: impl Fn(&mut Shard, usize, usize)) {
        let shards = self.settings.shards;
        let bits = waiter.wait.keys.iter().fold(0u64, |bits, key| bits | 1 << shard_of(key, shards));
        let held = self.held_indices().fold(0u64, |held, index| held | 1 << index);
        for index in (0..shards).filter(|index| bits & held & 1 << index != 0) {
            if let Some(shard) = self.shard_mut(index) {
                act(shard, index, shards);
            }
        }
    }
}
