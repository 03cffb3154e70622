//! Lists: node by node as they are kept.

use super::packed::{read_packed, write_packed};
use super::read::{Damaged, Reader};
use super::{kind, write, ziplist};
use crate::value::limits::Limits;
use crate::value::list::{Chunk, Limit, List, ListRef, Side};
use crate::value::packed::Element;

/// What a node of a quicklist is: one large element, or a listpack.
const LARGE: u64 = 1;
const PACKED: u64 = 2;

pub(super) fn write(list: ListRef<'_>, out: &mut Vec<u8>) {
    write::length(out, list.chunk_count() as u64);
    for chunk in list.chunks() {
        match chunk {
            Chunk::Large(bytes) => {
                write::length(out, LARGE);
                write::string(out, bytes);
            }
            Chunk::Packed(packed) => {
                write::length(out, PACKED);
                write_packed(packed, out);
            }
        }
    }
}

pub(super) fn read(what: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Damaged> {
    let limit = Limit::of(limits.list_size);
    let mut list = List::default();
    match what {
        kind::LIST => {
            for _ in 0..reader.count(1)? {
                let item = reader.string()?;
                let element = Element::of(&item);
                list.prepare(element.size(), 1, limit);
                list.push(Side::Back, element, limit);
            }
        }
        kind::LIST_ZIPLIST => list.push_chunk(ziplist::read(&reader.string()?)?),
        kind::LIST_QUICKLIST => {
            for _ in 0..reader.count(1)? {
                list.push_chunk(ziplist::read(&reader.string()?)?);
            }
        }
        _ => {
            for _ in 0..reader.count(2)? {
                match reader.length()? {
                    LARGE => list.push_large(&reader.string()?),
                    PACKED => list.push_chunk(read_packed(reader)?),
                    _ => return Err(Damaged),
                }
            }
        }
    }
    // As Redis, which leaves the one form as it is until the list is changed.
    if what != kind::LIST_ZIPLIST {
        list.loaded(limit);
    }
    if list.len() == 0 { Err(Damaged) } else { Ok(list) }
}
