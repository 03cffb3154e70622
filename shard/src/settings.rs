//! The part of the configuration that data commands read. The server makes it from its own and hands it to each unit.

use crate::record::Recording;
use crate::trigger::Triggers;
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

/// The limits of encodings, each under its name in Redis's configuration.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `hash-max-listpack-entries`: fields.
    pub hash_entries: usize,
    /// `hash-max-listpack-value`: bytes.
    pub hash_value: usize,
    /// `list-max-listpack-size`: elements of a node; or -1 to -5 for 4, 8, 16, 32, 64 KiB.
    pub list_size: i32,
    /// `set-max-intset-entries`: members.
    pub set_ints: usize,
    /// `set-max-listpack-entries`: members.
    pub set_entries: usize,
    /// `set-max-listpack-value`: bytes.
    pub set_value: usize,
    /// `zset-max-listpack-entries`: members.
    pub zset_entries: usize,
    /// `zset-max-listpack-value`: bytes.
    pub zset_value: usize,
    /// `stream-node-max-bytes`, 0 for no limit.
    pub stream_bytes: usize,
    /// `stream-node-max-entries`, 0 for no limit.
    pub stream_entries: usize,
    /// `hll-sparse-max-bytes`.
    pub hll_sparse: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            hash_entries: 512,
            hash_value: 64,
            list_size: -2,
            set_ints: 512,
            set_entries: 128,
            set_value: 64,
            zset_entries: 128,
            zset_value: 64,
            stream_bytes: 4096,
            stream_entries: 100,
            hll_sparse: 3000,
        }
    }
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
