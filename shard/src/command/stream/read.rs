//! XREAD and XREADGROUP: the same command with and without a group, now or when there is something.

use super::reply::{reply_entries, reply_entry, reply_id};
use super::{effect, parse};
use crate::event::class;
use crate::shard::wait::{self, Null, Wait};
use crate::unit::Unit;
use crate::value::stream::{Body, Pending, Stream, StreamId};
use curfew_protocol::args::{OwnedArgs, integer, is};
use curfew_protocol::{Args, Error, Reply, Resp};

pub(super) fn xread(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    start(unit, args, out, false)
}

pub(super) fn xreadgroup(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    start(unit, args, out, true)
}

fn start(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, grouped: bool) -> Result<(), Error> {
    let options = Options::read(unit, args, grouped)?;
    let froms = options.froms(unit, None)?;
    if read(unit, &options, &froms, out)? {
        return Ok(());
    }
    let Some(until) = options.block else {
        out.null_array();
        return Ok(());
    };
    let mut owned = OwnedArgs::default();
    let ids = options.first_key + options.count;
    for (at, arg) in args.iter().enumerate() {
        match at.checked_sub(ids).and_then(|index| froms.iter().find(|from| from.index == index)) {
            // What `$` means is what it means now.
            Some(&From { what: What::After(id), .. }) if arg == b"$" => owned.push(&id.text()),
            _ => owned.push(arg),
        }
    }
    let keys = (0..options.count).map(|index| options.key(index).into()).collect();
    unit.wait(out, Wait { args: owned, keys, until, null: Null::Array });
    Ok(())
}

pub(super) fn serve(unit: &mut Unit<'_>, args: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    // A key that has become something else may become a stream again.
    if !matches!(unit.peek_view::<Stream>(key), Ok(Some(_))) {
        return Ok(false);
    }
    let options = Options::read(unit, args, false)?;
    let froms = options.froms(unit, Some(key))?;
    read(unit, &options, &froms, out)
}

/// Unlike XREAD, this is told when its key or its group goes.
pub(super) fn serve_group(unit: &mut Unit<'_>, args: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    let options = Options::read(unit, args, true)?;
    let froms = options.froms(unit, Some(key))?;
    read(unit, &options, &froms, out)
}

/// The command's arguments.
struct Options<'a> {
    args: Args<'a>,
    /// The most entries of each stream, 0 for no limit.
    most: usize,
    /// Whether it waits, and until when.
    block: Option<Option<i64>>,
    /// Group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    no_ack: bool,
    /// Where the keys begin.
    first_key: usize,
    /// How many keys there are, and ids behind them.
    count: usize,
}

/// One of the streams, and what is wanted of it.
struct From {
    index: usize,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    /// The entries behind this one; for a group, those that the consumer has pending.
    After(StreamId),
    /// What was not delivered to the group.
    New,
}

impl<'a> Options<'a> {
    fn read(unit: &Unit<'_>, args: Args<'a>, grouped: bool) -> Result<Options<'a>, Error> {
        let (mut most, mut block, mut group, mut no_ack) = (0, None, None, false);
        let mut at = 1;
        while let Some(option) = args.get(at) {
            let more = args.len() - 1 - at;
            if is(option, "BLOCK") && more > 0 {
                block = Some(wait::until_millis(args.at(at + 1), unit.now)?);
                at += 1;
            } else if is(option, "COUNT") && more > 0 {
                most = integer(args.at(at + 1))?.max(0) as usize;
                at += 1;
            } else if is(option, "STREAMS") && more > 0 {
                if !more.is_multiple_of(2) {
                    return Err(match grouped {
                        true => Error::unbalanced_streams("xreadgroup", "ID or '>'"),
                        false => Error::unbalanced_streams("xread", "ID, '+', or '$'"),
                    });
                }
                if grouped && group.is_none() {
                    return Err(Error::XREADGROUP_GROUP);
                }
                return Ok(Options { args, most, block, group, no_ack, first_key: at + 1, count: more / 2 });
            } else if is(option, "GROUP") && more >= 2 {
                if !grouped {
                    return Err(Error::XREAD_GROUP);
                }
                group = Some((args.at(at + 1), args.at(at + 2)));
                at += 2;
            } else if is(option, "NOACK") {
                if !grouped {
                    return Err(Error::XREAD_NOACK);
                }
                no_ack = true;
            } else {
                return Err(Error::SYNTAX);
            }
            at += 1;
        }
        Err(Error::SYNTAX)
    }

    fn key(&self, index: usize) -> &'a [u8] {
        self.args.at(self.first_key + index)
    }

    /// Looks at the streams, all of them or those at one key, and at what is wanted of them.
    fn froms(&self, unit: &mut Unit<'_>, only: Option<&[u8]>) -> Result<Vec<From>, Error> {
        let mut froms = Vec::with_capacity(self.count);
        for index in 0..self.count {
            let (key, id) = (self.key(index), self.args.at(self.first_key + self.count + index));
            if only.is_some_and(|only| only != key) {
                continue;
            }
            let body = unit.view::<Stream>(key)?;
            if let Some((group, _)) = self.group
                && !body.is_some_and(|body| body.groups.contains_key(group))
            {
                return Err(Error::no_group_to_read(key, group));
            }
            let what = match (id, self.group.is_some()) {
                (b"$", true) => return Err(Error::XREADGROUP_LAST),
                (b"+", true) => return Err(Error::XREADGROUP_TOP),
                (b">", false) => return Err(Error::XREAD_NEW),
                (b"$", false) => What::After(body.map_or(StreamId::MIN, |body| body.log.last_id)),
                (b"+", false) => {
                    let last = body.and_then(|body| body.log.last_live_id());
                    What::After(last.and_then(StreamId::prev).unwrap_or(StreamId::MIN))
                }
                (b">", true) => What::New,
                _ => match parse::strict_id(id)? {
                    // The last possible id stands for `>`, as in Redis.
                    StreamId::MAX if self.group.is_some() => What::New,
                    id => What::After(id),
                },
            };
            froms.push(From { index, what });
        }
        Ok(froms)
    }
}

/// Replies with what there is; false if there is nothing, and no reply.
fn read(unit: &mut Unit<'_>, options: &Options<'_>, froms: &[From], out: &mut Reply) -> Result<bool, Error> {
    let (start, mark) = (out.len(), out.mark());
    let mut streams = 0;
    for from in froms {
        let key = options.key(from.index);
        let before = out.len();
        if out.resp == Resp::Two {
            out.array(2);
        }
        out.bulk(key);
        let found = match (options.group, from.what) {
            (None, What::After(id)) => read_plain(unit, key, id, options.most, out)?,
            (None, What::New) => false,
            (Some(group), what) => read_group(unit, key, group, what, options, out)?,
        };
        if found {
            streams += 1;
        } else {
            out.truncate(before);
        }
    }
    if streams == 0 {
        out.truncate(start);
        return Ok(false);
    }
    match out.resp {
        Resp::Two => out.array_at(mark, streams),
        Resp::Three => out.map_at(mark, streams),
    }
    Ok(true)
}

fn read_plain(unit: &mut Unit<'_>, key: &[u8], after: StreamId, most: usize, out: &mut Reply) -> Result<bool, Error> {
    let Some(body) = unit.view::<Stream>(key)? else { return Ok(false) };
    // Most of those who poll have seen everything.
    if after >= body.log.last_id {
        return Ok(false);
    }
    let Some(start) = after.next() else { return Ok(false) };
    Ok(reply_entries(out, body.log.range(start, StreamId::MAX), most) > 0)
}

/// What reading changed.
struct Read {
    found: bool,
    created: bool,
    /// The entries that have become pending, or have been delivered again.
    claims: Vec<(StreamId, Pending)>,
    last_id: StreamId,
    /// What `entries_read` is, if the group has moved on.
    moved: Option<i64>,
}

fn read_group(
    unit: &mut Unit<'_>,
    key: &[u8],
    (group, consumer): (&[u8], &[u8]),
    what: What,
    options: &Options<'_>,
    out: &mut Reply,
) -> Result<bool, Error> {
    let now = unit.now.ms;
    // Counts a hit or a miss, and announces the miss.
    unit.view::<Stream>(key)?;
    let edited = unit.edit(key, |stream: &mut Stream| {
        let body = &mut **stream;
        match what {
            What::New => deliver(body, group, consumer, options.no_ack, options.most, now, out),
            What::After(id) => history(body, group, consumer, id, options.most, now, out),
        }
    })?;
    let Some(Some(read)) = edited.map(|edited| edited.value) else { return Ok(false) };
    if read.created {
        effect::consumer_created(unit, key, group, consumer);
        unit.event(class::STREAM, "xgroup-createconsumer", key);
    }
    for (id, pending) in read.claims {
        effect::claimed(unit, key, group, consumer, id, pending, read.last_id);
    }
    if let Some(entries_read) = read.moved {
        effect::moved(unit, key, group, read.last_id, entries_read);
    }
    Ok(read.found)
}

/// Delivers what is new to the group.
fn deliver(
    body: &mut Body,
    group: &[u8],
    consumer: &[u8],
    no_ack: bool,
    most: usize,
    now: i64,
    out: &mut Reply,
) -> Option<Read> {
    let Body { log, groups } = body;
    let group = groups.get_mut(group)?;
    let (number, created) = group.find_or_create(consumer, now);
    let start = group.last_id;
    let mut read = Read { found: false, created, claims: Vec::new(), last_id: start, moved: None };
    if let Some(start) = start.next()
        && group.last_id < log.last_id
    {
        let mark = out.mark();
        let mut count = 0;
        for entry in log.range(start, StreamId::MAX) {
            reply_entry(out, &entry);
            group.advance(log, entry.id);
            if !no_ack {
                let pending = Pending { time: now, count: 1, consumer: number };
                group.give(entry.id, pending);
                read.claims.push((entry.id, pending));
            }
            count += 1;
            if count == most {
                break;
            }
        }
        out.array_at(mark, count);
        read.found = count > 0;
        if read.found {
            read.last_id = group.last_id;
            read.moved = Some(group.entries_read);
        }
    }
    let delivered = read.found && !no_ack;
    if let Some(consumer) = group.consumer_mut(number) {
        consumer.seen = now;
        if delivered {
            consumer.active = now;
        }
    }
    Some(read)
}

/// Delivers again what the consumer has pending behind an id. Replies in any case.
fn history(
    body: &mut Body,
    group: &[u8],
    consumer: &[u8],
    after: StreamId,
    most: usize,
    now: i64,
    out: &mut Reply,
) -> Option<Read> {
    let Body { log, groups } = body;
    let group = groups.get_mut(group)?;
    let (number, created) = group.find_or_create(consumer, now);
    let mut read = Read { found: true, created, claims: Vec::new(), last_id: group.last_id, moved: None };
    let owner = group.consumer_mut(number)?;
    owner.seen = now;
    let most = if most == 0 { usize::MAX } else { most };
    let ids: Vec<StreamId> = match after.next() {
        Some(start) => owner.pending(start..).take(most).collect(),
        None => Vec::new(),
    };
    out.array(ids.len());
    for id in ids {
        match log.get(id) {
            Some(entry) => {
                reply_entry(out, &entry);
                read.claims.extend(group.again(id, now).map(|pending| (id, pending)));
            }
            // It was deleted since.
            None => {
                out.array(2);
                reply_id(out, id);
                out.null_array();
            }
        }
    }
    Some(read)
}
