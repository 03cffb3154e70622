//! A shard thread: one OS thread per shard, with a tokio current-thread runtime, its share of the connections, and
//! everything that its shard does by itself (`keeper.rs`).
//!
//! ```text
//!  control thread            shard thread 0            shard thread 1   ...
//!  accept, signals,          connections, keeper 0     connections, keeper 1
//!  metrics                        └── enters any shard directly (shards/cell.rs) ┘
//! ```
//!
//! What a thread keeps for itself is a [`Thread`] in thread-local storage: tasks reach it with [`with`] between two
//! awaits and never hold it across one, so that they stay `Send` and the runtime needs no local set.

use crate::config::Config;
use crate::observe::stats::ThreadStats;
use crate::request::parsed::Buffers;
use crate::script::functions::Snapshot;
use crate::shared::Shared;
use crate::system::versioned::Cached;
use curfew_shard::event::durable::Recording;
use curfew_shard::value::limits::Limits;
use curfew_shard::{Settings, Sink, class};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// What one shard thread keeps for itself.
pub struct Thread {
    /// What it shares with the others.
    pub shared: &'static Shared,
    /// What units leave behind, settled after each.
    pub sink: RefCell<Sink>,
    /// Its own counters.
    pub stats: &'static ThreadStats,
    config: RefCell<Cached<Config>>,
    settings: RefCell<Rc<Settings>>,
    /// The same without events for subscribers.
    quiet_settings: RefCell<Rc<Settings>>,
    settings_version: Cell<u64>,
    /// Buffers of connections that have nothing under way.
    buffers: RefCell<Vec<Buffers>>,
    functions: RefCell<Cached<Snapshot>>,
    clock: quanta::Clock,
}

thread_local! {
    static THREAD: OnceCell<Thread> = const { OnceCell::new() };
}

/// Spare buffers that a thread keeps.
const SPARE_MAX: usize = 64;

/// Makes the calling thread shard thread `index`. Once per thread.
pub fn start(index: usize, shared: &'static Shared) {
    let config = Cached::new(&shared.config);
    let (settings, quiet_settings) = settings_of(&config.share(), &shared.functions.load());
    let thread = Thread {
        shared,
        sink: RefCell::new(Sink::default()),
        stats: &shared.stats.threads[index],
        settings: RefCell::new(settings),
        quiet_settings: RefCell::new(quiet_settings),
        settings_version: Cell::new(shared.config.version()),
        config: RefCell::new(config),
        buffers: RefCell::default(),
        functions: RefCell::new(Cached::new(&shared.functions.libraries)),
        clock: quanta::Clock::new(),
    };
    THREAD.with(|slot| assert!(slot.set(thread).is_ok(), "a thread starts once"));
}

/// The calling thread's own things. Only shard threads may call it.
#[inline]
pub fn with<T>(f: impl FnOnce(&Thread) -> T) -> T {
    THREAD.with(|slot| f(slot.get().expect("only shard threads run commands")))
}

impl Thread {
    /// The settings in force; one atomic load when they have not changed.
    #[inline]
    pub fn settings(&self) -> Rc<Settings> {
        self.refresh();
        self.settings.borrow().clone()
    }

    /// The settings for a run of commands during which nobody subscribes: without events for subscribers as long as there are
    /// none, so that nothing is gathered that nobody hears of.
    #[inline]
    pub fn settings_for_run(&self) -> Rc<Settings> {
        self.refresh();
        if self.shared.pubsub.is_idle() { self.quiet_settings.borrow().clone() } else { self.settings.borrow().clone() }
    }

    #[inline]
    fn refresh(&self) {
        let version = self.shared.config.version();
        if version != self.settings_version.get() {
            self.settings_version.set(version);
            (*self.settings.borrow_mut(), *self.quiet_settings.borrow_mut()) =
                settings_of(&self.config(), &self.functions());
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.borrow_mut().get(&self.shared.config).clone()
    }

    /// The libraries of functions as they are now; one atomic load when they have not changed.
    pub fn functions(&self) -> Arc<Snapshot> {
        self.functions.borrow_mut().get(&self.shared.functions.libraries).clone()
    }

    /// A time stamp for measuring durations; about 10 ns.
    #[inline]
    pub fn ticks(&self) -> u64 {
        self.clock.raw()
    }

    /// Nanoseconds between two time stamps.
    #[inline]
    pub fn nanos(&self, from: u64, to: u64) -> u64 {
        self.clock.delta_as_nanos(from, to)
    }

    /// Buffers for a connection that has something to do.
    #[inline]
    pub fn take_buffers(&self) -> Buffers {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    /// Buffers of a connection that has nothing to do any more. They are empty.
    #[inline]
    pub fn give_buffers(&self, buffers: Buffers) {
        let mut spare = self.buffers.borrow_mut();
        if spare.len() < SPARE_MAX && buffers.is_small() {
            spare.push(buffers);
        }
    }
}

/// The settings, and the same without events for subscribers.
fn settings_of(config: &Config, functions: &Snapshot) -> (Rc<Settings>, Rc<Settings>) {
    let settings = settings(config, functions);
    let quiet = Settings { notify: 0, ..settings.clone() };
    (Rc::new(settings), Rc::new(quiet))
}

/// What data commands read of the configuration, and the triggers of `functions`.
fn settings(config: &Config, functions: &Snapshot) -> Settings {
    use crate::config::values::MaxmemoryPolicy::{AllkeysLfu, VolatileLfu};
    Settings {
        notify: config.notify_keyspace_events.0,
        recording: Recording::new(
            &config.notify_keyspace_stream,
            &config.notify_keyspace_list,
            config.notify_keyspace_stream_events.0 & !(class::KEYSPACE | class::KEYEVENT),
            config.notify_keyspace_stream_values,
            config.notify_keyspace_stream_maxlen,
            config.shards as usize,
        ),
        triggers: Arc::new(functions.triggers()),
        shards: config.shards as usize,
        databases: config.databases as usize,
        bulk_max: config.proto_max_bulk_len as usize,
        lfu: matches!(config.maxmemory_policy, AllkeysLfu | VolatileLfu),
        lfu_log_factor: config.lfu_log_factor,
        lfu_decay_minutes: config.lfu_decay_time_min,
        limits: Limits {
            hash_entries: config.hash_max_listpack_entries as usize,
            hash_value: config.hash_max_listpack_value as usize,
            list_size: config.list_max_listpack_size,
            set_ints: config.set_max_intset_entries as usize,
            set_entries: config.set_max_listpack_entries as usize,
            set_value: config.set_max_listpack_value as usize,
            zset_entries: config.zset_max_listpack_entries as usize,
            zset_value: config.zset_max_listpack_value as usize,
            stream_bytes: config.stream_node_max_bytes as usize,
            stream_entries: config.stream_node_max_entries as usize,
            hll_sparse: config.hll_sparse_max_bytes as usize,
        },
    }
}
