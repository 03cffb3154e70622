//! Hashes: packed ones as they are, tables field by field; in front of those with deadlines stands the first of these.

use super::packed::{is_keyed, read_packed, write_packed};
use super::read::{Damaged, Reader};
use super::{kind, write, ziplist};
use crate::value::hash::{Hash, HashRef};
use crate::value::limits::Limits;

/// The latest deadline of a field that Redis can keep: 48 bits, but for the values that mean none. Unix milliseconds.
const DEADLINE_MAX: u64 = (1 << 48) - 2;

pub(super) fn kind_of(hash: HashRef<'_>) -> u8 {
    match hash {
        HashRef::Packed(_) => kind::HASH_LISTPACK,
        HashRef::Timed(_) => kind::HASH_LISTPACK_EX,
        HashRef::Table(table) if table.due().is_some() => kind::HASH_METADATA,
        HashRef::Table(_) => kind::HASH,
    }
}

pub(super) fn write(hash: HashRef<'_>, out: &mut Vec<u8>) {
    match hash {
        HashRef::Packed(packed) => write_packed(packed, out),
        HashRef::Timed(packed) => {
            write::time(out, hash.deadlines().next().map_or(0, |(first, _)| first));
            write_packed(packed, out);
        }
        HashRef::Table(table) => {
            let first = table.due();
            if let Some(first) = first {
                write::time(out, first);
            }
            write::length(out, table.len() as u64);
            for (field, value) in table.iter() {
                if let Some(first) = first {
                    // 0 is none, and the first of all is 1.
                    let behind = table.deadline(field).map_or(0, |deadline| deadline.wrapping_sub(first) + 1);
                    write::length(out, behind as u64);
                }
                write::string(out, field);
                write::string(out, value);
            }
        }
    }
}

pub(super) fn read(what: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Damaged> {
    match what {
        kind::HASH_ZIPMAP | kind::HASH_ZIPLIST | kind::HASH_LISTPACK => {
            let packed = match what {
                kind::HASH_ZIPMAP => ziplist::read_zipmap(&reader.string()?)?,
                kind::HASH_ZIPLIST => ziplist::read(&reader.string()?)?,
                _ => read_packed(reader)?,
            };
            if !is_keyed(packed.view(), 2) {
                return Err(Damaged);
            }
            // Redis looks at the lengths in a zipmap only, which had none of today's limits.
            Ok(Hash::from_pairs(packed, what == kind::HASH_ZIPMAP, limits))
        }
        kind::HASH_LISTPACK_EX | kind::HASH_LISTPACK_EX_PRE_GA => {
            if what == kind::HASH_LISTPACK_EX {
                reader.time()?;
            }
            let packed = read_packed(reader)?;
            let mut deadlines = packed.view().iter().skip(2).step_by(3);
            let in_range = |deadline: Option<i64>| deadline.is_some_and(|at| (0..=DEADLINE_MAX as i64).contains(&at));
            if !is_keyed(packed.view(), 3) || !deadlines.all(|deadline| in_range(deadline.int())) {
                return Err(Damaged);
            }
            Hash::from_triples(packed, limits).ok_or(Damaged)
        }
        _ => fields(what, reader, limits),
    }
}

fn fields(what: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Damaged> {
    let first = if what == kind::HASH_METADATA { u64::from_le_bytes(reader.array()?) } else { 1 };
    let count = reader.count(2)?;
    let mut hash = Hash::default();
    hash.expect(count, limits);
    if what != kind::HASH {
        hash.make_timed();
    }
    for _ in 0..count {
        let deadline = match what {
            kind::HASH => 0,
            // Relative to the first, from 1 on; in the older form absolute, which is the same with a first of 1.
            _ => match reader.length()? {
                0 => 0,
                behind => first.checked_add(behind - 1).ok_or(Damaged)?,
            },
        };
        let (field, value) = (reader.string()?, reader.string()?);
        if deadline > DEADLINE_MAX || !hash.set(&field, &value, true, limits) {
            return Err(Damaged);
        }
        if deadline != 0 {
            hash.set_deadline(&field, Some(deadline as i64));
        }
    }
    if count == 0 { Err(Damaged) } else { Ok(hash) }
}
