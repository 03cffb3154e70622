//! Fields that are numbers. Their deadlines stay.

use crate::event::class;
use crate::unit::Unit;
use crate::value::hash::{Hash, HashRef};
use crate::value::packed::Element;
use curfew_protocol::args::integer;
use curfew_protocol::long_double::LongDouble;
use curfew_protocol::{Args, Error, Reply, number};

pub(super) fn hincrby(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, field, increment) = (args.at(1), args.at(2), integer(args.at(3))?);
    let present = match value(unit.peek_view::<Hash>(key)?, field) {
        None => 0,
        Some(Element::Int(number)) => number,
        Some(Element::Bytes(bytes)) => number::parse_i64(bytes).ok_or(Error::HASH_NOT_AN_INTEGER)?,
    };
    let sum = present.checked_add(increment).ok_or(Error::OVERFLOW)?;
    store(unit, key, field, itoa::Buffer::new().format(sum).as_bytes())?;
    unit.effect(key, args.iter());
    unit.changed(key, class::HASH, "hincrby");
    out.int(sum);
    Ok(())
}

pub(super) fn hincrbyfloat(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, field) = (args.at(1), args.at(2));
    let increment = LongDouble::parse(args.at(3)).ok_or(Error::NOT_A_FLOAT)?;
    if !increment.is_finite() {
        return Err(Error::HASH_INCREMENT_INFINITE);
    }
    let hash = unit.peek_view::<Hash>(key)?;
    let mut digits = itoa::Buffer::new();
    let present = value(hash, field).map_or(b"0".as_slice(), |value| value.bytes(&mut digits));
    let sum = LongDouble::parse(present).ok_or(Error::HASH_NOT_A_FLOAT)?.add(increment);
    if !sum.is_finite() {
        return Err(Error::NAN_OR_INFINITY);
    }
    let is_timed = hash.and_then(|hash| hash.deadline(field)).flatten().is_some();
    let mut text = Vec::with_capacity(32);
    sum.format(&mut text);
    store(unit, key, field, &text)?;
    // The sum, since replicas and logs must not depend on how numbers are rounded. HSET would clear a deadline.
    if is_timed {
        unit.effect(key, [b"HSETEX".as_slice(), key, b"KEEPTTL", b"FIELDS", b"1", field, &text]);
    } else {
        unit.effect(key, [b"HSET".as_slice(), key, field, &text]);
    }
    unit.changed(key, class::HASH, "hincrbyfloat");
    out.bulk(&text);
    Ok(())
}

fn value<'a>(hash: Option<HashRef<'a>>, field: &[u8]) -> Option<Element<'a>> {
    hash.and_then(|hash| hash.get(field))
}

fn store(unit: &mut Unit<'_>, key: &[u8], field: &[u8], value: &[u8]) -> Result<(), Error> {
    let limits = unit.settings.limits;
    unit.edit_or_new(key, |hash: &mut Hash| hash.set(field, value, true, &limits)).map(|_| ())
}
