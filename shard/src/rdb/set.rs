//! Sets: integers and packed ones as they are, tables member by member.

use super::packed::{is_keyed, read_packed, write_packed};
use super::read::{Damaged, Reader};
use super::{kind, write};
use crate::value::dict::Dict;
use crate::value::limits::Limits;
use crate::value::packed::Element;
use crate::value::set::{Ints, Set, SetRef};

pub(super) fn kind_of(set: SetRef<'_>) -> u8 {
    match set {
        SetRef::Ints(_) => kind::SET_INTSET,
        SetRef::Packed(_) => kind::SET_LISTPACK,
        SetRef::Table(_) => kind::SET,
    }
}

pub(super) fn write(set: SetRef<'_>, out: &mut Vec<u8>) {
    match set {
        SetRef::Ints(ints) => {
            let (width, len) = (ints.width() as u32, ints.len() as u32);
            write::string(out, &[&width.to_le_bytes(), &len.to_le_bytes(), ints.body()].concat());
        }
        SetRef::Packed(packed) => write_packed(packed, out),
        SetRef::Table(table) => {
            write::length(out, table.len() as u64);
            table.iter().for_each(|(member, _)| write::string(out, member));
        }
    }
}

pub(super) fn read(what: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Damaged> {
    let mut set = match what {
        kind::SET_INTSET => Set::Ints(Ints::from_intset(&reader.string()?).ok_or(Damaged)?),
        kind::SET_LISTPACK => {
            Set::Packed(Some(read_packed(reader)?).filter(|set| is_keyed(set.view(), 1)).ok_or(Damaged)?)
        }
        _ => return members(reader, limits),
    };
    let len = set.view().len();
    set.expect(len, limits);
    if len == 0 { Err(Damaged) } else { Ok(set) }
}

/// Member by member: Redis begins with integers, unless there are too many.
fn members(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Damaged> {
    let count = reader.count(1)?;
    let is_table = count > limits.set_ints.min(1 << 30);
    let mut set = if is_table { Set::Table(Dict::new()) } else { Set::Ints(Ints::new()) };
    for _ in 0..count {
        if !set.add(Element::Bytes(&reader.string()?), limits) {
            return Err(Damaged);
        }
    }
    if count == 0 { Err(Damaged) } else { Ok(set) }
}
