//! Eviction under `maxmemory`: who makes room, and for how long.
//!
//! A write that finds memory full makes room first, on the shard that it goes to, and then on the others if that has
//! nothing to give. It takes no more time than `maxmemory-eviction-tenacity` allows, and goes on if anything was freed, as
//! in Redis; so memory stays near the limit and no write waits for long. The keepers go on in slices until the use is below
//! the limit. Only where there is nothing to evict are writes refused.

use crate::config::Config;
use crate::config::values::MaxmemoryPolicy;
use crate::shards::hold;
use crate::shards::hold::Shards;
use crate::shards::set::ShardSet;
use crate::shared::Shared;
use crate::system::clock;
use crate::thread;
use crate::thread::Thread;
use crate::units::{stay, trigger};
use curfew_shard::class;
use curfew_shard::shard::evictor::{Order, Policy};
use curfew_shard::unit::evict::{self as evictions, Evicted};
use std::time::{Duration, Instant};

/// Keys between two looks at the time.
const KEYS_BETWEEN: usize = 16;

/// How long a keeper evicts at a time.
const KEEPER_SLICE: Duration = Duration::from_micros(500);

/// How an eviction ended.
#[derive(Copy, Clone, Default, Debug)]
struct Slice {
    /// Something was freed, or may be soon.
    progress: bool,
    /// There is nothing (more) to evict on the shard.
    exhausted: bool,
}

/// Makes room before a command that needs memory, while more is in use than is allowed; `first` is the shard that the
/// command goes to. Afterwards [`crate::observe::memory::Memory::refuses`] tells whether the command may go on.
pub async fn make_room(shared: &'static Shared, first: usize) {
    let policy = policy(shared.config.load().maxmemory_policy);
    shared.memory.look(&shared.stats);
    if policy.is_none() {
        return shared.memory.set_exhausted(true);
    }
    let time = tenacity(shared.config.load().maxmemory_eviction_tenacity);
    let start = Instant::now();
    let mut progress = false;
    let shards = shared.shards.len();
    for shard in (0..shards).map(|step| (first + step) % shards) {
        while shared.memory.is_over() {
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() && progress {
                return shared.memory.set_exhausted(false);
            }
            let is_wide = trigger::are_wide(shared, class::EVICTED);
            let set = if is_wide { ShardSet::all(shards) } else { ShardSet::one(shard) };
            // A script keeps the shard: there may be room on another.
            let Ok(mut hold) = hold::acquire(&shared.shards, set).await else { break };
            let run = || thread::with(|thread| slice(thread, Shards::Hold(&mut hold), shard, left));
            let done = trigger::apart(shared, run).await;
            drop(hold);
            shared.memory.look(&shared.stats);
            progress |= done.progress;
            if done.exhausted {
                break;
            }
        }
    }
    // What is freed elsewhere counts as progress: it will be there soon.
    shared.memory.set_exhausted(!progress && shared.reclaimer.pending() == 0);
}

/// Whether keepers have something to evict.
pub fn is_wanted(shared: &Shared) -> bool {
    shared.memory.is_over() && policy(shared.config.load().maxmemory_policy).is_some()
}

/// A keeper's share: evicts on the shard number `shard` for a short time if memory is over its limit. Answers whether to go on.
pub fn keep(thread: &Thread, shards: Shards<'_, '_>, shard: usize) -> bool {
    let shared = thread.shared;
    if !is_wanted(shared) {
        return false;
    }
    let done = slice(thread, shards, shard, KEEPER_SLICE);
    shared.memory.look(&shared.stats);
    done.progress && !done.exhausted && shared.memory.is_over()
}

/// Evicts on one shard until enough is freed, nothing is left, or `time` is up.
fn slice(thread: &Thread, shards: Shards<'_, '_>, index: usize, time: Duration) -> Slice {
    let shared = thread.shared;
    let config = thread.config();
    let Some(policy) = policy(config.maxmemory_policy) else { return Slice { exhausted: true, ..Slice::default() } };
    let need = shared.memory.excess() + margin(&config);
    let (now, start) = (clock::moment(), Instant::now());
    let (mut done, mut freed, mut keys) = (Slice::default(), 0, 0);
    let has_all = shards.len() == shared.shards.len();
    stay::apart(thread, shards, thread.settings(), |stay| {
        while freed < need {
            let evicted = stay.unit(now, 0, |unit| {
                let evicted = evictions::evict_one(unit, index, policy, config.maxmemory_samples);
                if !config.lazyfree_lazy_eviction {
                    // Memory is what this is about, so it is given back before the next look.
                    unit.sink().garbage.clear();
                }
                evicted
            });
            match evicted {
                Evicted::Freed(bytes) => freed += bytes as u64,
                Evicted::Searching => {}
                Evicted::Nothing => {
                    done.exhausted = true;
                    break;
                }
            }
            done.progress = true;
            keys += 1;
            // A trigger has just turned out to need more shards than are held.
            if !has_all && trigger::are_wide(shared, class::EVICTED) {
                break;
            }
            if keys % KEYS_BETWEEN == 0 && start.elapsed() >= time {
                break;
            }
        }
    });
    done
}

/// Freed beyond what is needed, so that not every write has to evict.
fn margin(config: &Config) -> u64 {
    (config.maxmemory / 256).min(256 * 1024)
}

/// The time that one command may spend on evictions, as in Redis (evict.c): 0 to 500 µs up to a tenacity of 10, then 15 %
/// more for each step, and without end at 100.
fn tenacity(steps: u32) -> Duration {
    match steps {
        0..=10 => Duration::from_micros(50 * u64::from(steps)),
        11..100 => Duration::from_secs_f64(500e-6 * 1.15f64.powi(steps as i32 - 10)),
        _ => Duration::MAX,
    }
}

/// What a policy lets go; None for `noeviction`.
fn policy(policy: MaxmemoryPolicy) -> Option<Policy> {
    use MaxmemoryPolicy::*;
    let (order, volatile) = match policy {
        VolatileLru => (Order::LeastRecent, true),
        VolatileLfu => (Order::LeastFrequent, true),
        VolatileRandom => (Order::Random, true),
        VolatileTtl => (Order::Soonest, true),
        AllkeysLru => (Order::LeastRecent, false),
        AllkeysLfu => (Order::LeastFrequent, false),
        AllkeysRandom => (Order::Random, false),
        Noeviction => return None,
    };
    Some(Policy { order, volatile })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_is_as_in_redis() {
        assert_eq!(tenacity(0), Duration::ZERO);
        assert_eq!(tenacity(10), Duration::from_micros(500));
        assert_eq!(tenacity(11).as_micros(), 575);
        assert!(tenacity(99) < Duration::from_secs(200));
        assert_eq!(tenacity(100), Duration::MAX);
    }
}
