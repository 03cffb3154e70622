//! The owner of one contiguous range of hash slots: its databases and what belongs to them.

pub mod evictor;
pub mod gone;
pub mod wait;
pub mod watch;

use crate::keyspace::{Hasher, Keyspace};
use crate::random::Random;
use crate::value::stream::StreamId;
use evictor::Evictor;
use gone::Gone;
use wait::Waiting;
use watch::Watchers;

/// Counters of one shard since the start or CONFIG RESETSTAT.
#[derive(Clone, Default, Debug)]
pub struct Stats {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Of these, reads of keys that had expired (see [`gone`]).
    pub misses_expired: u64,
    /// Keys removed at their deadlines.
    pub expired: u64,
    /// Fields of hashes removed at their deadlines.
    pub expired_fields: u64,
    /// Keys removed for memory.
    pub evicted: u64,
    /// Events appended to the shard's own stream and list, counted for each.
    pub events_appended: u64,
    /// Events that could not be appended, likewise: a key of another type was in the way.
    pub events_dropped: u64,
    /// Events whose triggers did not run: triggers upon triggers, too deep.
    pub triggers_stopped: u64,
}

/// One shard. Single-threaded: whoever has `&mut Shard` holds it.
pub struct Shard {
    index: u16,
    databases: Vec<Keyspace>,
    /// The watched keys.
    pub watchers: Watchers,
    /// The keys that somebody waits for.
    pub waiting: Waiting,
    /// The counters.
    pub stats: Stats,
    /// The earliest deadline in Unix milliseconds that was set since the shard's keeper last looked at the wheels: tells
    /// whether it must be woken before it means to. `i64::MAX` if none.
    pub soonest: i64,
    /// The keys that have expired lately.
    pub gone: Gone,
    /// The database whose deadlines come first in the next slice of expiry.
    pub expiry_turn: usize,
    /// What eviction remembers.
    pub evictor: Evictor,
    /// The id of the last event that was appended to the shard's stream: ids go on from there, even if the stream was deleted.
    pub(crate) last_event: StreamId,
    /// Where random numbers come from.
    random: Random,
}

impl Shard {
    /// An empty shard. `index` is its place among the shards; `hasher` is the same for all of them.
    pub fn new(index: u16, databases: usize, hasher: Hasher) -> Shard {
        let databases = (0..databases.max(1)).map(|_| Keyspace::new(hasher.clone())).collect();
        let random = Random::new(hasher.hash(&index.to_le_bytes()));
        Shard {
            index,
            databases,
            watchers: Watchers::default(),
            waiting: Waiting::default(),
            stats: Stats::default(),
            soonest: i64::MAX,
            gone: Gone::default(),
            expiry_turn: 0,
            evictor: Evictor::default(),
            last_event: StreamId::MIN,
            random,
        }
    }

    /// The shard's place among the shards.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// A database. `db` is below the number of databases (SELECT checks it).
    #[inline]
    pub fn db(&self, db: usize) -> &Keyspace {
        &self.databases[db]
    }

    /// A database. `db` is below the number of databases (SELECT checks it).
    #[inline]
    pub fn db_mut(&mut self, db: usize) -> &mut Keyspace {
        &mut self.databases[db]
    }

    /// All databases in order.
    pub fn databases(&self) -> &[Keyspace] {
        &self.databases
    }

    /// Exchanges two databases and tells the watchers of keys that are in either.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.touch_all(a);
        self.touch_all(b);
        self.databases.swap(a, b);
        self.touch_all(a);
        self.touch_all(b);
    }

    /// Empties a database and gives back what was in it, to be dropped by the caller.
    pub fn flush(&mut self, db: usize) -> Keyspace {
        self.touch_all(db);
        let empty = Keyspace::new(self.databases[db].hasher().clone());
        std::mem::replace(&mut self.databases[db], empty)
    }

    /// The next of a sequence of random numbers (SplitMix64) that starts from the hasher's seed. Not for secrets.
    pub fn random(&mut self) -> u64 {
        self.random.number()
    }

    /// The earliest time in Unix milliseconds at which a deadline is due or the wheel has work, over all databases.
    pub fn next_wakeup(&self) -> Option<i64> {
        self.databases.iter().filter_map(Keyspace::next_wakeup).min()
    }

    /// How many keys come up before each of these times, over all databases. See
    /// [`Wheel::count_until`](crate::keyspace::wheel::Wheel::count_until) for how near that is.
    pub fn count_until<const N: usize>(&self, times: [i64; N]) -> [usize; N] {
        self.databases.iter().fold([0; N], |sum, db| {
            let of_db = db.count_until(times);
            std::array::from_fn(|at| sum[at] + of_db[at])
        })
    }

    /// Memory held by the data in bytes.
    pub fn bytes(&self) -> usize {
        self.databases.iter().map(Keyspace::bytes).sum()
    }

    /// Watched keys of `db` that exist are about to change, or have just come.
    fn touch_all(&self, db: usize) {
        let keyspace = &self.databases[db];
        for (key, flags) in self.watchers.of_db(db) {
            if keyspace.get(keyspace.hasher().hash(key), key).is_some() {
                flags.iter().for_each(|flag| flag.raise());
            }
        }
    }
}
