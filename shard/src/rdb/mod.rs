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
pub mod kind;
mod list;
pub mod lzf;
mod packed;
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
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use crate::value::stream::Stream;
use std::borrow::Cow;

/// The version of the format that is written, and the latest that is read.
pub const VERSION: u16 = 12;

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
