//! What all threads share: a few components, each in a module of its own. No behaviour lives here.

use crate::clients::client::{Clients, OutputLimit};
use crate::clients::pause::Pause;
use crate::clients::pubsub::PubSub;
use crate::config::Config;
use crate::observe::memory::Memory;
use crate::observe::stats::Stats;
use crate::script::functions::Functions;
use crate::script::source::Scripts;
use crate::shards::cell::ShardCell;
use crate::system::reclaim::Reclaimer;
use crate::system::versioned::Versioned;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Instant;

/// The shared state of the process. Leaked at the start, since threads need it until the very end.
pub struct Shared {
    /// The shards, in order of their slots.
    pub shards: Vec<ShardCell>,
    /// The configuration in force.
    pub config: Versioned<Config>,
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
    /// The same as Unix time in seconds: LASTSAVE's answer, for nothing was ever saved.
    pub started_unix: i64,
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
    /// Puts the parts of the configuration into force that components keep for themselves.
    pub fn apply_limits(&self) {
        let config = self.config.load();
        let limit = config.client_output_buffer_limit.pubsub;
        self.pubsub.set_limit(OutputLimit {
            hard: limit.hard_bytes as usize,
            soft: limit.soft_bytes as usize,
            soft_ms: (limit.soft_seconds as i64).saturating_mul(1000),
        });
        crate::system::log::set_level(config.loglevel);
        self.memory.set_limit(config.maxmemory, &self.stats);
    }
}
