//! What stands before a value: its type and form. Values from Redis's `rdb.h`.

/// A string.
pub const STRING: u8 = 0;
/// A list, element by element.
pub const LIST: u8 = 1;
/// A set, member by member.
pub const SET: u8 = 2;
/// A sorted set with scores as texts.
pub const ZSET: u8 = 3;
/// A hash, field by field.
pub const HASH: u8 = 4;
/// A sorted set with scores as doubles.
pub const ZSET_2: u8 = 5;
/// A hash of Redis 2.4.
pub const HASH_ZIPMAP: u8 = 9;
/// A list in one ziplist.
pub const LIST_ZIPLIST: u8 = 10;
/// A set of integers.
pub const SET_INTSET: u8 = 11;
/// A sorted set in a ziplist.
pub const ZSET_ZIPLIST: u8 = 12;
/// A hash in a ziplist.
pub const HASH_ZIPLIST: u8 = 13;
/// A list of ziplists.
pub const LIST_QUICKLIST: u8 = 14;
/// A stream of Redis 5.
pub const STREAM_LISTPACKS: u8 = 15;
/// A hash in a listpack.
pub const HASH_LISTPACK: u8 = 16;
/// A sorted set in a listpack.
pub const ZSET_LISTPACK: u8 = 17;
/// A list of listpacks and large elements.
pub const LIST_QUICKLIST_2: u8 = 18;
/// A stream of Redis 7.0.
pub const STREAM_LISTPACKS_2: u8 = 19;
/// A set in a listpack.
pub const SET_LISTPACK: u8 = 20;
/// A stream of Redis 7.2.
pub const STREAM_LISTPACKS_3: u8 = 21;
/// As [`HASH_METADATA`], of release candidates of Redis 7.4.
pub const HASH_METADATA_PRE_GA: u8 = 22;
/// As [`HASH_LISTPACK_EX`], of release candidates of Redis 7.4.
pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
/// A hash with deadlines, field by field.
pub const HASH_METADATA: u8 = 24;
/// A hash with deadlines in a listpack.
pub const HASH_LISTPACK_EX: u8 = 25;
