//! XACK and XPENDING.

use super::parse::{end_id, start_id, strict_ids};
use super::reply::reply_id;
use crate::unit::Unit;
use crate::value::stream::{Group, Stream, StreamId};
use curfew_protocol::args::{integer, is};
use curfew_protocol::{Args, Error, Reply};

pub(super) fn xack(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, group) = (args.at(1), args.at(2));
    let there = unit.view::<Stream>(key)?.is_some_and(|body| body.groups.contains_key(group));
    if !there {
        out.int(0);
        return Ok(());
    }
    let ids = strict_ids(args.tail(3))?;
    let edited = unit.edit(key, |stream: &mut Stream| {
        let group = stream.groups.get_mut(group)?;
        Some(ids.iter().filter(|id| group.acknowledge(**id)).count())
    })?;
    let acknowledged = edited.and_then(|edited| edited.value).unwrap_or(0);
    out.count(acknowledged);
    if acknowledged > 0 {
        unit.effect(key, args.iter());
    }
    Ok(())
}

pub(super) fn xpending(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, name) = (args.at(1), args.at(2));
    let filter = match args.len() {
        3 => None,
        6..=9 => Some(Filter::read(args)?),
        _ => return Err(Error::SYNTAX),
    };
    let now = unit.now.ms;
    let group = unit.view::<Stream>(key)?.and_then(|body| body.groups.get(name));
    let group = group.ok_or_else(|| Error::no_group(key, name))?;
    match filter {
        None => summary(group, out),
        Some(filter) => filter.reply(group, now, out),
    }
    Ok(())
}

/// How much is pending, from where to where, and at whom.
fn summary(group: &Group, out: &mut Reply) {
    out.array(4);
    out.count(group.pending_count());
    let ends = group.pending(..).next().zip(group.pending(..).next_back());
    let Some(((first, _), (last, _))) = ends else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    reply_id(out, *first);
    reply_id(out, *last);
    let mark = out.mark();
    let mut count = 0;
    for consumer in group.consumers().filter(|consumer| consumer.pending_count() > 0) {
        out.array(2);
        out.bulk(&consumer.name);
        out.bulk_int(consumer.pending_count() as i64);
        count += 1;
    }
    out.array_at(mark, count);
}

/// Which pending entries XPENDING shows.
struct Filter<'a> {
    min_idle: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn read(args: Args<'a>) -> Result<Filter<'a>, Error> {
        let (mut at, mut min_idle) = (3, 0);
        if is(args.at(3), "IDLE") {
            min_idle = integer(args.at(4))?;
            if args.len() < 8 {
                return Err(Error::SYNTAX);
            }
            at = 5;
        }
        let count = integer(args.at(at + 2))?.max(0) as usize;
        let (start, end) = (start_id(args.at(at))?, end_id(args.at(at + 1))?);
        Ok(Filter { min_idle, start, end, count, consumer: args.get(at + 3) })
    }

    fn reply(&self, group: &Group, now: i64, out: &mut Reply) {
        // Not a reply of none at all: a consumer that is not there has nothing pending.
        let owner = match self.consumer {
            None => None,
            Some(name) => match group.find(name).and_then(|number| group.consumer(number)) {
                None => return out.array(0),
                owner => owner,
            },
        };
        let mark = out.mark();
        let mut shown = 0;
        let mut show = |id: StreamId| {
            let Some(pending) = group.get(id) else { return true };
            let idle = now.saturating_sub(pending.time);
            if shown == self.count {
                return false;
            }
            if self.min_idle == 0 || idle >= self.min_idle {
                shown += 1;
                out.array(4);
                reply_id(out, id);
                out.bulk(group.name_of(pending.consumer));
                out.int(idle.max(0));
                out.int(pending.count as i64);
            }
            true
        };
        if self.start <= self.end {
            let _ = match owner {
                Some(owner) => owner.pending(self.start..=self.end).all(&mut show),
                None => group.pending(self.start..=self.end).all(|(id, _)| show(*id)),
            };
        }
        out.array_at(mark, shown);
    }
}
