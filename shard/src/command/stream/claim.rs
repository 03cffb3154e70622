//! XCLAIM and XAUTOCLAIM: pending entries change hands.

use super::effect;
use super::parse::{integer_or, start_id, strict_id};
use super::reply::{reply_entry, reply_id};
use crate::event::class;
use crate::unit::Unit;
use crate::value::stream::{Body, Pending, Stream, StreamId};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply};

/// XAUTOCLAIM looks at so many entries for each one that it may claim.
const LOOKS: usize = 10;

/// Redis cannot get the memory for a count beyond this.
const COUNT_MAX: i64 = 1 << 42;

/// What a claim is about.
struct Claim<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
    min_idle: i64,
    just_id: bool,
}

/// What a claim has changed.
#[derive(Default)]
struct Claimed {
    created: bool,
    last_id: StreamId,
    /// What `entries_read` is, if LASTID has moved the group on.
    moved: Option<i64>,
    /// In order: entries that have changed hands, and entries that are pending no longer because they are gone.
    changes: Vec<(StreamId, Option<Pending>)>,
}

pub(super) fn xclaim(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut claim = Claim::read(unit, args)?;
    if !claim.exists(unit)? {
        return Err(Error::no_group(claim.key, claim.group));
    }
    claim.min_idle = integer_or(args.at(4), Error::XCLAIM_MIN_IDLE)?.max(0);
    let mut ids = Vec::new();
    let mut at = 5;
    while let Some(id) = args.get(at).and_then(|arg| StreamId::parse_strict(arg, 0)) {
        ids.push(id);
        at += 1;
    }
    let now = unit.now.ms;
    // Minus one stands for an option that was not given, as in Redis.
    let (mut force, mut time, mut retries, mut last_id) = (false, -1, -1, None);
    let mut cursor = args.cursor(at);
    while let Some(option) = cursor.next() {
        if is(option, "FORCE") {
            force = true;
        } else if is(option, "JUSTID") {
            claim.just_id = true;
        } else if cursor.left() == 0 {
            return Err(Error::xclaim_option(option));
        } else if is(option, "IDLE") {
            time = now.wrapping_sub(integer_or(cursor.need()?, Error::XCLAIM_IDLE)?);
        } else if is(option, "TIME") {
            time = integer_or(cursor.need()?, Error::XCLAIM_TIME)?;
        } else if is(option, "RETRYCOUNT") {
            retries = integer_or(cursor.need()?, Error::XCLAIM_RETRY)?;
        } else if is(option, "LASTID") {
            last_id = Some(strict_id(cursor.need()?)?);
        } else {
            return Err(Error::xclaim_option(option));
        }
    }
    // A time ahead of the clock is a client's clock that is wrong; but with LASTID, which only journals and describing
    // use, it is this clock that is wrong or stands still.
    if time < 0 || time > now && last_id.is_none() {
        time = now;
    }
    let edited = unit.edit(claim.key, |stream: &mut Stream| {
        let Body { log, groups } = &mut **stream;
        let group = groups.get_mut(claim.group)?;
        let mut done = Claimed::default();
        if let Some(last_id) = last_id.filter(|id| *id > group.last_id) {
            group.last_id = last_id;
            done.moved = Some(group.entries_read);
        }
        done.last_id = group.last_id;
        let (number, created) = group.find_or_create(claim.consumer, now);
        done.created = created;
        let mark = out.mark();
        let (mut count, mut active) = (0, false);
        for id in ids {
            let before = group.get(id);
            let Some(entry) = log.get(id) else {
                if group.acknowledge(id) {
                    done.changes.push((id, None));
                }
                continue;
            };
            let deliveries = match before {
                None if !force => continue,
                None => 1,
                Some(before) if claim.min_idle > 0 && now.saturating_sub(before.time) < claim.min_idle => continue,
                Some(before) => before.count,
            };
            let deliveries = match retries {
                0.. => retries as u64,
                _ if claim.just_id => deliveries,
                _ => deliveries.wrapping_add(1),
            };
            let pending = Pending { time, count: deliveries, consumer: number };
            group.give(id, pending);
            if claim.just_id {
                reply_id(out, id);
            } else {
                reply_entry(out, &entry);
            }
            count += 1;
            active = true;
            done.changes.push((id, Some(pending)));
        }
        out.array_at(mark, count);
        if let Some(consumer) = group.consumer_mut(number) {
            consumer.seen = now;
            if active {
                consumer.active = now;
            }
        }
        Some(done)
    })?;
    if let Some(done) = edited.and_then(|edited| edited.value) {
        claim.leave(unit, done);
    }
    Ok(())
}

pub(super) fn xautoclaim(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut claim = Claim::read(unit, args)?;
    // Looked up first, as a miss is announced, but arguments are judged before types.
    let exists = claim.exists(unit);
    claim.min_idle = integer_or(args.at(4), Error::XAUTOCLAIM_MIN_IDLE)?.max(0);
    let start = start_id(args.at(5))?;
    let (mut most, mut cursor) = (100, args.cursor(6));
    while let Some(option) = cursor.next() {
        if is(option, "COUNT") && cursor.left() > 0 {
            let count = integer_or(cursor.need()?, Error::COUNT_NOT_ABOVE_ZERO)?;
            if !(1..=i64::MAX / 16).contains(&count) {
                return Err(Error::COUNT_NOT_ABOVE_ZERO);
            }
            most = count;
        } else if is(option, "JUSTID") {
            claim.just_id = true;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if !exists? {
        return Err(Error::no_group(claim.key, claim.group));
    }
    if most > COUNT_MAX {
        return Err(Error::XAUTOCLAIM_MEMORY);
    }
    let (now, most) = (unit.now.ms, most as usize);
    let edited = unit.edit(claim.key, |stream: &mut Stream| {
        let Body { log, groups } = &mut **stream;
        let group = groups.get_mut(claim.group)?;
        let (number, created) = group.find_or_create(claim.consumer, now);
        let mut done = Claimed { created, last_id: group.last_id, ..Claimed::default() };
        let (mut entries, mut claimed, mut gone) = (Reply::new(out.resp), 0, Vec::new());
        let (mut next, mut looks, mut left) = (Some(start), LOOKS.saturating_mul(most), most);
        let mut rest = StreamId::MIN;
        while let Some(from) = next {
            let Some((id, before)) = group.pending(from..).next().map(|(id, pending)| (*id, *pending)) else { break };
            if looks == 0 || left == 0 {
                rest = id;
                break;
            }
            looks -= 1;
            next = id.next();
            let Some(entry) = log.get(id) else {
                group.acknowledge(id);
                done.changes.push((id, None));
                gone.push(id);
                left -= 1;
                continue;
            };
            if claim.min_idle > 0 && now.saturating_sub(before.time) < claim.min_idle {
                continue;
            }
            let count = before.count.wrapping_add(u64::from(!claim.just_id));
            let pending = Pending { time: now, count, consumer: number };
            group.give(id, pending);
            if claim.just_id {
                reply_id(&mut entries, id);
            } else {
                reply_entry(&mut entries, &entry);
            }
            claimed += 1;
            left -= 1;
            done.changes.push((id, Some(pending)));
        }
        if let Some(consumer) = group.consumer_mut(number) {
            consumer.seen = now;
            if claimed > 0 {
                consumer.active = now;
            }
        }
        out.array(3);
        reply_id(out, rest);
        out.array(claimed);
        out.raw(entries.as_bytes());
        out.array(gone.len());
        gone.iter().for_each(|id| reply_id(out, *id));
        Some(done)
    })?;
    if let Some(done) = edited.and_then(|edited| edited.value) {
        claim.leave(unit, done);
    }
    Ok(())
}

impl<'a> Claim<'a> {
    fn read(_: &Unit<'_>, args: Args<'a>) -> Result<Claim<'a>, Error> {
        Ok(Claim { key: args.at(1), group: args.at(2), consumer: args.at(3), min_idle: 0, just_id: false })
    }

    /// Whether the group exists.
    fn exists(&self, unit: &mut Unit<'_>) -> Result<bool, Error> {
        Ok(unit.view::<Stream>(self.key)?.is_some_and(|body| body.groups.contains_key(self.group)))
    }

    /// Leaves effects and events.
    fn leave(&self, unit: &mut Unit<'_>, done: Claimed) {
        if done.created {
            effect::consumer_created(unit, self.key, self.group, self.consumer);
            unit.event(class::STREAM, "xgroup-createconsumer", self.key);
        }
        for (id, pending) in done.changes {
            match pending {
                Some(pending) => {
                    effect::claimed(unit, self.key, self.group, self.consumer, id, pending, done.last_id);
                }
                None => effect::acknowledged(unit, self.key, self.group, id),
            }
        }
        if let Some(entries_read) = done.moved {
            effect::moved(unit, self.key, self.group, done.last_id, entries_read);
        }
    }
}
