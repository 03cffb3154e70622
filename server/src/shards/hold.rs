//! Exclusive access to one or several shards while a unit runs: taken in ascending order, waited for without blocking.

use crate::shards::cell::{Guard, ShardCell};
use crate::shards::set::ShardSet;
use curfew_shard::{Held, Shard};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

/// The shards of a unit. Dropping it lets go of all.
pub struct Hold<'a> {
    /// In ascending order.
    guards: Vec<Guard<'a>>,
    set: ShardSet,
    shards: usize,
}

/// Shards that somebody has, one way or the other.
pub enum Shards<'a, 'h> {
    /// One alone.
    One(&'a mut Shard),
    /// Those of a hold.
    Hold(&'a mut Hold<'h>),
}

impl Shards<'_, '_> {
    /// The shards, for a unit.
    pub fn held(&mut self) -> Held<'_> {
        match self {
            Shards::One(shard) => Held::One(shard),
            Shards::Hold(hold) => hold.held(),
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        match self {
            Shards::One(_) => 1,
            Shards::Hold(hold) => hold.len(),
        }
    }

    /// The one at this place among them.
    pub fn at(&mut self, place: usize) -> &mut Shard {
        match self {
            Shards::One(shard) => shard,
            Shards::Hold(hold) => &mut hold.guards[place],
        }
    }

    /// Does something with each of them.
    pub fn each(&mut self, act: impl FnMut(&mut Shard)) {
        match self {
            Shards::One(shard) => std::iter::once(&mut **shard).for_each(act),
            Shards::Hold(hold) => hold.shards_mut().for_each(act),
        }
    }
}

/// A script keeps one of these shards past its time.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Busy(pub ShardSet);

/// How long somebody with some of its shards waits for the next before it looks whether it has to give way.
const GIVE_WAY: Duration = Duration::from_millis(1);

/// Takes a hold on `set`. Two units never wait for each other: both go upwards. A unit that goes another way, because it has
/// found out in the middle that it needs one more shard, has precedence: whoever has not begun gives way to it.
///
/// # Errors
/// [`Busy`].
pub async fn acquire(cells: &[ShardCell], set: ShardSet) -> Result<Hold<'_>, Busy> {
    loop {
        if let Some(guards) = try_acquire(cells, set).await? {
            return Ok(Hold { guards, set, shards: cells.len() });
        }
        tokio::time::sleep(GIVE_WAY).await;
    }
}

/// None: it had to give way.
async fn try_acquire(cells: &[ShardCell], set: ShardSet) -> Result<Option<Vec<Guard<'_>>>, Busy> {
    let mut guards: Vec<Guard<'_>> = Vec::with_capacity(set.len());
    for shard in set.iter() {
        let mut next = pin!(cells[shard].acquire());
        // Nearly always at once, without a timer.
        let mut got = poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await;
        let guard = loop {
            match got {
                Poll::Ready(guard) => break guard,
                Poll::Pending if guards.is_empty() => got = Poll::Ready(next.as_mut().await),
                Poll::Pending => match timeout(GIVE_WAY, next.as_mut()).await {
                    Ok(guard) => break guard,
                    Err(_) if guards.iter().any(Guard::is_wanted) => return Ok(None),
                    Err(_) => {}
                },
            }
        };
        guards.push(guard.ok_or(Busy(set))?);
    }
    Ok(Some(guards))
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

    /// Which shards are held.
    pub fn set(&self) -> ShardSet {
        self.set
    }

    /// How many shards are held. At least one, but for commands that reach none.
    pub fn len(&self) -> usize {
        self.guards.len()
    }

    /// The shards, one by one, for changes.
    pub fn shards_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.guards.iter_mut().map(|guard| &mut **guard)
    }
}
