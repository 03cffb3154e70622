//! Keyspace events: what changed, told to subscribers (and later to streams) once the unit is over.

pub mod durable;
pub mod trigger;

/// Classes of events and the two kinds of channel, as the bits that `notify-keyspace-events` switches on.
pub mod class {
    /// `K`: the channel `__keyspace@N__:key` carries the event's name.
    pub const KEYSPACE: u32 = 1 << 0;
    /// `E`: the channel `__keyevent@N__:event` carries the key.
    pub const KEYEVENT: u32 = 1 << 1;
    /// `g`: DEL, EXPIRE, RENAME, ... of any type.
    pub const GENERIC: u32 = 1 << 2;
    /// `$`: strings.
    pub const STRING: u32 = 1 << 3;
    /// `l`: lists.
    pub const LIST: u32 = 1 << 4;
    /// `s`: sets.
    pub const SET: u32 = 1 << 5;
    /// `h`: hashes.
    pub const HASH: u32 = 1 << 6;
    /// `z`: sorted sets.
    pub const ZSET: u32 = 1 << 7;
    /// `x`: a key went at its deadline.
    pub const EXPIRED: u32 = 1 << 8;
    /// `e`: a key was evicted for memory. Never mixed with `expired`.
    pub const EVICTED: u32 = 1 << 9;
    /// `t`: streams.
    pub const STREAM: u32 = 1 << 10;
    /// `m`: a read found no key; not part of `A`.
    pub const KEY_MISS: u32 = 1 << 11;
    /// `d`: modules' events. Curfew has none; the letter is accepted as part of `A`.
    pub const MODULE: u32 = 1 << 13;
    /// `n`: a key came into being; not part of `A`.
    pub const NEW: u32 = 1 << 14;
    /// `A`: all classes but `m` and `n`.
    pub const ALL: u32 = GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;
}

/// The names of all events, as in Redis 8.0.
pub const NAMES: &[&str] = &[
    "append",
    "copy_to",
    "decrby",
    "del",
    "evicted",
    "expire",
    "expired",
    "geosearchstore",
    "georadiusstore",
    "hdel",
    "hexpire",
    "hexpired",
    "hincrby",
    "hincrbyfloat",
    "hpersist",
    "hset",
    "incrby",
    "incrbyfloat",
    "keymiss",
    "linsert",
    "lpop",
    "lpush",
    "lrem",
    "lset",
    "ltrim",
    "move_from",
    "move_to",
    "new",
    "persist",
    "pfadd",
    "rename_from",
    "rename_to",
    "restore",
    "rpop",
    "rpush",
    "sadd",
    "sdiffstore",
    "set",
    "setbit",
    "setrange",
    "sinterstore",
    "sortstore",
    "spop",
    "srem",
    "sunionstore",
    "xadd",
    "xdel",
    "xgroup-create",
    "xgroup-createconsumer",
    "xgroup-delconsumer",
    "xgroup-destroy",
    "xgroup-setid",
    "xsetid",
    "xtrim",
    "zadd",
    "zdiffstore",
    "zincr",
    "zinterstore",
    "zpopmax",
    "zpopmin",
    "zrangestore",
    "zrem",
    "zremrangebylex",
    "zremrangebyrank",
    "zremrangebyscore",
    "zunionstore",
];

/// One event, in the order of the changes within its unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// One bit of [`class`].
    pub class: u32,
    /// `set`, `del`, `expired`, ...
    pub name: &'static str,
    /// The key's database.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
}
