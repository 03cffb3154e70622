//! The table of parameters: one row each.
//!
//! A parameter is in the table only if the server honours it. The rest of Redis's names are in `known.rs`.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::config::parameters::Config;
use crate::config::rows::{Mutability, NOT_A_BOOL, Row, ValueKind, not_one_of};
use crate::config::values::{BufferLimits, Fault, LogLevel, MaxmemoryPolicy, NotifyFlags, parse_bool, system_text};

macro_rules! flag {
    ($field:ident) => {
        ValueKind::Bool { get: |c| c.$field, set: |c, v| c.$field = v }
    };
}

// The ranges in the rows fit the fields' types, so the casts lose nothing.
macro_rules! int {
    ($field:ident, $min:expr, $max:expr) => {
        ValueKind::Int { min: $min as i64, max: $max as i64, get: |c| c.$field as i64, set: |c, v| c.$field = v as _ }
    };
}

macro_rules! memory {
    ($field:ident, $min:expr, $max:expr) => {
        ValueKind::Memory { min: $min, max: $max, get: |c| c.$field, set: |c, v| c.$field = v }
    };
}

macro_rules! choice {
    ($field:ident, $type:ident) => {
        ValueKind::Enum { names: $type::NAMES, get: |c| c.$field as usize, set: |c, v| c.$field = $type::ALL[v] }
    };
}

macro_rules! path {
    ($field:ident, $empty_is_unset:expr) => {
        ValueKind::Text {
            get: |c| Cow::Borrowed(c.$field.as_os_str().as_bytes()),
            set: |c, v| {
                c.$field = PathBuf::from(OsStr::from_bytes(v));
                Ok(())
            },
            empty_is_unset: $empty_is_unset,
        }
    };
}

macro_rules! addresses {
    ($field:ident) => {
        ValueKind::Words {
            get: |c| c.$field.join(" "),
            set: |c, v| {
                c.$field = parse_addresses(v)?;
                Ok(())
            },
        }
    };
}

const fn row(name: &'static str, kind: ValueKind, change: Mutability, doc: &'static str) -> Row {
    Row { name, alias: None, kind, change, default_text: None, doc }
}

impl Row {
    const fn also(mut self, alias: &'static str) -> Row {
        self.alias = Some(alias);
        self
    }

    const fn default_is(mut self, text: &'static str) -> Row {
        self.default_text = Some(text);
        self
    }
}

const MB: u64 = 1 << 20;
/// The greatest byte count where Redis keeps it in a signed 64-bit field.
const LONG: u64 = i64::MAX as u64;

use Mutability::{Apply, Immutable, Live, Protected};

/// The table.
pub static ROWS: &[Row] = &[
    // Network
    row(
        "bind",
        addresses!(bind),
        Immutable,
        "Addresses to listen on: IPv4, IPv6 or `*`; with `-` in front, one that is skipped if the machine does not have it.",
    ),
    row("port", int!(port, 0, u16::MAX), Immutable, "TCP port. 0 means no TCP."),
    row(
        "tcp-backlog",
        int!(tcp_backlog, 0, i32::MAX),
        Immutable,
        "Length of the queue of connections that wait to be accepted.",
    ),
    row("unixsocket", path!(unixsocket, true), Immutable, "Path of a Unix socket to listen on. Empty means none."),
    row(
        "unixsocketperm",
        ValueKind::Octal { max: 0o777, get: |c| c.unixsocketperm, set: |c, v| c.unixsocketperm = v },
        Immutable,
        "Permissions of the Unix socket, in octal. 0 leaves them to the umask.",
    ),
    row(
        "timeout",
        int!(timeout_s, 0, i32::MAX),
        Live,
        "Seconds after which an idle client is disconnected. 0 means never.",
    ),
    row(
        "tcp-keepalive",
        int!(tcp_keepalive_s, 0, i32::MAX),
        Live,
        "Seconds between keepalive probes of connections accepted from now on. 0 means no probes.",
    ),
    row(
        "protected-mode",
        flag!(protected_mode),
        Live,
        "Without a password, accept connections from this machine only.",
    ),
    row(
        "maxclients",
        int!(maxclients, 1, u32::MAX),
        Apply(
            "Raise the limit of open files first. If the system refuses, put nothing into force and answer `ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to handle the specified number of clients, try with N`.",
        ),
        "Most clients at a time.",
    ),
    row(
        "requirepass",
        ValueKind::Text {
            get: |c| Cow::Borrowed(&c.requirepass.0),
            set: |c, v| {
                c.requirepass.0 = v.to_vec();
                Ok(())
            },
            empty_is_unset: true,
        },
        Apply("Give the default user this password, or `nopass` when empty. Clients already authenticated stay so."),
        "Password of the default user. Empty means none.",
    ),
    // Server
    row("databases", int!(databases, 1, i32::MAX), Immutable, "Number of databases for SELECT."),
    row("shards", int!(shards, 1, 64), Immutable, "Shard threads. Curfew's own.")
        .default_is("one per core, at most 64"),
    row(
        "metrics-port",
        int!(metrics_port, 0, u16::MAX),
        Immutable,
        "TCP port of `/metrics`. 0 means none. Curfew's own.",
    ),
    row(
        "metrics-bind",
        addresses!(metrics_bind),
        Immutable,
        "Addresses for the metrics port, in the form of `bind`. Curfew's own.",
    ),
    row(
        "hz",
        ValueKind::Int {
            min: 0,
            max: i32::MAX as i64,
            get: |c| i64::from(c.hz),
            set: |c, v| c.hz = v.clamp(1, 500) as u32,
        },
        Live,
        "Only kept and shown: background work follows deadlines, not rounds. What is outside 1 to 500 is moved there.",
    ),
    row("dynamic-hz", flag!(dynamic_hz), Live, "Only kept and shown, as `hz`."),
    row("loglevel", choice!(loglevel, LogLevel), Apply("Tell the log's filter."), "Least severity that is logged."),
    row("logfile", path!(logfile, false), Immutable, "File to log to. Empty means standard output."),
    row(
        "pidfile",
        path!(pidfile, true),
        Immutable,
        "File to write the process id to at start and to remove at the end. Empty means none.",
    ),
    row(
        "dir",
        ValueKind::Text { get: |c| Cow::Borrowed(c.dir.as_os_str().as_bytes()), set: set_dir, empty_is_unset: false },
        Protected,
        "Working directory; relative paths start there.",
    )
    .default_is("the directory it was started in"),
    row(
        "daemonize",
        ValueKind::Fixed {
            value: "no",
            words: false,
            check: |v| only_no(v, "Curfew does not go into the background by itself, only 'no' is accepted"),
        },
        Immutable,
        "Only `no`: leave it to systemd or the container.",
    ),
    row("supervised", ValueKind::Fixed { value: "no", words: false, check: check_supervised }, Immutable, "Only `no`."),
    // Memory
    row(
        "maxmemory",
        memory!(maxmemory, 0, u64::MAX),
        Apply("When less than what is used, evict at once."),
        "Memory for data. 0 means no limit.",
    ),
    row(
        "maxmemory-policy",
        choice!(maxmemory_policy, MaxmemoryPolicy),
        Live,
        "What to evict when `maxmemory` is reached.",
    ),
    row("maxmemory-samples", int!(maxmemory_samples, 1, 64), Live, "Keys looked at to find one to evict."),
    row(
        "maxmemory-eviction-tenacity",
        int!(maxmemory_eviction_tenacity, 0, 100),
        Live,
        "How long eviction may hold up a command: 0 is shortest, 10 usual, 100 without bound.",
    ),
    row(
        "lfu-log-factor",
        int!(lfu_log_factor, 0, i32::MAX),
        Live,
        "How slowly the frequency counter of a key saturates.",
    ),
    row(
        "lfu-decay-time",
        int!(lfu_decay_time_min, 0, i32::MAX),
        Live,
        "Minutes after which the frequency counter of a key goes down by one. 0 means never.",
    ),
    row(
        "lazyfree-lazy-eviction",
        flag!(lazyfree_lazy_eviction),
        Live,
        "Only kept and shown: large values are freed in the background in any case.",
    ),
    row(
        "lazyfree-lazy-expire",
        flag!(lazyfree_lazy_expire),
        Live,
        "Only kept and shown: large values are freed in the background in any case.",
    ),
    row(
        "lazyfree-lazy-server-del",
        flag!(lazyfree_lazy_server_del),
        Live,
        "Only kept and shown: large values are freed in the background in any case.",
    ),
    row(
        "lazyfree-lazy-user-del",
        flag!(lazyfree_lazy_user_del),
        Live,
        "Only kept and shown: large values are freed in the background in any case.",
    ),
    row(
        "lazyfree-lazy-user-flush",
        flag!(lazyfree_lazy_user_flush),
        Live,
        "Only kept and shown: FLUSHALL and FLUSHDB free in the background unless SYNC is given.",
    ),
    // Expiry and events
    row(
        "active-expire-effort",
        int!(active_expire_effort, 1, 10),
        Live,
        "Only kept and shown: the timing wheel expires each key at its deadline.",
    ),
    row(
        "notify-keyspace-events",
        ValueKind::Text {
            get: |c| Cow::Owned(c.notify_keyspace_events.format().into()),
            set: set_notify,
            empty_is_unset: false,
        },
        Live,
        "Events to publish, a character for each class; empty means none.",
    ),
    row(
        "notify-keyspace-prefix",
        ValueKind::Text {
            get: |c| Cow::Borrowed(&c.notify_keyspace_prefix),
            set: |c, v| {
                c.notify_keyspace_prefix = v.to_vec();
                Ok(())
            },
            empty_is_unset: false,
        },
        Live,
        "What stands in front of `keyspace@N__:` and `keyevent@N__:` in the names of the events' channels. Curfew's own.",
    ),
    row(
        "notify-keyspace-stream",
        ValueKind::Text { get: |c| Cow::Borrowed(&c.notify_keyspace_stream), set: set_stream, empty_is_unset: true },
        Live,
        "Append events to streams in database 0, one for each shard: `name:{tag}`. Without `{`. Empty means none. See [events.md](events.md). Curfew's own.",
    ),
    row(
        "notify-keyspace-stream-events",
        ValueKind::Text {
            get: |c| Cow::Owned(c.notify_keyspace_stream_events.format_all().into()),
            set: set_stream_events,
            empty_is_unset: false,
        },
        Live,
        "Events to append to streams and lists, the characters of `notify-keyspace-events`; `K` and `E` mean nothing here. Curfew's own.",
    ),
    row(
        "notify-keyspace-stream-maxlen",
        int!(notify_keyspace_stream_maxlen, 0, i64::MAX),
        Live,
        "Entries that each stream of events keeps, and up to a node more; elements that each list keeps. The oldest go. 0 means no limit. Curfew's own.",
    ),
    row(
        "notify-keyspace-stream-values",
        flag!(notify_keyspace_stream_values),
        Live,
        "Whether `del`, `expired` and `evicted` events of strings in streams and lists carry the value that went, 4096 bytes of it at most. Curfew's own.",
    ),
    row(
        "notify-keyspace-list",
        ValueKind::Text { get: |c| Cow::Borrowed(&c.notify_keyspace_list), set: set_list, empty_is_unset: true },
        Live,
        "Append events to lists in database 0, one for each shard: `name:{tag}`. Without `{`. Empty means none. Curfew's own.",
    ),
    // Limits of clients
    row(
        "client-output-buffer-limit",
        ValueKind::Words { get: |c| c.client_output_buffer_limit.format(), set: set_buffer_limits },
        Live,
        "For `normal`, `replica` and `pubsub` clients: bytes of waiting output beyond which one is cut off at once, and those beyond which it is after so many seconds. 0 means no limit.",
    ),
    row(
        "client-query-buffer-limit",
        memory!(client_query_buffer_limit, MB, LONG),
        Live,
        "Most bytes of requests held for one client.",
    ),
    row(
        "proto-max-bulk-len",
        memory!(proto_max_bulk_len, MB, LONG),
        Live,
        "Most bytes in one argument, and in one string value.",
    ),
    row(
        "busy-reply-threshold",
        int!(busy_reply_threshold_ms, 0, i64::MAX),
        Live,
        "Milliseconds after which a running script makes others get -BUSY. 0 means at once.",
    )
    .also("lua-time-limit"),
    row(
        "script-memory-limit",
        memory!(script_memory_limit, 0, LONG),
        Live,
        "Most bytes that a thread's interpreter uses while a script or function runs. 0 means no limit. Curfew's own.",
    ),
    // Encodings
    row(
        "hash-max-listpack-entries",
        int!(hash_max_listpack_entries, 0, i64::MAX),
        Live,
        "Most fields of a packed hash.",
    )
    .also("hash-max-ziplist-entries"),
    row(
        "hash-max-listpack-value",
        memory!(hash_max_listpack_value, 0, LONG),
        Live,
        "Longest field or value of a packed hash.",
    )
    .also("hash-max-ziplist-value"),
    row(
        "list-max-listpack-size",
        int!(list_max_listpack_size, i32::MIN, i32::MAX),
        Live,
        "Size of a list's nodes: elements, or -1 to -5 for 4 to 64 KiB.",
    )
    .also("list-max-ziplist-size"),
    row(
        "list-compress-depth",
        int!(list_compress_depth, 0, i32::MAX),
        Live,
        "Only kept and shown: the nodes of lists are not compressed.",
    ),
    row(
        "set-max-intset-entries",
        int!(set_max_intset_entries, 0, i64::MAX),
        Live,
        "Most members of a packed set of integers.",
    ),
    row("set-max-listpack-entries", int!(set_max_listpack_entries, 0, i64::MAX), Live, "Most members of a packed set."),
    row("set-max-listpack-value", int!(set_max_listpack_value, 0, i64::MAX), Live, "Longest member of a packed set."),
    row(
        "zset-max-listpack-entries",
        int!(zset_max_listpack_entries, 0, i64::MAX),
        Live,
        "Most members of a packed sorted set.",
    )
    .also("zset-max-ziplist-entries"),
    row(
        "zset-max-listpack-value",
        memory!(zset_max_listpack_value, 0, LONG),
        Live,
        "Longest member of a packed sorted set.",
    )
    .also("zset-max-ziplist-value"),
    row(
        "stream-node-max-bytes",
        memory!(stream_node_max_bytes, 0, LONG),
        Live,
        "Most bytes of a stream's shared. 0 means no limit.",
    ),
    row(
        "stream-node-max-entries",
        int!(stream_node_max_entries, 0, i64::MAX),
        Live,
        "Most entries of a stream's shared. 0 means no limit.",
    ),
    row("hll-sparse-max-bytes", memory!(hll_sparse_max_bytes, 0, LONG), Live, "Longest sparse HyperLogLog."),
    // Persistence
    row(
        "dbfilename",
        ValueKind::Text {
            get: |c| Cow::Borrowed(c.dbfilename.as_os_str().as_bytes()),
            set: set_dbfilename,
            empty_is_unset: false,
        },
        Protected,
        "Name of the snapshot in `dir`. Only reported: there are no snapshots yet.",
    ),
    row(
        "save",
        ValueKind::Fixed { value: "", words: true, check: check_save },
        Live,
        "When to take snapshots. Only `\"\"`: there are none yet.",
    ),
    row(
        "appendonly",
        ValueKind::Fixed {
            value: "no",
            words: false,
            check: |v| only_no(v, "Curfew has no append-only file yet, only 'no' is accepted"),
        },
        Live,
        "Only `no`: there is no append-only file yet.",
    ),
];

/// Redis's bound on the number of addresses.
const ADDRESSES_MAX: usize = 16;

fn parse_addresses(words: &[&[u8]]) -> Result<Vec<String>, Fault> {
    if words.len() > ADDRESSES_MAX {
        return Err(Fault::invalid("Too many bind addresses specified."));
    }
    let text = |word: &&[u8]| String::from_utf8(word.to_vec()).ok();
    words.iter().map(text).collect::<Option<_>>().ok_or(Fault::invalid("Failed to bind to specified addresses."))
}

/// Relative to the directory set before. Fails, as chdir() would, if it is not a directory.
fn set_dir(config: &mut Config, value: &[u8]) -> Result<(), Fault> {
    let fault = |error: std::io::Error| Fault::invalid(system_text(&error));
    if value.is_empty() {
        return Err(fault(std::io::Error::from_raw_os_error(libc::ENOENT)));
    }
    let path = config.dir.join(Path::new(OsStr::from_bytes(value))).canonicalize().map_err(fault)?;
    if !path.is_dir() {
        return Err(fault(std::io::Error::from_raw_os_error(libc::ENOTDIR)));
    }
    config.dir = path;
    Ok(())
}

fn set_dbfilename(config: &mut Config, value: &[u8]) -> Result<(), Fault> {
    if value.contains(&b'/') {
        return Err(Fault::invalid("dbfilename can't be a path, just a filename"));
    }
    config.dbfilename = PathBuf::from(OsStr::from_bytes(value));
    Ok(())
}

fn set_notify(config: &mut Config, value: &[u8]) -> Result<(), Fault> {
    config.notify_keyspace_events = parse_notify(value)?;
    Ok(())
}

fn set_stream_events(config: &mut Config, value: &[u8]) -> Result<(), Fault> {
    config.notify_keyspace_stream_events = parse_notify(value)?;
    Ok(())
}

fn parse_notify(value: &[u8]) -> Result<NotifyFlags, Fault> {
    NotifyFlags::parse(value)
        .ok_or(Fault::Invalid(Cow::Borrowed("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")))
}

fn set_stream(config: &mut Config, value: &[u8]) -> Result<(), Fault> {
    check_events_name(value, &config.notify_keyspace_list)?;
    config.notify_keyspace_stream = value.to_vec();
    Ok(())
}

fn set_list(config: &mut Config, value: &[u8]) -> Result<(), Fault> {
    check_events_name(value, &config.notify_keyspace_stream)?;
    config.notify_keyspace_list = value.to_vec();
    Ok(())
}

/// A hash tag in the name would send the keys of all shards to one.
fn check_events_name(name: &[u8], other: &[u8]) -> Result<(), Fault> {
    if name.contains(&b'{') {
        return Err(Fault::invalid("the name must not contain '{', the shard's hash tag is put behind it"));
    }
    if !name.is_empty() && name == other {
        return Err(Fault::invalid("streams and lists of events must have different names"));
    }
    Ok(())
}

fn set_buffer_limits(config: &mut Config, words: &[&[u8]]) -> Result<(), Fault> {
    config.client_output_buffer_limit = BufferLimits::with(config.client_output_buffer_limit, words)?;
    Ok(())
}

fn only_no(words: &[&[u8]], refusal: &'static str) -> Result<(), Fault> {
    match words.first().and_then(|word| parse_bool(word)) {
        None => Err(NOT_A_BOOL),
        Some(true) => Err(Fault::Refused(Cow::Borrowed(refusal))),
        Some(false) => Ok(()),
    }
}

fn check_supervised(words: &[&[u8]]) -> Result<(), Fault> {
    let names = ["upstart", "systemd", "auto", "no"];
    let word = words.first().copied().unwrap_or_default();
    match names.iter().find(|name| name.as_bytes().eq_ignore_ascii_case(word)) {
        None => Err(not_one_of(&names)),
        Some(&"no") => Ok(()),
        Some(_) => Err(Fault::Refused(Cow::Borrowed("Curfew does not talk to a supervisor, only 'no' is accepted"))),
    }
}

/// Pairs of seconds (at least 1) and changes (at least 0).
fn check_save(words: &[&[u8]]) -> Result<(), Fault> {
    if matches!(words, [] | [b""]) {
        return Ok(());
    }
    let number = |word: &[u8]| std::str::from_utf8(word).ok().and_then(|text| text.parse::<i64>().ok());
    let valid = |pair: &[&[u8]]| matches!(pair, [seconds, changes] if number(seconds).is_some_and(|n| n >= 1) && number(changes).is_some_and(|n| n >= 0));
    if !words.chunks(2).all(valid) {
        return Err(Fault::invalid("Invalid save parameters"));
    }
    Err(Fault::Refused(Cow::Borrowed("Curfew has no snapshots yet, only \"\" is accepted")))
}

/// The row of a name or alias (case ignored), and the name that matched.
pub fn find(name: &[u8]) -> Option<(&'static Row, &'static str)> {
    names().find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Every name and alias in the order of the table.
pub fn names() -> impl Iterator<Item = (&'static Row, &'static str)> {
    ROWS.iter().flat_map(|row| std::iter::once(row.name).chain(row.alias).map(move |name| (row, name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rows::yes_no;
    const MB: u64 = 1 << 20;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_sound() {
        let mut seen = HashSet::new();
        for (row, name) in names() {
            assert!(seen.insert(name), "{name} twice");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
            assert!(row.doc.ends_with('.') && !row.doc.contains(['\n', '|']), "{name}: {}", row.doc);
            assert_eq!(find(name.to_ascii_uppercase().as_bytes()).map(|(_, name)| name), Some(name));
        }
    }

    #[test]
    fn every_default_is_a_value_that_may_be_set() {
        for row in ROWS {
            let default = Config::default();
            let mut config = default.clone();
            let value = row.get(&default);
            assert_eq!(row.set(&mut config, &value), Ok(()), "{}", row.name);
            assert_eq!(config, default, "{}", row.name);
        }
    }

    /// Each row's getter and setter are of the same field, and of no other row's.
    #[test]
    fn each_row_changes_itself_alone() {
        let default = Config::default();
        for row in ROWS {
            let value: Vec<u8> = match &row.kind {
                ValueKind::Bool { get, .. } => yes_no(!get(&default)).into(),
                ValueKind::Int { get, min, .. } => {
                    if get(&default) == *min { min + 1 } else { (*min).max(1) }.to_string().into()
                }
                ValueKind::Memory { min, .. } => (min + 2 * MB + 1).to_string().into(),
                ValueKind::Octal { .. } => b"640".to_vec(),
                ValueKind::Enum { names, get, .. } => names[(get(&default) + 1) % names.len()].into(),
                ValueKind::Text { .. } if row.name == "dir" => b"/".to_vec(),
                ValueKind::Text { .. } if row.name.ends_with("-events") => b"xKE".to_vec(),
                ValueKind::Text { .. } => b"x y".to_vec(),
                ValueKind::Words { .. } if row.name.ends_with("bind") => b"127.0.0.1 -::1".to_vec(),
                ValueKind::Words { .. } => {
                    b"normal 1 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60".to_vec()
                }
                ValueKind::Fixed { .. } => continue,
            };
            let mut config = default.clone();
            assert_eq!(row.set(&mut config, &value), Ok(()), "{}", row.name);
            assert_eq!(row.get(&config), value, "{}", row.name);
            for other in ROWS.iter().filter(|other| other.name != row.name) {
                assert_eq!(other.get(&config), other.get(&default), "{} changed {}", row.name, other.name);
            }
        }
    }

    #[test]
    fn bounds() {
        for row in ROWS {
            let mut config = Config::default();
            let (inside, outside): (Vec<String>, Vec<String>) = match &row.kind {
                ValueKind::Int { min, max, .. } => (
                    vec![min.to_string(), max.to_string()],
                    [min.checked_sub(1), max.checked_add(1)].iter().flatten().map(i64::to_string).collect(),
                ),
                ValueKind::Memory { min, max, .. } => (
                    vec![min.to_string(), max.to_string()],
                    [min.checked_sub(1), max.checked_add(1)].iter().flatten().map(u64::to_string).collect(),
                ),
                _ => continue,
            };
            for value in inside {
                assert_eq!(row.set(&mut config, value.as_bytes()), Ok(()), "{} {value}", row.name);
                if row.name != "hz" {
                    assert_eq!(row.get(&config), value.as_bytes(), "{}", row.name);
                }
            }
            for value in outside {
                let fault = row.set(&mut config, value.as_bytes()).unwrap_err();
                assert!(fault.text().starts_with("argument must be between "), "{} {value}", row.name);
            }
        }
    }
}
