//! What all threads share: a few components, each in a module of its own. No behaviour lives here.

use crate::clients::client::Clients;
use crate::clients::pause::Pause;
use crate::clients::pubsub::PubSub;
use crate::config::ConfigCell;
use crate::observe::memory::Memory;
use crate::observe::stats::Stats;
use crate::script::functions::Functions;
use crate::script::source::Scripts;
use crate::shards::cell::ShardCell;
use crate::system::reclaim::Reclaimer;
use crate::units::trigger;
use curfew_shard::{Shard, Sink, Unit};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Instant;

/// The shared state of the process. Leaked at the start, since threads need it until the very end.
pub struct Shared {
    /// The shards, in order of their slots.
    pub shards: Vec<ShardCell>,
    /// The configuration in force.
    pub config: ConfigCell,
    /// The configuration file, if there is one: CONFIG REWRITE writes it.
    pub config_file: Option<PathBuf>,
    /// Connections.
    pub clients: Clients,
    /// Channels and their subscribers.
    pub pubsub: PubSub,
    /// Scripts known by their hashes.
    pub scripts: Scripts,
    /// Libraries of functions.
    pub functions: Functions,
    /// How many have waited for keys so far: their order.
    pub waiters: AtomicU64,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// `maxmemory`.
    pub memory: Memory,
    /// Counters.
    pub stats: Stats,
    /// Frees what is large.
    pub reclaimer: Reclaimer,
    /// When the process started.
    pub started: Instant,
    /// 40 hexadecimal digits, new at each start: INFO's `run_id`.
    pub run_id: String,
    /// SHUTDOWN rings it.
    pub shutdown: tokio::sync::Notify,
    /// The server no longer accepts connections: not yet, or not any more.
    pub is_closed: AtomicBool,
    /// DEBUG SET-ACTIVE-EXPIRE: whether the keepers expire keys. Lookups do in any case.
    pub active_expire: AtomicBool,
}

impl Shared {
    /// Runs the triggers of a unit that is over, does what it has left behind, and then serves those who wait for what it changed, each as a unit of
    /// its own. The caller still holds the unit's shards, so events keep the order of the changes (rule 7).
    ///
    /// What the unit cannot do is left in [`Sink::called`]: the caller goes on with `blocked::serve_called`.
    pub fn settle(&self, unit: &mut Unit<'_>, now_ms: i64) {
        self.finish(unit, now_ms);
        if !unit.sink().ready.is_empty() {
            unit.serve_ready(|unit| self.finish(unit, now_ms));
            // Lookups for somebody who was not served may have removed expired keys.
            self.finish(unit, now_ms);
            self.stats.publish_waiting(unit);
        }
    }

    /// What the unit itself still has to do, and then what it leaves to others.
    #[inline]
    fn finish(&self, unit: &mut Unit<'_>, now_ms: i64) {
        trigger::run(unit);
        unit.append_events();
        self.publish(unit.sink(), now_ms);
    }

    /// Where memory has a limit: publishes the figures of shards that the caller holds and has run something on, since what
    /// keyspaces have in reserve is subtracted at the next look. (Without a limit the keepers do it, ten times a second.)
    pub fn publish_if_limited<'s>(&self, shards: impl IntoIterator<Item = &'s Shard>) {
        if self.memory.is_limited() {
            shards.into_iter().for_each(|shard| self.stats.shards[usize::from(shard.index())].publish(shard));
        }
    }

    /// Events and messages to subscribers, garbage away. (The journal's place is here, before the events. There is none yet
    /// but in tests, and the server's sinks collect no effects.)
    fn publish(&self, sink: &mut Sink, now_ms: i64) {
        if self.pubsub.is_idle() {
            sink.events.clear();
        }
        let mut messages = sink.messages.drain(..).peekable();
        for (place, event) in sink.events.drain(..).enumerate() {
            while let Some((_, message)) = messages.next_if(|(before, _)| *before <= place) {
                self.pubsub.publish_message(&message, now_ms);
            }
            self.pubsub.publish_event(self, &event, now_ms);
        }
        for (_, message) in messages {
            self.pubsub.publish_message(&message, now_ms);
        }
        for garbage in sink.garbage.drain(..) {
            self.reclaimer.free(garbage);
        }
        if !sink.lags_ms.is_empty() {
            self.stats.expiry_lag.record(&sink.lags_ms, now_ms);
            sink.lags_ms.clear();
        }
    }
}
