//! Commands that walk over all shards with a cursor: SCAN and CURFEW.EXPIRING.
//!
//! A cursor holds the number of a shard above [`CURSOR_BITS`], and the place within the shard below. One call goes on from shard to
//! shard until it has what it was asked for. Outside of transactions and scripts it does so in steps, each a unit on one shard
//! ([`Unit::may_walk`](super::Unit::may_walk)): a step leaves its [`Walk`] in the sink, and the next one takes it up again.

use crate::keyspace::CURSOR_BITS;
use curfew_protocol::{Reply, Resp};

/// What a step looks at at the most: some tens of microseconds, more where nothing is in the caches.
pub const STEP: usize = 512;

/// A walk under way.
pub struct Walk {
    /// Where it goes on, None at its end.
    pub place: Option<Place>,
    /// What was looked at so far.
    pub seen: usize,
    /// Items to be answered so far.
    pub found: usize,
    /// These items.
    pub items: Reply,
}

/// A shard, and a place in it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The number of the shard.
    pub shard: usize,
    /// The keyspace's own cursor.
    pub within: u64,
}

impl Place {
    /// The place that a cursor tells.
    pub fn of(cursor: u64) -> Place {
        Place { shard: (cursor >> CURSOR_BITS) as usize, within: cursor & ((1 << CURSOR_BITS) - 1) }
    }

    /// The cursor for it.
    pub fn cursor(self) -> u64 {
        (self.shard as u64) << CURSOR_BITS | self.within
    }
}

impl Walk {
    /// One that begins at a cursor, among `shards` shards: over already if there is no such place.
    pub fn new(cursor: u64, shards: usize, resp: Resp) -> Walk {
        let place = Some(Place::of(cursor)).filter(|place| place.shard < shards);
        Walk { place, seen: 0, found: 0, items: Reply::new(resp) }
    }

    /// Goes on within the shard, or with the next one if there is nothing more in it (0).
    pub fn go_on(&mut self, within: u64, shards: usize) {
        self.place = self.place.and_then(|Place { shard, .. }| match within {
            0 => Some(Place { shard: shard + 1, within: 0 }).filter(|place| place.shard < shards),
            _ => Some(Place { shard, within }),
        });
    }

    /// Answers what there is so far, with the cursor to go on from.
    pub fn reply(&self, out: &mut Reply) {
        out.array(2);
        out.bulk(itoa::Buffer::new().format(self.place.map_or(0, Place::cursor)).as_bytes());
        out.array(self.found);
        out.raw(self.items.as_bytes());
    }
}
