//! A unit under way: what is atomic (one command, one EXEC, one script, one batch of expiries), the shards it holds, seen
//! as one keyspace at one moment.
//!
//! Everything that a handler does to data goes through here, so that each rule has one place:
//! an expired key is absent everywhere, and goes with its effect and its event (rule 7); a change tells the watchers and
//! the subscribers ([`Unit::changed`]) and leaves its effect ([`Unit::effect`]).
//!
//! | file | what |
//! |---|---|
//! | `held.rs` | the shards that it holds |
//! | `lookup.rs` | what is seen at a key |
//! | `change.rs`, `collections.rs` | changes of keys; reading and changing values other than strings |
//! | `expire.rs`, `evict.rs` | what goes at its deadline, and what goes for memory |
//! | `access.rs` | when and how often a key was used |
//! | `record.rs` | who is told of events, and the streams and lists that they are appended to |
//! | `serve.rs` | those who wait for keys |
//! | `walk.rs` | commands that go from shard to shard with a cursor |
//! | `sink.rs` | what it leaves behind |
//!
//! Over several shards a handler is written as over one: a key finds its shard by its hash slot among the shards held.
//! The router has taken the hold of all of them, so there is nothing to split or to merge, and no reader sees half.

pub mod access;
mod change;
mod collections;
pub mod evict;
mod expire;
mod held;
mod lookup;
mod record;
mod serve;
pub mod sink;
pub mod walk;

pub use collections::Edited;
pub use held::Held;
pub use serve::Serve;

use crate::moment::Moment;
use crate::settings::Settings;
use crate::shard::Shard;
use crate::shard::wait::Wait;
use crate::slots::shard_of;
use curfew_protocol::Reply;
use sink::Sink;

/// See the module's documentation.
pub struct Unit<'u> {
    held: Held<'u>,
    sink: &'u mut Sink,
    /// The unit's moment.
    pub now: Moment,
    /// The client's database.
    pub db: usize,
    /// Configuration.
    pub settings: &'u Settings,
    /// CLIENT NO-TOUCH: reads leave the access bits alone.
    pub no_touch: bool,
    /// Whether a command may wait for keys: not inside a transaction or a script.
    pub may_wait: bool,
    /// Whether a command that walks over shards may leave the rest for another unit: not inside a transaction or a script.
    pub may_walk: bool,
    /// 0 for what clients change, more for what triggers do: see [`crate::event::trigger::DEPTH_MAX`].
    pub depth: u8,
    /// How long it has waited for shards that it did not hold when it began. For its owner.
    pub waited_nanos: u64,
    /// Events are being appended, which is itself no event.
    is_appending: bool,
}

impl<'u> Unit<'u> {
    /// The keys of a unit that holds `held` at `now`. `db` is below the number of databases.
    pub fn new(held: Held<'u>, sink: &'u mut Sink, now: Moment, db: usize, settings: &'u Settings) -> Unit<'u> {
        Unit {
            held,
            sink,
            now,
            db,
            settings,
            no_touch: false,
            may_wait: false,
            may_walk: false,
            depth: 0,
            waited_nanos: 0,
            is_appending: false,
        }
    }

    /// There is nothing yet for a command that waits: it will be served when one of its keys changes, or answered with a
    /// null when its time is over. Where nobody may wait, with the null at once.
    pub fn wait(&mut self, out: &mut Reply, wait: Wait) {
        if self.may_wait {
            self.sink.wait = Some(wait);
        } else {
            wait.null.reply(out);
        }
    }

    /// What the unit leaves behind. The server settles it when the unit is over.
    #[inline]
    pub fn sink(&mut self) -> &mut Sink {
        self.sink
    }

    /// Whether effects are kept: where they are not, there is no need to put costly ones together.
    pub fn keeps_effects(&self) -> bool {
        self.sink.journal
    }

    /// The number of changes so far (effects, kept or not), over the sink's life: what a script or EXEC compares to know
    /// whether it has written.
    pub fn changes(&self) -> u64 {
        self.sink.changes
    }

    /// How many shards there are, held or not.
    pub fn shard_count(&self) -> usize {
        self.settings.shards
    }

    // ---- the shards held ------------------------------------------------------------------------------------------------

    /// Whether the shard of `key` is held: a script may name any key.
    pub fn holds(&self, key: &[u8]) -> bool {
        let index = shard_of(key, self.settings.shards);
        match &self.held {
            Held::One(shard) => usize::from(shard.index()) == index,
            Held::Many(held) => held.get(index).is_some_and(Option::is_some),
        }
    }

    /// Whether every one of `shards` shards is held.
    pub fn holds_all(&self, shards: usize) -> bool {
        match &self.held {
            Held::One(_) => shards == 1,
            Held::Many(held) => held.iter().all(Option::is_some),
        }
    }

    /// The numbers of the shards held, in order.
    pub fn held_indices(&self) -> impl Iterator<Item = usize> {
        let (one, many) = match &self.held {
            Held::One(shard) => (Some(usize::from(shard.index())), &[][..]),
            Held::Many(held) => (None, &held[..]),
        };
        let many = many.iter().enumerate().filter(|(_, shard)| shard.is_some()).map(|(index, _)| index);
        one.into_iter().chain(many)
    }

    /// Adds one of `shards` shards to those held: for a script that reaches for an undeclared key.
    pub fn widen(&mut self, shard: &'u mut Shard, shards: usize) {
        let mut many = match std::mem::replace(&mut self.held, Held::Many(Vec::new())) {
            Held::Many(many) => many,
            Held::One(one) => {
                let index = usize::from(one.index());
                let mut many: Vec<Option<&'u mut Shard>> = (0..shards).map(|_| None).collect();
                many[index] = Some(one);
                many
            }
        };
        let index = usize::from(shard.index());
        many[index] = Some(shard);
        self.held = Held::Many(many);
    }

    /// The shard of a key that the unit holds.
    pub fn shard(&mut self, key: &[u8]) -> &mut Shard {
        self.held.of(key)
    }

    /// The shards held, in order.
    pub fn shards(&mut self) -> Vec<&mut Shard> {
        match &mut self.held {
            Held::One(shard) => vec![shard],
            Held::Many(shards) => shards.iter_mut().filter_map(|shard| shard.as_deref_mut()).collect(),
        }
    }

    /// The shard at `index`, if it is held. A unit that holds one alone has it at 0.
    pub fn shard_mut(&mut self, index: usize) -> Option<&mut Shard> {
        match &mut self.held {
            Held::One(shard) => (usize::from(shard.index()) == index).then_some(&mut **shard),
            Held::Many(shards) => shards.get_mut(index)?.as_deref_mut(),
        }
    }

    /// A random number, from the first shard held: for RANDOMKEY and its kin, not for secrets. 0 if none is held.
    pub fn random(&mut self) -> u64 {
        match &mut self.held {
            Held::One(shard) => shard.random(),
            Held::Many(shards) => shards.iter_mut().flatten().next().map_or(0, |shard| shard.random()),
        }
    }

    fn shard_at(&mut self, index: usize) -> Option<&mut Shard> {
        match &mut self.held {
            Held::One(shard) => Some(shard),
            Held::Many(shards) => shards[index].as_deref_mut(),
        }
    }
}
