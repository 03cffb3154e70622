//! XADD, XTRIM, XDEL, XSETID: what changes the entries.

use super::parse::{add_options, integer_or, node_limits, strict_id, strict_ids};
use super::reply::reply_id;
use crate::event::class;
use crate::unit::Unit;
use crate::value::stream::{AddError, NewId, Stream, StreamId};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply};

pub(super) fn xadd(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let limits = unit.settings.limits;
    let options = add_options(args, true, limits)?;
    let pairs = args.tail(options.at + 1);
    let wanted = match options.id {
        Some(id) if pairs.len() >= 2 && pairs.len().is_multiple_of(2) => id,
        _ => return Err(Error::wrong_arity("xadd")),
    };
    if wanted == NewId::Exact(StreamId::MIN) {
        return Err(Error::XADD_ZERO);
    }
    let (key, now, trim) = (args.at(1), unit.now.ms.max(0) as u64, options.trim);
    let limits = node_limits(limits);
    let add = |stream: &mut Stream| {
        let log = &mut stream.log;
        let id = log.add(wanted, now, pairs.iter(), limits)?;
        let trimmed = trim.map_or(0, |trim| log.trim(trim));
        Ok((id, trimmed, log.len()))
    };
    let added = match unit.edit(key, add)? {
        Some(edited) => edited.value,
        None if options.no_mkstream => {
            out.null();
            return Ok(());
        }
        // The first entry of a stream may have any id but 0-0, so this does not leave an empty one behind an error.
        None => unit.edit_or_new(key, add)?.value,
    };
    let (id, trimmed, len) = added.map_err(|error| match error {
        AddError::Exhausted => Error::XADD_EXHAUSTED,
        AddError::TooSmall => Error::XADD_SMALL,
        AddError::TooLarge => Error::XADD_LARGE,
    })?;
    reply_id(out, id);
    let mut digits = itoa::Buffer::new();
    let trim: [&[u8]; 3] = [b"MAXLEN", b"=", digits.format(len).as_bytes()];
    let trim = if trimmed > 0 { trim.as_slice() } else { &[] };
    let text = id.text();
    let command = [b"XADD".as_slice(), key].into_iter().chain(trim.iter().copied()).chain([&*text]);
    unit.effect(key, command.chain(pairs.iter()));
    unit.changed(key, class::STREAM, "xadd");
    if trimmed > 0 {
        unit.event(class::STREAM, "xtrim", key);
    }
    Ok(())
}

pub(super) fn xtrim(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let options = add_options(args, false, unit.settings.limits)?;
    let Some(trim) = options.trim else { return Err(Error::TRIM_NONE) };
    let key = args.at(1);
    let edited = unit.edit(key, |stream: &mut Stream| (stream.log.trim(trim), stream.log.len()))?;
    let (removed, len) = edited.map_or((0, 0), |edited| edited.value);
    out.int(removed as i64);
    if removed > 0 {
        let mut digits = itoa::Buffer::new();
        unit.effect(key, [b"XTRIM".as_slice(), key, b"MAXLEN", b"=", digits.format(len).as_bytes()]);
        unit.changed(key, class::STREAM, "xtrim");
    }
    Ok(())
}

pub(super) fn xdel(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    // Without a stream, ids are not even looked at.
    if unit.peek_view::<Stream>(key)?.is_none() {
        out.int(0);
        return Ok(());
    }
    let ids = strict_ids(args.tail(2))?;
    let edited = unit.edit(key, |stream: &mut Stream| stream.log.delete(&ids))?;
    let deleted = edited.map_or(0, |edited| edited.value);
    out.int(deleted as i64);
    if deleted > 0 {
        unit.effect(key, args.iter());
        unit.changed(key, class::STREAM, "xdel");
    }
    Ok(())
}

pub(super) fn xsetid(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, id) = (args.at(1), strict_id(args.at(2))?);
    let (mut added, mut max_deleted) = (None, StreamId::MIN);
    let mut cursor = args.cursor(3);
    while let Some(option) = cursor.next() {
        let Some(value) = cursor.next() else { return Err(Error::SYNTAX) };
        if is(option, "ENTRIESADDED") {
            let number = integer_or(value, Error::NOT_AN_INTEGER)?;
            added = Some(u64::try_from(number).map_err(|_| Error::XSETID_ADDED)?);
        } else if is(option, "MAXDELETEDID") {
            max_deleted = strict_id(value)?;
            if id < max_deleted {
                return Err(Error::XSETID_DELETED);
            }
        } else {
            return Err(Error::SYNTAX);
        }
    }
    let edited = unit.edit(key, |stream: &mut Stream| {
        let log = &mut stream.log;
        if id < log.max_deleted_id {
            return Err(Error::XSETID_MAX_DELETED);
        }
        if log.last_live_id().is_some_and(|last| id < last) {
            return Err(Error::XSETID_SMALL);
        }
        if added.is_some_and(|added| added < log.len()) {
            return Err(Error::XSETID_LENGTH);
        }
        log.last_id = id;
        log.entries_added = added.unwrap_or(log.entries_added);
        if !max_deleted.is_zero() {
            log.max_deleted_id = max_deleted;
        }
        Ok(())
    })?;
    edited.ok_or(Error::NO_SUCH_KEY)?.value?;
    out.ok();
    unit.effect(key, args.iter());
    unit.event(class::STREAM, "xsetid", key);
    Ok(())
}
