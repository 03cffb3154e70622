//! The part of the configuration that data commands read. The server makes it from its own and hands it to each unit.

use crate::event::durable::Recording;
use crate::event::trigger::Triggers;
use crate::value::limits::Limits;
use std::sync::Arc;

/// See `docs/configuration.md` for the parameters; the defaults are Redis's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `notify-keyspace-events` as bits of [`crate::class`].
    pub notify: u32,
    /// `notify-keyspace-stream`, `notify-keyspace-list` and their kin.
    pub recording: Recording,
    /// Code that runs when keys change.
    pub triggers: Arc<Triggers>,
    /// `shards`: how many there are, held by the unit or not.
    pub shards: usize,
    /// `databases`.
    pub databases: usize,
    /// `proto-max-bulk-len`: no string grows past it. Bytes.
    pub bulk_max: usize,
    /// Whether the entries' 24 access bits hold an LFU counter (an `*-lfu` maxmemory-policy) or an LRU clock.
    pub lfu: bool,
    /// `lfu-log-factor`.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`, minutes.
    pub lfu_decay_minutes: u32,
    /// Up to where collections are packed, and how.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            notify: 0,
            recording: Recording::default(),
            triggers: Arc::default(),
            shards: 1,
            databases: 16,
            bulk_max: 512 << 20,
            lfu: false,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            limits: Limits::default(),
        }
    }
}
