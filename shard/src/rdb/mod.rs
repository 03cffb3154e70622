//! Values in the format of Redis's RDB files, which is that of DUMP's payloads too: version 12, what Redis 8.0 writes.
//!
//! | file | what |
//! |---|---|
//! | `read.rs`, `write.rs` | lengths, strings (plain, numbers, compressed), times |
//! | `lzf.rs`, `crc64.rs` | compression and checksum |
//! | `payload.rs` | the footer of DUMP and FUNCTION DUMP |
//! | `string.rs`, `list.rs`, ... | one type of values each |
//! | `ziplist.rs` | the packed forms of Redis before 7.0 |
//!
//! Read is whatever Redis 2.6 to 8.0 writes, but for modules. The bytes may come from anybody: a reader checks everything that
//! the types rely on (order, uniqueness, counts), never panics, and allocates in proportion to the bytes that are there. Redis
//! itself checks less by default (`sanitize-dump-payload no`), so a payload that no server has ever written may be refused here
//! and accepted there.

pub mod crc64;
mod hash;
mod list;
pub mod lzf;
pub mod payload;
mod read;
mod set;
mod sorted_set;
mod stream;
mod string;
#[cfg(test)]
mod tests;
pub mod write;
mod ziplist;

pub use read::{Damaged, Reader};

use crate::keyspace::EntryRef;
use crate::value::hash::Hash;
use crate::value::kind::Type;
use crate::value::limits::Limits;
use crate::value::list::List;
use crate::value::object::Boxed;
use crate::value::packed::{Element, Packed, PackedRef};
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use crate::value::stream::Stream;
use std::borrow::Cow;
use std::collections::HashSet;

/// The version of the format that is written, and the latest that is read.
pub const VERSION: u16 = 12;

/// What stands before a value: its type and form. Values from Redis's `rdb.h`.
pub mod kind {
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
}

/// A value that was read.
#[derive(Debug)]
pub enum Loaded<'a> {
    /// A string.
    Str(Cow<'a, [u8]>),
    /// A list that is not empty.
    List(List),
    /// A set that is not empty.
    Set(Set),
    /// A sorted set that is not empty.
    ZSet(SortedSet),
    /// A hash that is not empty.
    Hash(Hash),
    /// A stream, perhaps empty.
    Stream(Stream),
}

/// What stands before the value of `entry`: one of [`kind`]. O(1).
pub fn kind_of(entry: EntryRef<'_>) -> u8 {
    match entry.kind() {
        Type::String => kind::STRING,
        Type::List => kind::LIST_QUICKLIST_2,
        Type::Set => entry.view::<Set>().map_or(kind::SET, set::kind_of),
        Type::ZSet => entry.view::<SortedSet>().map_or(kind::ZSET_2, sorted_set::kind_of),
        Type::Hash => entry.view::<Hash>().map_or(kind::HASH, hash::kind_of),
        Type::Stream => kind::STREAM_LISTPACKS_3,
    }
}

/// Appends the value of `entry`, without what stands before it. O(n) in the value.
pub fn write_value(entry: EntryRef<'_>, out: &mut Vec<u8>) {
    fn of<T: Boxed>(entry: EntryRef<'_>, out: &mut Vec<u8>, write: impl FnOnce(T::View<'_>, &mut Vec<u8>)) {
        // The type of the entry says that it is one.
        if let Some(view) = entry.view::<T>() {
            write(view, out);
        }
    }
    match entry.kind() {
        Type::String => string::write(entry, out),
        Type::List => of::<List>(entry, out, list::write),
        Type::Set => of::<Set>(entry, out, set::write),
        Type::ZSet => of::<SortedSet>(entry, out, sorted_set::write),
        Type::Hash => of::<Hash>(entry, out, hash::write),
        Type::Stream => of::<Stream>(entry, out, stream::write),
    }
}

/// Takes a value before which `what` stood. Its encoding is what Redis would choose under `limits`. O(n), more for sorted sets.
///
/// # Errors
/// The bytes are not such a value, or it is empty and its type does not keep empty ones.
pub fn read_value<'a>(what: u8, reader: &mut Reader<'a>, limits: &Limits) -> Result<Loaded<'a>, Damaged> {
    use kind::*;
    Ok(match what {
        STRING => Loaded::Str(reader.string()?),
        LIST | LIST_ZIPLIST | LIST_QUICKLIST | LIST_QUICKLIST_2 => Loaded::List(list::read(what, reader, limits)?),
        SET | SET_INTSET | SET_LISTPACK => Loaded::Set(set::read(what, reader, limits)?),
        ZSET | ZSET_2 | ZSET_ZIPLIST | ZSET_LISTPACK => Loaded::ZSet(sorted_set::read(what, reader, limits)?),
        HASH
        | HASH_ZIPMAP
        | HASH_ZIPLIST
        | HASH_LISTPACK
        | HASH_METADATA_PRE_GA
        | HASH_LISTPACK_EX_PRE_GA
        | HASH_METADATA
        | HASH_LISTPACK_EX => Loaded::Hash(hash::read(what, reader, limits)?),
        STREAM_LISTPACKS | STREAM_LISTPACKS_2 | STREAM_LISTPACKS_3 => Loaded::Stream(stream::read(what, reader)?),
        _ => return Err(Damaged),
    })
}

// ---- what several types share ----------------------------------------------------------------------------------------------

/// Appends a packed sequence as a string that is a listpack.
fn write_packed(packed: PackedRef<'_>, out: &mut Vec<u8>) {
    let mut listpack = Vec::with_capacity(packed.listpack_bytes());
    packed.write_listpack(&mut listpack);
    write::string(out, &listpack);
}

/// Takes a string that is a listpack.
fn read_packed(reader: &mut Reader<'_>) -> Result<Packed, Damaged> {
    let packed = Packed::from_listpack(&reader.string()?).ok_or(Damaged)?;
    // What looks like a number is one in all packed sequences: comparisons rely on it.
    let is_hidden = |element| matches!(element, Element::Bytes(bytes) if Element::of(bytes).int().is_some());
    if !packed.view().iter().any(is_hidden) {
        return Ok(packed);
    }
    let mut canonical = Packed::new();
    for element in packed.view().iter() {
        match element {
            Element::Bytes(bytes) => canonical.push_back(Element::of(bytes)),
            number => canonical.push_back(number),
        }
    }
    Ok(canonical)
}

/// Whether the elements at indices 0, `step`, 2 * `step`, ... are all different, and their groups whole and not none. O(n).
fn is_keyed(packed: PackedRef<'_>, step: usize) -> bool {
    #[derive(PartialEq, Eq, Hash)]
    enum Key<'a> {
        Int(i64),
        Bytes(&'a [u8]),
    }
    let mut seen = HashSet::new();
    let mut keys = packed.iter().step_by(step).map(|element| match element {
        Element::Int(number) => Key::Int(number),
        Element::Bytes(bytes) => Key::Bytes(bytes),
    });
    !packed.is_empty() && packed.len().is_multiple_of(step) && keys.all(|key| seen.insert(key))
}
