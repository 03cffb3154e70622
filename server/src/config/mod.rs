//! The configuration: its parameters (`table.rs`, one row each), redis.conf and the command line (`file.rs`), CONFIG GET
//! and SET (here, without their RESP side), CONFIG REWRITE (`rewrite.rs`), and where it lives (`system/versioned.rs`).
//!
//! A [`Config`] is plain and immutable: a change makes a new one, all or nothing, and puts it into force through
//! [`Versioned`](crate::system::versioned::Versioned). What must happen besides is noted in the row ([`rows::Mutability::Apply`]).
//!
//! The texts of errors are Redis 8.0's.

pub mod file;
mod known;
pub mod parse;
pub mod rewrite;
pub mod rows;
pub mod table;
pub mod values;

use curfew_protocol::glob;
use std::path::PathBuf;

pub use rows::{Mutability, Row};
use values::{BufferLimits, LogLevel, MaxmemoryPolicy, NotifyFlags, Secret};

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

/// CONFIG GET: names and values. A plain name (or alias) answers with the name as it was asked for; a pattern with every
/// name and alias that it matches, in the order of the table. Case is ignored, and no name comes twice. (Redis's order
/// is that of a hash table with a random seed.)
pub fn get(config: &Config, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut add = |name: &[u8], row: &Row| {
        if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            found.push((name.to_vec(), row.get(config)));
        }
    };
    for pattern in patterns {
        if parse::is_pattern(pattern) {
            for (row, name) in table::names().filter(|(_, name)| glob::matches(pattern, name.as_bytes(), true)) {
                add(name.as_bytes(), row);
            }
        } else if let Some((row, _)) = table::find(pattern) {
            add(pattern, row);
        }
    }
    found
}

/// CONFIG SET: `args` are names and values in turn. Returns the new configuration and the rows named in `args`, for
/// the caller to put into force (see [`Versioned::modify`](crate::system::versioned::Versioned::modify)) and to follow the notes of [`rows::Mutability::Apply`]; or the
/// error reply, from `ERR` on. Nothing is changed on errors.
pub fn set(config: &Config, args: &[&[u8]]) -> Result<(Config, Vec<&'static Row>), Vec<u8>> {
    if args.is_empty() || !args.len().is_multiple_of(2) {
        return Err(b"ERR syntax error".to_vec());
    }
    let mut named: Vec<(&'static Row, &'static str)> = Vec::with_capacity(args.len() / 2);
    for pair in args.chunks_exact(2) {
        let (row, name) = table::find(pair[0]).ok_or_else(|| unknown_parameter(pair[0]))?;
        match row.change {
            Mutability::Immutable => return Err(set_failed(name, "can't set immutable config")),
            Mutability::Protected => return Err(set_failed(name, "can't set protected config")),
            Mutability::Live | Mutability::Apply(_) => {}
        }
        // A name and its alias are two names: together they are allowed, and the last one wins.
        if named.iter().any(|(_, other)| *other == name) {
            return Err(set_failed(name, "duplicate parameter"));
        }
        named.push((row, name));
    }
    let mut changed = config.clone();
    for (pair, (row, name)) in args.chunks_exact(2).zip(&named) {
        row.set(&mut changed, pair[1]).map_err(|fault| set_failed(name, fault.text()))?;
    }
    Ok((changed, named.into_iter().map(|(row, _)| row).collect()))
}

/// The error reply of CONFIG SET for a parameter and a reason. For the server's own reasons too (`maxclients`).
pub fn set_failed(name: &str, reason: &str) -> Vec<u8> {
    format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}").into()
}

fn unknown_parameter(name: &[u8]) -> Vec<u8> {
    // An error reply is one line.
    let name: Vec<u8> = name.iter().map(|b| if b"\r\n".contains(b) { b' ' } else { *b }).collect();
    [b"ERR Unknown option or number of arguments for CONFIG SET - '", name.as_slice(), b"'"].concat()
}

/// The system's text for an I/O error, as strerror() gives it.
fn system_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
