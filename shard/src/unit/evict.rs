//! Eviction: what goes when memory is full. [`Evictor`](crate::shard::evictor::Evictor) chooses the key.
//!
//! A key that is evicted leaves the effect DEL and the event `evicted`. One that turns out to be past its deadline is
//! expired instead, with the event that belongs to it.

use super::{Unit, access};
use crate::event::class;
use crate::keyspace::EntryRef;
use crate::shard::evictor::{Order, Policy, Selection, Victim};

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

/// Evicts one key of the shard number `shard`, which `unit` holds.
pub fn evict_one(unit: &mut Unit<'_>, shard: usize, policy: Policy, samples: u32) -> Evicted {
    let (now, settings) = (unit.now, unit.settings);
    let score = |entry: EntryRef<'_>| match policy.order {
        Order::LeastRecent => access::idle_seconds(entry.lru(), now),
        Order::LeastFrequent => 255 - i64::from(access::frequency(entry.lru(), now, settings)),
        Order::Random => 0,
        Order::Soonest => -entry.deadline().unwrap_or(i64::MAX),
    };
    let Some(shard) = unit.shard_mut(shard) else { return Evicted::Nothing };
    let mut evictor = std::mem::take(&mut shard.evictor);
    evictor.stir(shard.random());
    let choice = evictor.choose(shard.databases(), policy, samples, score);
    shard.evictor = evictor;
    match choice {
        Selection::Victim(victim) => Evicted::Freed(remove(unit, &victim)),
        Selection::Searching => Evicted::Searching,
        Selection::Nothing => Evicted::Nothing,
    }
}

/// Removes the victim: evicted if it is alive, expired otherwise.
fn remove(unit: &mut Unit<'_>, victim: &Victim) -> usize {
    let key = victim.key.as_slice();
    let own = std::mem::replace(&mut unit.db, victim.db);
    if unit.remove(key) {
        unit.shard(key).stats.evicted += 1;
        unit.effect(key, [b"DEL".as_slice(), key]);
        unit.changed(key, class::EVICTED, "evicted");
    }
    unit.db = own;
    unit.append_events();
    victim.bytes
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
