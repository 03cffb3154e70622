//! Commands that set and delete fields.

use super::effect::{leave_deletion, pairs};
use crate::event::class;
use crate::unit::Unit;
use crate::value::hash::Hash;
use curfew_protocol::{Args, Error, Reply};

pub(super) fn hset(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.count(set(unit, args, "hset")?);
    Ok(())
}

pub(super) fn hmset(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    set(unit, args, "hmset")?;
    out.ok();
    Ok(())
}

/// Sets the fields, whose deadlines go; tells how many are new.
fn set(unit: &mut Unit<'_>, args: Args<'_>, name: &str) -> Result<usize, Error> {
    if !args.len().is_multiple_of(2) {
        return Err(Error::wrong_arity(name));
    }
    let (key, limits) = (args.at(1), unit.settings.limits);
    let created = unit.edit_or_new(key, |hash: &mut Hash| hash.set_all(pairs(args.tail(2)), false, &limits))?.value;
    unit.effect(key, args.iter());
    unit.changed(key, class::HASH, "hset");
    Ok(created)
}

pub(super) fn hsetnx(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, field, limits) = (args.at(1), args.at(2), unit.settings.limits);
    let is_absent = unit.peek_view::<Hash>(key)?.is_none_or(|hash| !hash.contains(field));
    if is_absent {
        unit.edit_or_new(key, |hash: &mut Hash| hash.set(field, args.at(3), false, &limits))?;
        unit.effect(key, [b"HSET".as_slice(), key, field, args.at(3)]);
        unit.changed(key, class::HASH, "hset");
    }
    out.flag(is_absent);
    Ok(())
}

pub(super) fn hdel(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    // Nothing is copied where nothing is to be deleted.
    let found = unit.peek_view::<Hash>(key)?.is_some_and(|hash| {
        let mut finder = hash.finder();
        args.iter().skip(2).any(|field| finder.get(field).is_some())
    });
    if !found {
        out.int(0);
        return Ok(());
    }
    let mut deleted: Vec<&[u8]> = Vec::new();
    let edited = unit.edit(key, |hash: &mut Hash| {
        deleted.extend(args.iter().skip(2).filter(|field| hash.remove(field)));
    })?;
    leave_deletion(unit, key, &deleted);
    unit.changed(key, class::HASH, "hdel");
    if edited.is_some_and(|edited| edited.emptied) {
        unit.event(class::GENERIC, "del", key);
    }
    out.count(deleted.len());
    Ok(())
}
