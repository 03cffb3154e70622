//! Which key goes when memory is full (`maxmemory-policy`), and what a shard remembers from one eviction to the next.
//!
//! As in Redis, the victim is the best of a few keys taken at random (`maxmemory-samples` of each database that has any):
//! close to the true order at a cost that does not depend on the number of keys. Where only keys with a deadline may go and
//! few keys have one, chance finds none; then the keyspace is searched, a piece at a time, from where the last search ended.

use crate::keyspace::{EntryRef, Keyspace};

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

/// The key that is to go.
#[derive(Debug)]
pub struct Victim {
    /// Its database.
    pub db: usize,
    /// The key.
    pub key: Vec<u8>,
    /// The bytes that it has.
    pub bytes: usize,
}

/// What [`Evictor::choose`] found.
#[derive(Debug)]
pub enum Selection {
    /// This key.
    Victim(Victim),
    /// There are keys to evict, but none was found yet: ask again.
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

impl Evictor {
    /// Starts the next choice from a random number.
    pub fn stir(&mut self, random: u64) {
        self.random = random;
    }

    /// Chooses the key with the highest score among some `samples` of each database.
    pub fn choose(
        &mut self,
        databases: &[Keyspace],
        policy: Policy,
        samples: u32,
        score: impl Fn(EntryRef<'_>) -> i64,
    ) -> Selection {
        let samples = if policy.order == Order::Random { 1 } else { samples.max(1) };
        let candidates = |db: &Keyspace| if policy.volatile { db.timed() } else { db.len() };
        let mut best = Best::default();
        let mut any = false;
        // Random choice starts at another database each time: the first that has keys gives one.
        let first = if policy.order == Order::Random { self.dice() as usize % databases.len() } else { 0 };
        for index in (0..databases.len()).map(|step| (first + step) % databases.len()) {
            let db = &databases[index];
            if candidates(db) == 0 {
                continue;
            }
            any = true;
            let tries = if policy.volatile { samples * TRIES } else { samples };
            let mut found = 0;
            for _ in 0..tries {
                match db.random(self.dice()) {
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
            if policy.order == Order::Random && best.victim.is_some() {
                break;
            }
        }
        if any && best.victim.is_none() {
            self.search(databases, &mut |index, entry| {
                if entry.deadline().is_some() {
                    best.offer(index, entry, score(entry));
                }
            });
        }
        match best.victim {
            Some(victim) => Selection::Victim(victim),
            None if any => Selection::Searching,
            None => Selection::Nothing,
        }
    }

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

/// The best victim so far.
#[derive(Default)]
struct Best {
    victim: Option<Victim>,
    score: i64,
}

impl Best {
    fn offer(&mut self, db: usize, entry: EntryRef<'_>, score: i64) {
        if self.victim.is_some() && score <= self.score {
            return;
        }
        let victim = self.victim.get_or_insert_with(|| Victim { db, key: Vec::new(), bytes: 0 });
        victim.db = db;
        victim.key.clear();
        victim.key.extend_from_slice(entry.key());
        victim.bytes = entry.bytes();
        self.score = score;
    }
}
