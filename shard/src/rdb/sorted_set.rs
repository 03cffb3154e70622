//! Sorted sets: packed ones as they are, large ones from the last member to the first, as Redis writes them.

use super::packed::{read_packed, write_packed};
use super::read::{Damaged, Reader};
use super::{kind, write, ziplist};
use crate::value::limits::Limits;
use crate::value::sorted_set::{Inserted, SortedSet, SortedSetRef};
use curfew_protocol::number;

pub(super) fn kind_of(set: SortedSetRef<'_>) -> u8 {
    match set {
        SortedSetRef::Packed(_) => kind::ZSET_LISTPACK,
        SortedSetRef::Large(_) => kind::ZSET_2,
    }
}

pub(super) fn write(set: SortedSetRef<'_>, out: &mut Vec<u8>) {
    match set {
        SortedSetRef::Packed(packed) => write_packed(packed, out),
        SortedSetRef::Large(_) => {
            write::length(out, set.len() as u64);
            let mut digits = itoa::Buffer::new();
            for (member, score) in set.range_back(0..set.len()) {
                write::string(out, member.bytes(&mut digits));
                out.extend_from_slice(&score.to_le_bytes());
            }
        }
    }
}

pub(super) fn read(what: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<SortedSet, Damaged> {
    let packed = match what {
        kind::ZSET_ZIPLIST => ziplist::read(&reader.string()?)?,
        kind::ZSET_LISTPACK => read_packed(reader)?,
        _ => return members(what, reader, limits),
    };
    let mut set = SortedSet::from_packed(packed).filter(|set| !set.is_empty()).ok_or(Damaged)?;
    set.expect(set.len(), 0, limits);
    Ok(set)
}

fn members(what: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<SortedSet, Damaged> {
    let count = reader.count(2)?;
    let mut set = SortedSet::default();
    set.expect(count, 0, limits);
    for _ in 0..count {
        let member = reader.string()?;
        let score = if what == kind::ZSET { text(reader)? } else { reader.double()? };
        if score.is_nan() || set.insert(&member, score, limits) != Inserted::Added {
            return Err(Damaged);
        }
    }
    if count == 0 { Err(Damaged) } else { Ok(set) }
}

/// A score as a text: its length, of which the highest values stand for what has none.
fn text(reader: &mut Reader<'_>) -> Result<f64, Damaged> {
    match reader.byte()? {
        255 => Ok(f64::NEG_INFINITY),
        254 => Ok(f64::INFINITY),
        253 => Err(Damaged),
        len => number::parse_f64(reader.take(len.into())?).ok_or(Damaged),
    }
}
