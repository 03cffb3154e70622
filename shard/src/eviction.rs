//! Eviction: which key goes when memory is full (`maxmemory-policy`).
//!
//! As in Redis, the victim is the best of a few keys taken at random (`maxmemory-samples` of each database that has any):
//! close to the true order at a cost that does not depend on the number of keys. Where only keys with a deadline may go and
//! few keys have one, chance finds none; then the keyspace is searched, a piece at a time, from where the last search ended.
//!
//! A key that is evicted leaves the effect DEL and the event `evicted`. One that turns out to be past its deadline is
//! expired instead, with the event that belongs to it.

use crate::access;
use crate::event::class;
use crate::keyspace::{EntryRef, Keyspace};
use crate::unit::Unit;

/// What the best victim is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// The key that was not used for the longest time.
    LeastRecent,
    /// The key that is used most seldom.
    LeastFrequent,
    /// Any key.
    Random,
    /// The key with the nearest deadline.
    Soonest,
}

/// `maxmemory-policy`, but for `noeviction`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// What the best victim is.
    pub order: Order,
    /// Whether only keys with a deadline may go.
    pub volatile: bool,
}

/// What [`evict_one`] did.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Evicted {
    /// A key went; it had so many bytes.
    Freed(usize),
    /// There are keys to evict, but none was found yet: call again.
    Searching,
    /// There is no key to evict.
    Nothing,
}

/// What a shard remembers between evictions.
#[derive(Clone, Debug, Default)]
pub struct Evictor {
    random: u64,
    /// The database at which the search goes on, and its cursor there.
    search: (usize, u64),
}

/// Random entries looked at for each wanted one with a deadline, before the keyspace is searched.
const TRIES: u32 = 4;

/// Entries that one step of a search looks at.
const SEARCH_STEP: usize = 512;

/// Evicts one key of the shard number `shard`, which `unit` holds.
pub fn evict_one(unit: &mut Unit<'_>, shard: usize, policy: Policy, samples: u32) -> Evicted {
    let (now, settings) = (unit.now, unit.settings);
    let score = |entry: EntryRef<'_>| match policy.order {
        Order::LeastRecent => access::idle_seconds(entry.lru(), now),
        Order::LeastFrequent => 255 - i64::from(access::frequency(entry.lru(), now, settings)),
        Order::Random => 0,
        Order::Soonest => -entry.deadline().unwrap_or(i64::MAX),
    };
    let samples = if policy.order == Order::Random { 1 } else { samples.max(1) };
    let Some(shard) = unit.shard_mut(shard) else { return Evicted::Nothing };
    let mut evictor = std::mem::take(&mut shard.evictor);
    evictor.random = shard.random();
    let candidates = |db: &Keyspace| if policy.volatile { db.timed() } else { db.len() };
    let mut best = Best::default();
    let mut any = false;
    let databases = shard.databases();
    // Random choice starts at another database each time: the first that has keys gives one.
    let first = if policy.order == Order::Random { evictor.dice() as usize % databases.len() } else { 0 };
    for index in (0..databases.len()).map(|step| (first + step) % databases.len()) {
        let db = &databases[index];
        if candidates(db) == 0 {
            continue;
        }
        any = true;
        let tries = if policy.volatile { samples * TRIES } else { samples };
        let mut found = 0;
        for _ in 0..tries {
            match db.random(evictor.dice()) {
                Some(entry) if !policy.volatile || entry.deadline().is_some() => {
                    best.offer(index, entry, score(entry));
                    found += 1;
                }
                _ => {}
            }
            if found == samples {
                break;
            }
        }
        if policy.order == Order::Random && best.db.is_some() {
            break;
        }
    }
    if any && best.db.is_none() {
        evictor.search(databases, &mut |index, entry| {
            if entry.deadline().is_some() {
                best.offer(index, entry, score(entry));
            }
        });
    }
    shard.evictor = evictor;
    match best.db {
        Some(db) => Evicted::Freed(remove(unit, db, &best.key, best.bytes)),
        None if any => Evicted::Searching,
        None => Evicted::Nothing,
    }
}

/// Removes the victim: evicted if it is alive, expired otherwise.
fn remove(unit: &mut Unit<'_>, db: usize, key: &[u8], bytes: usize) -> usize {
    let own = std::mem::replace(&mut unit.db, db);
    if unit.remove(key) {
        unit.shard(key).stats.evicted += 1;
        unit.effect(key, [b"DEL".as_slice(), key]);
        unit.changed(key, class::EVICTED, "evicted");
    }
    unit.db = own;
    unit.append_events();
    bytes
}

/// The best victim so far.
#[derive(Default)]
struct Best {
    db: Option<usize>,
    key: Vec<u8>,
    bytes: usize,
    score: i64,
}

impl Best {
    fn offer(&mut self, db: usize, entry: EntryRef<'_>, score: i64) {
        if self.db.is_none() || score > self.score {
            self.db = Some(db);
            self.key.clear();
            self.key.extend_from_slice(entry.key());
            self.bytes = entry.bytes();
            self.score = score;
        }
    }
}

impl Evictor {
    /// The next of a row of numbers without much of a pattern (a Weyl sequence; the keyspace mixes it).
    fn dice(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random ^ (self.random >> 31)
    }

    /// Visits the next piece of the keys of all databases, round and round.
    fn search(&mut self, databases: &[Keyspace], visit: &mut dyn FnMut(usize, EntryRef<'_>)) {
        let (mut db, cursor) = self.search;
        // Databases may be skipped without counting: there is one with keys.
        for _ in 0..=databases.len() {
            db %= databases.len();
            if databases[db].timed() > 0 {
                let from = if db == self.search.0 { cursor } else { 0 };
                let next = databases[db].scan(from, SEARCH_STEP, &mut |entry| visit(db, entry));
                self.search = if next == 0 { (db + 1, 0) } else { (db, next) };
                return;
            }
            db += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use crate::unit::{Held, Unit};

    fn evict(world: &mut World, policy: Policy) -> Evicted {
        let (now, db) = (world.now, world.db);
        let mut unit = Unit::new(Held::One(&mut world.shards[0]), &mut world.sink, now, db, &world.settings);
        evict_one(&mut unit, 0, policy, 5)
    }

    fn filled(keys: usize) -> World {
        let mut world = World::new(1);
        for key in 0..keys {
            world.run(&format!("SET key:{key} value"));
        }
        world.effects();
        world.events();
        world
    }

    #[test]
    fn all_keys_go_one_by_one_and_say_so() {
        for order in [Order::LeastRecent, Order::LeastFrequent, Order::Random] {
            let mut world = filled(50);
            for left in (0..50).rev() {
                assert!(
                    matches!(evict(&mut world, Policy { order, volatile: false }), Evicted::Freed(bytes) if bytes > 0)
                );
                assert_eq!(world.shards[0].db(0).len(), left);
                let effects = world.effect_lines();
                let events = world.events();
                assert_eq!(effects.len(), 1);
                assert_eq!(events, [effects[0].replace("DEL", "evicted")]);
            }
            assert_eq!(evict(&mut world, Policy { order, volatile: false }), Evicted::Nothing);
            assert_eq!(world.shards[0].stats.evicted, 50);
        }
    }

    #[test]
    fn only_keys_with_a_deadline_go_if_the_policy_says_so() {
        for order in [Order::LeastRecent, Order::LeastFrequent, Order::Random, Order::Soonest] {
            let mut world = filled(5_000);
            // Too few to be found by chance.
            for key in [7, 1234, 4000] {
                world.run(&format!("SET key:{key} value PX 100000"));
            }
            world.db = 3;
            world.run("SET elsewhere value PX 50000");
            world.db = 0;
            let (mut freed, mut calls) = (0, 0);
            while freed < 4 {
                match evict(&mut world, Policy { order, volatile: true }) {
                    Evicted::Freed(_) => freed += 1,
                    Evicted::Searching => {}
                    Evicted::Nothing => panic!("there are keys left"),
                }
                calls += 1;
                assert!(calls < 200, "a search comes round");
            }
            assert_eq!(evict(&mut world, Policy { order, volatile: true }), Evicted::Nothing);
            assert_eq!((world.shards[0].db(0).len(), world.shards[0].db(3).len()), (4_997, 0));
        }
    }

    #[test]
    fn the_nearest_deadline_and_the_longest_idle_go_first() {
        let mut world = World::new(1);
        for key in 0..5 {
            world.run(&format!("SET key:{key} value PX {}", 10_000 - key * 100));
            world.pass(2_000);
        }
        // With as many samples as these, chance hardly misses the best of five.
        let (now, db) = (world.now, world.db);
        let mut unit = Unit::new(Held::One(&mut world.shards[0]), &mut world.sink, now, db, &world.settings);
        evict_one(&mut unit, 0, Policy { order: Order::LeastRecent, volatile: false }, 64);
        assert_eq!(world.run("EXISTS key:0"), ":0");
        let mut world = World::new(1);
        for key in 0..5 {
            world.run(&format!("SET key:{key} value PX {}", 10_000 - key * 100));
        }
        let mut unit = Unit::new(Held::One(&mut world.shards[0]), &mut world.sink, now, db, &world.settings);
        unit.now = world.now;
        evict_one(&mut unit, 0, Policy { order: Order::Soonest, volatile: true }, 64);
        assert_eq!(world.run("EXISTS key:4"), ":0");
    }

    #[test]
    fn a_dead_key_is_expired_not_evicted() {
        let mut world = World::new(1);
        world.run("SET k v PX 10");
        world.events();
        world.pass(1_000);
        assert!(matches!(evict(&mut world, Policy { order: Order::Random, volatile: false }), Evicted::Freed(_)));
        assert_eq!(world.events(), ["expired k"]);
        assert_eq!((world.shards[0].stats.evicted, world.shards[0].stats.expired), (0, 1));
    }
}
