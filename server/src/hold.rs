//! Exclusive access to one or several shards while a unit runs: taken in ascending order, waited for without blocking.

use crate::cell::Guard;
use crate::node::Node;
use crate::route::ShardSet;
use curfew_protocol::Error;
use curfew_shard::{Held, Shard};

/// The shards of a unit. Dropping it lets go of all.
pub struct Hold<'a> {
    /// In ascending order.
    guards: Vec<Guard<'a>>,
    set: ShardSet,
    shards: usize,
}

/// Takes a hold on `set`. Two units never wait for each other: both go upwards. The error is -BUSY, if a script keeps one
/// of the shards past its time.
pub async fn acquire(node: &Node, set: ShardSet) -> Result<Hold<'_>, Error> {
    let mut guards = Vec::with_capacity(set.len());
    for shard in set.iter() {
        guards.push(node.shards[shard].acquire().await.ok_or_else(|| node.scripts.busy_error(set))?);
    }
    Ok(Hold { guards, set, shards: node.shards.len() })
}

impl Hold<'_> {
    /// The shards, for a unit.
    pub fn held(&mut self) -> Held<'_> {
        if self.guards.len() == 1 {
            return Held::One(&mut self.guards[0]);
        }
        let mut held: Vec<Option<&mut Shard>> = (0..self.shards).map(|_| None).collect();
        for (shard, guard) in self.set.iter().zip(&mut self.guards) {
            held[shard] = Some(guard);
        }
        Held::Many(held)
    }

    /// How many shards are held. At least one, but for commands that reach none.
    pub fn len(&self) -> usize {
        self.guards.len()
    }

    /// The shards, one by one, for changes.
    pub fn shards_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.guards.iter_mut().map(|guard| &mut **guard)
    }

    /// The shards, one by one.
    pub fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.guards.iter().map(|guard| &**guard)
    }
}
