//! Streams. This file has the rows; the commands are next to it, by what they do.

mod add;
mod claim;
mod effect;
mod group;
mod info;
mod parse;
mod pending;
mod range;
mod read;
mod reply;
#[cfg(test)]
mod tests;

use crate::command::row::{Reach, Row};
use crate::unit::Unit;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, help};

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("xack", -4, Group::Stream, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n*log(p)), n = ids given, p = entries pending in the group", "Says that entries are done with: they are no longer pending in their group.", "key group id..."),
        pending::xack,
    ),
    Row::new(
        Spec::new("xadd", -5, Group::Stream, "5.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE).notes("UPDATE: trimming removes entries")])
            .doc("O(1), with trimming O(n), n = entries removed", "Appends an entry to a stream, which is made if there is none, and trims the stream if wanted.", "key [NOMKSTREAM^6.2.0] [trim(strategy<MAXLEN|MINID^6.2.0> [operator<equal!'='|approximately!'~'>] threshold [LIMIT count^6.2.0])] id-selector<auto-id!'*'|id> data(field value)...")
            .history(&[("6.2.0", "`NOMKSTREAM`: not to a stream that is missing; `MINID` and `LIMIT` for trimming."), ("7.0.0", "An id `<ms>-*` is completed with the next free number.")])
            .tips(&["nondeterministic_output"]),
        add::xadd,
    ),
    Row::new(
        Spec::new("xautoclaim", -6, Group::Stream, "6.2.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(n*log(p)), n = entries looked at, p = entries pending in the group", "Gives a consumer what has been pending too long with any consumer of the group, step by step.", "key group consumer min-idle-time start [COUNT count] [JUSTID]")
            .history(&[("7.0.0", "The reply also lists ids that were pending and are deleted.")])
            .tips(&["nondeterministic_output"]),
        claim::xautoclaim,
    ),
    Row::new(
        Spec::new("xclaim", -6, Group::Stream, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(n*log(p)), n = ids given, p = entries pending in the group", "Gives a consumer pending entries of others, chosen by id.", "key group consumer min-idle-time id... [IDLE ms:int] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]")
            .tips(&["nondeterministic_output"]),
        claim::xclaim,
    ),
    Row::new(
        Spec::new("xdel", -3, Group::Stream, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(n*log(m)), n = ids given, m = nodes of the stream", "Deletes entries by id and tells how many there were.", "key id..."),
        add::xdel,
    ),
    Row {
        spec: Spec::new("xgroup", -2, Group::Stream, "5.0.0")
            .container()
            .doc("That of the subcommand", "Makes, changes and removes consumer groups.", ""),
        reach: Reach::None,
        run: group::container,
        serve: None,
    },
    Row::new(
        Spec::new("xgroup|create", -5, Group::Stream, "5.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Makes a group that reads a stream from behind an id on.", "key group id-selector<id|new-id!'$'> [MKSTREAM] [ENTRIESREAD entriesread:int\"entries-read\"]")
            .history(&[("7.0.0", "`ENTRIESREAD`: how many entries count as read.")]),
        group::create,
    ),
    Row::new(
        Spec::new("xgroup|createconsumer", 5, Group::Stream, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::at(2, RW | INSERT)])
            .doc("O(n), n = consumers of the group", "Adds a consumer to a group that does not have it yet.", "key group consumer"),
        group::createconsumer,
    ),
    Row::new(
        Spec::new("xgroup|delconsumer", 5, Group::Stream, "5.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::at(2, RW | DELETE)])
            .doc("O(n*log(p)), n = entries pending with the consumer, p = with the group", "Removes a consumer, and forgets what was pending with it.", "key group consumer"),
        group::delconsumer,
    ),
    Row::new(
        Spec::new("xgroup|destroy", 4, Group::Stream, "5.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::at(2, RW | DELETE)])
            .doc("O(n), n = entries pending in the group", "Removes a group, and forgets what was pending in it.", "key group"),
        group::destroy,
    ),
    Row {
        spec: Spec::new("xgroup|help", 2, Group::Stream, "5.0.0")
            .flags(LOADING | STALE)
            .doc("O(1)", "Lists the subcommands, with a sentence on each.", ""),
        reach: Reach::None,
        run: help,
        serve: None,
    },
    Row::new(
        Spec::new("xgroup|setid", -5, Group::Stream, "5.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::at(2, RW | UPDATE)])
            .doc("O(1)", "Chooses the id behind which a group goes on reading.", "key group id-selector<id|new-id!'$'> [ENTRIESREAD entriesread:int\"entries-read\"]")
            .history(&[("7.0.0", "`ENTRIESREAD`: how many entries count as read.")]),
        group::setid,
    ),
    Row {
        spec: Spec::new("xinfo", -2, Group::Stream, "5.0.0")
            .container()
            .doc("That of the subcommand", "Tells how things are with a stream and those who read it.", ""),
        reach: Reach::None,
        run: info::container,
        serve: None,
    },
    Row::new(
        Spec::new("xinfo|consumers", 4, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO | ACCESS)])
            .doc("O(n), n = consumers", "Shows of each consumer in a group what is pending, and when it last asked and last got something.", "key group")
            .history(&[("7.2.0", "`inactive`: since it last got something; `idle` is since it last asked.")])
            .tips(&["nondeterministic_output"]),
        info::consumers,
    ),
    Row::new(
        Spec::new("xinfo|groups", 3, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO | ACCESS)])
            .doc("O(n), n = groups", "Shows of each group how far it has read, and what is pending.", "key")
            .history(&[("7.0.0", "`entries-read` and `lag` tell how far a group is behind.")]),
        info::groups,
    ),
    Row {
        spec: Spec::new("xinfo|help", 2, Group::Stream, "5.0.0")
            .flags(LOADING | STALE)
            .doc("O(1)", "Lists the subcommands, with a sentence on each.", ""),
        reach: Reach::None,
        run: help,
        serve: None,
    },
    Row::new(
        Spec::new("xinfo|stream", -3, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO | ACCESS)])
            .doc("O(n), n = nodes of the stream, and all that FULL shows", "Shows the state of a stream; with FULL its entries, groups and consumers too.", "key [full-block(FULL [COUNT count])]")
            .history(&[("6.0.0", "`FULL`: entries, groups and consumers in detail."), ("7.0.0", "More is told of what was read and deleted: `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read`, `lag`."), ("7.2.0", "`active-time`: when a consumer last got something; `seen-time` is when it last asked.")]),
        info::stream,
    ),
    Row::new(
        Spec::new("xlen", 2, Group::Stream, "5.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Tells how many entries a stream has.", "key"),
        range::xlen,
    ),
    Row::new(
        Spec::new("xpending", -3, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = consumers; with a range n = entries looked at", "Shows what a group has got and not acknowledged: a sum for each consumer, or each entry.", "key group [filters([IDLE min-idle-time:int^6.2.0] start end count [consumer])]")
            .history(&[("6.2.0", "`IDLE`: only what has waited so long; `(` in front of an id leaves that one out.")])
            .tips(&["nondeterministic_output"]),
        pending::xpending,
    ),
    Row::new(
        Spec::new("xrange", -4, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(m)+n), m = nodes of the stream, n = entries returned", "Returns the entries from one id up to another.", "key start end [COUNT count]")
            .history(&[("6.2.0", "`(` in front of an id leaves that one out.")]),
        range::xrange,
    ),
    Row::waiting(
        Spec::new("xread", -4, Group::Stream, "5.0.0")
            .flags(READONLY | BLOCKING)
            .keys(&[KeySpec::range_after("STREAMS", 1, -1, 1, 2, RO | ACCESS)])
            .doc("O(n), n = entries returned", "Returns the entries behind the given ids of one or more streams, and waits for new ones if wanted.", "[COUNT count] [BLOCK milliseconds] STREAMS streams(key... id...)"),
        read::xread,
        read::serve,
    ),
    Row::waiting(
        Spec::new("xreadgroup", -7, Group::Stream, "5.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::range_after("STREAMS", 4, -1, 1, 2, RO | ACCESS)])
            .doc("O(n*log(p)), n = entries returned, p = entries pending in the group", "Hands entries to a consumer of a group: new ones, which are pending from then on, or its pending ones again.", "GROUP group-block(group consumer) [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS streams(key... id...)"),
        read::xreadgroup,
        read::serve_group,
    ),
    Row::new(
        Spec::new("xrevrange", -4, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(log(m)+n), m = nodes of the stream, n = entries returned", "Returns the entries from one id down to another.", "key end start [COUNT count]")
            .history(&[("6.2.0", "`(` in front of an id leaves that one out.")]),
        range::xrevrange,
    ),
    Row::new(
        Spec::new("xsetid", -3, Group::Stream, "5.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(1)", "Sets what a stream remembers as its last id, for tools that copy streams.", "key last-id [ENTRIESADDED entries-added:int^7.0.0] [MAXDELETEDID max-deleted-id^7.0.0]")
            .history(&[("7.0.0", "`ENTRIESADDED` and `MAXDELETEDID` set more of what it remembers.")]),
        add::xsetid,
    ),
    Row::new(
        Spec::new("xtrim", -4, Group::Stream, "5.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(n), n = entries removed", "Deletes the oldest entries: those beyond a number, or those in front of an id.", "key trim(strategy<MAXLEN|MINID^6.2.0> [operator<equal!'='|approximately!'~'>] threshold [LIMIT count^6.2.0])")
            .history(&[("6.2.0", "`MINID`: by id; `LIMIT`: no more than so many at once.")])
            .tips(&["nondeterministic_output"]),
        add::xtrim,
    ),
];

/// XGROUP HELP and XINFO HELP.
fn help(_: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    help::of_container(args.at(0), ROWS.iter().map(|row| &row.spec), out);
    Ok(())
}
