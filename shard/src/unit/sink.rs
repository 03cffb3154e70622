//! What a unit leaves behind: effects for the journal, events for subscribers, and values to be freed.
//!
//! An **effect** is a deterministic command that makes the same change again: absolute deadlines, results instead of
//! scripts. Replaying a journal of effects into empty shards gives the same data (rule 4 of the design; the property test
//! is `shard/tests/replay.rs`). Expiry and eviction leave a DEL, so replay needs no clock.

use crate::event::Event;
use crate::event::durable::Records;
use crate::event::trigger::{Fired, Whole};
use crate::keyspace::Keyspace;
use crate::shard::wait::{Wait, Waiter};
use crate::unit::walk::Walk;
use crate::value::object::Object;
use curfew_protocol::args::OwnedArgs;
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

/// One change, as a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Effect {
    /// The shard that it changed.
    pub shard: u16,
    /// The database that it changed.
    pub db: u32,
    /// The command.
    pub args: OwnedArgs,
}

/// Something large that was unlinked from the data and is to be freed where nobody waits for it.
pub enum Garbage {
    /// A value.
    Object(Box<Object>),
    /// A whole database of a shard (FLUSHDB).
    Keyspace(Box<Keyspace>),
}

/// A message of PUBLISH or SPUBLISH within a unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Whether it is for a shard channel.
    pub shard: bool,
    /// The channel.
    pub channel: Box<[u8]>,
    /// The message.
    pub text: Box<[u8]>,
}

/// Collects what a unit leaves behind. The server empties it when the unit is over, while it still holds the shards:
/// first the effects go to the journal, then the events to subscribers (rule 7).
#[derive(Default)]
pub struct Sink {
    /// Whether effects are kept at all. Without a journal nobody reads them, and the commands only count them.
    pub journal: bool,
    /// The effects of the unit, in order.
    pub effects: Vec<Effect>,
    /// The events of the unit, in order.
    pub events: Vec<Event>,
    /// Events to be appended to the streams and lists of the shards held: see [`crate::Unit::append_events`].
    pub records: Records,
    /// Events with triggers, which run before the unit is over, in this order.
    pub fired: VecDeque<Fired>,
    /// The value that was removed last, with its key: for the event that follows, and its triggers.
    pub(crate) whole: Option<(usize, Box<[u8]>, Whole)>,
    /// What keeps the shards that the unit has taken in the middle: to be dropped when it is over, and its sink free again.
    pub widened: Vec<Box<dyn Any + Send>>,
    /// Messages that the unit publishes, each with the number of the unit's events before it: a subscriber sees events and
    /// messages in the order in which the unit made them.
    pub messages: Vec<(usize, Message)>,
    /// The number of changes since the sink was made: `rdb_changes_since_last_save` and its kin.
    pub changes: u64,
    /// Values to be freed elsewhere.
    pub garbage: Vec<Garbage>,
    /// What the command under way waits for, because there is nothing yet.
    pub wait: Option<Wait>,
    /// What the command under way has walked over, where it goes on in another unit.
    pub walk: Option<Walk>,
    /// Keys that somebody waits for and that have changed, with their databases, in the order of the changes.
    pub ready: Vec<(usize, Box<[u8]>)>,
    /// Those who could not be served without more shards than were held: to be served with these, or woken.
    pub called: Vec<Arc<Waiter>>,
    /// Memory that a small value is copied to while it is changed, used again from one change to the next.
    pub(crate) scratch: Vec<u8>,
    /// How long after their deadlines keys were removed by the unit, in milliseconds: expiry lag.
    pub lags_ms: Vec<u32>,
}

impl Sink {
    /// A sink that keeps effects.
    pub fn with_journal() -> Sink {
        Sink { journal: true, ..Sink::default() }
    }

    /// True if the last unit left nothing to be done.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
            && self.events.is_empty()
            && self.records.is_empty()
            && self.fired.is_empty()
            && self.messages.is_empty()
            && self.garbage.is_empty()
            && self.lags_ms.is_empty()
            && self.wait.is_none()
            && self.ready.is_empty()
            && self.called.is_empty()
    }
}
