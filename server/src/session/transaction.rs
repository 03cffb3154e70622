//! MULTI's queue, and the keys of WATCH.

use crate::request::table::Command;
use curfew_protocol::Args;
use curfew_protocol::args::OwnedArgs;
use curfew_shard::Shard;
use curfew_shard::shard::watch::Flag;

/// Commands queued since MULTI. One buffer for the arguments of all, so that queueing allocates next to nothing.
#[derive(Default)]
pub struct Transaction {
    /// The commands in order, each with the number of its arguments.
    queue: Vec<(&'static Command, usize)>,
    /// The arguments of all.
    args: OwnedArgs,
    /// A command was refused while queueing: EXEC discards.
    pub failed: bool,
}

impl Transaction {
    /// Queues a command that has been checked.
    pub fn push(&mut self, command: &'static Command, args: Args<'_>) {
        self.queue.push((command, args.len()));
        args.iter().for_each(|arg| self.args.push(arg));
    }

    /// The commands with their arguments, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Command, Args<'_>)> + Clone {
        let mut first = 0;
        self.queue.iter().map(move |&(command, count)| {
            let args = self.args.view().part(first, count);
            first += count;
            (command, args)
        })
    }

    /// How many commands are queued.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Bytes queued.
    pub fn bytes(&self) -> usize {
        self.args.bytes()
    }
}

/// A client's watched keys.
#[derive(Default)]
pub struct Watching {
    /// Raised by any change of any of them.
    flag: Flag,
    keys: Vec<WatchedKey>,
}

/// One watched key.
pub struct WatchedKey {
    /// Its database.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// Whether it existed when the watch began: if it did and has expired since, that is a change too, even before the
    /// key is removed (redis#7918); if it was gone already, it is none (redis#9194).
    existed: bool,
}

impl Watching {
    /// The watched keys.
    pub fn keys(&self) -> &[WatchedKey] {
        &self.keys
    }

    /// Starts to watch a key of a shard that the caller holds. `existed`: alive at the unit's moment.
    pub fn add(&mut self, shard: &mut Shard, db: usize, key: &[u8], existed: bool) {
        if self.keys.iter().any(|known| known.db == db && *known.key == *key) {
            return;
        }
        shard.watchers.add(db, key, &self.flag);
        self.keys.push(WatchedKey { db, key: key.into(), existed });
    }

    /// Watches a key that nobody can look at now: it counts as changed.
    pub fn add_unseen(&mut self, db: usize, key: &[u8]) {
        self.flag.raise();
        if !self.keys.iter().any(|known| known.db == db && *known.key == *key) {
            self.keys.push(WatchedKey { db, key: key.into(), existed: false });
        }
    }

    /// Whether a watched key has changed; `is_alive` tells whether a key is there at the moment of EXEC.
    pub fn is_broken(&self, mut is_alive: impl FnMut(usize, &[u8]) -> bool) -> bool {
        self.flag.is_raised() || self.keys.iter().any(|watched| watched.existed && !is_alive(watched.db, &watched.key))
    }

    /// Takes everything out, to be removed from the shards by [`Watching::forget`].
    pub fn take(&mut self) -> Watching {
        std::mem::take(self)
    }

    /// Removes the watches of one key from its shard, which the caller holds.
    pub fn forget(&self, shard: &mut Shard, watched: &WatchedKey) {
        shard.watchers.remove(watched.db, &watched.key, &self.flag);
    }
}
