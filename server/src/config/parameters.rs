//! The values of all parameters.

use crate::config::values::{BufferLimits, LogLevel, MaxmemoryPolicy, NotifyFlags, Secret};
use std::net::IpAddr;
use std::path::PathBuf;

/// Every parameter's value. The fields are described in the rows of `table.rs`; units are in the names, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // One text each, in its row.
pub struct Config {
    pub bind: Vec<String>,
    pub port: u16,
    pub tcp_backlog: u32,
    pub unixsocket: PathBuf,
    pub unixsocketperm: u32,
    pub timeout_s: u32,
    pub tcp_keepalive_s: u32,
    pub protected_mode: bool,
    pub maxclients: u32,
    pub requirepass: Secret,
    pub databases: u32,
    pub shards: u32,
    pub metrics_port: u16,
    pub metrics_bind: Vec<String>,
    pub hz: u32,
    pub dynamic_hz: bool,
    pub loglevel: LogLevel,
    pub logfile: PathBuf,
    pub pidfile: PathBuf,
    pub dir: PathBuf,
    pub maxmemory: u64,
    pub maxmemory_policy: MaxmemoryPolicy,
    pub maxmemory_samples: u32,
    pub maxmemory_eviction_tenacity: u32,
    pub lfu_log_factor: u32,
    pub lfu_decay_time_min: u32,
    pub lazyfree_lazy_eviction: bool,
    pub lazyfree_lazy_expire: bool,
    pub lazyfree_lazy_server_del: bool,
    pub lazyfree_lazy_user_del: bool,
    pub lazyfree_lazy_user_flush: bool,
    pub active_expire_effort: u32,
    pub notify_keyspace_events: NotifyFlags,
    pub notify_keyspace_prefix: Vec<u8>,
    pub notify_keyspace_stream: Vec<u8>,
    pub notify_keyspace_stream_events: NotifyFlags,
    pub notify_keyspace_stream_maxlen: u64,
    pub notify_keyspace_stream_values: bool,
    pub notify_keyspace_list: Vec<u8>,
    pub client_output_buffer_limit: BufferLimits,
    pub client_query_buffer_limit: u64,
    pub proto_max_bulk_len: u64,
    pub busy_reply_threshold_ms: u64,
    pub hash_max_listpack_entries: u64,
    pub hash_max_listpack_value: u64,
    pub list_max_listpack_size: i32,
    pub list_compress_depth: u32,
    pub set_max_intset_entries: u64,
    pub set_max_listpack_entries: u64,
    pub set_max_listpack_value: u64,
    pub zset_max_listpack_entries: u64,
    pub zset_max_listpack_value: u64,
    pub stream_node_max_bytes: u64,
    pub stream_node_max_entries: u64,
    pub hll_sparse_max_bytes: u64,
    pub dbfilename: PathBuf,
}

impl Config {
    /// Whether protected mode keeps connections from this address out: there is no password, and it is another machine's.
    pub fn is_protected_from(&self, peer: IpAddr) -> bool {
        self.protected_mode && self.requirepass.0.is_empty() && !peer.to_canonical().is_loopback()
    }
}

impl Default for Config {
    /// Redis 8.0's defaults. `dir` is the current directory, `shards` follows the number of cores.
    fn default() -> Config {
        let everywhere = || vec!["*".to_owned(), "-::*".to_owned()];
        Config {
            bind: everywhere(),
            port: 6379,
            tcp_backlog: 511,
            unixsocket: PathBuf::new(),
            unixsocketperm: 0,
            timeout_s: 0,
            tcp_keepalive_s: 300,
            protected_mode: true,
            maxclients: 10_000,
            requirepass: Secret::default(),
            databases: 16,
            shards: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(64) as u32),
            metrics_port: 9121,
            metrics_bind: everywhere(),
            hz: 10,
            dynamic_hz: true,
            loglevel: LogLevel::Notice,
            logfile: PathBuf::new(),
            pidfile: PathBuf::new(),
            dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            maxmemory: 0,
            maxmemory_policy: MaxmemoryPolicy::Noeviction,
            maxmemory_samples: 5,
            maxmemory_eviction_tenacity: 10,
            lfu_log_factor: 10,
            lfu_decay_time_min: 1,
            lazyfree_lazy_eviction: false,
            lazyfree_lazy_expire: false,
            lazyfree_lazy_server_del: false,
            lazyfree_lazy_user_del: false,
            lazyfree_lazy_user_flush: false,
            active_expire_effort: 1,
            notify_keyspace_events: NotifyFlags::default(),
            notify_keyspace_prefix: b"__".to_vec(),
            notify_keyspace_stream: Vec::new(),
            notify_keyspace_stream_events: NotifyFlags(curfew_shard::class::ALL),
            notify_keyspace_stream_maxlen: 100_000,
            notify_keyspace_stream_values: false,
            notify_keyspace_list: Vec::new(),
            client_output_buffer_limit: BufferLimits::default(),
            client_query_buffer_limit: 1 << 30,
            proto_max_bulk_len: 512 << 20,
            busy_reply_threshold_ms: 5000,
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            list_compress_depth: 0,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hll_sparse_max_bytes: 3000,
            dbfilename: PathBuf::from("dump.rdb"),
        }
    }
}
