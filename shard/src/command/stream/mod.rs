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
use curfew_protocol::spec::*;

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("xack", -4, Group::Stream, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(1) for each message ID processed.", "Returns the number of messages that were successfully acknowledged by the consumer group member of a stream.", "key group id..."),
        pending::xack,
    ),
    Row::new(
        Spec::new("xadd", -5, Group::Stream, "5.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE).notes("UPDATE instead of INSERT because of the optional trimming feature")])
            .doc("O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.", "Appends a new message to a stream. Creates the key if it doesn't exist.", "key [NOMKSTREAM^6.2.0] [trim(strategy<MAXLEN|MINID^6.2.0> [operator<equal!'='|approximately!'~'>] threshold [LIMIT count^6.2.0])] id-selector<auto-id!'*'|id> data(field value)...")
            .history(&[("6.2.0", "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option."), ("7.0.0", "Added support for the `<ms>-*` explicit ID form.")])
            .tips(&["nondeterministic_output"]),
        add::xadd,
    ),
    Row::new(
        Spec::new("xautoclaim", -6, Group::Stream, "6.2.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(1) if COUNT is small.", "Changes, or acquires, ownership of messages in a consumer group, as if the messages were delivered to as consumer group member.", "key group consumer min-idle-time start [COUNT count] [JUSTID]")
            .history(&[("7.0.0", "Added an element to the reply array, containing deleted entries the command cleared from the PEL")])
            .tips(&["nondeterministic_output"]),
        claim::xautoclaim,
    ),
    Row::new(
        Spec::new("xclaim", -6, Group::Stream, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(log N) with N being the number of messages in the PEL of the consumer group.", "Changes, or acquires, ownership of a message in a consumer group, as if the message was delivered a consumer group member.", "key group consumer min-idle-time id... [IDLE ms:int] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]")
            .tips(&["nondeterministic_output"]),
        claim::xclaim,
    ),
    Row::new(
        Spec::new("xdel", -3, Group::Stream, "5.0.0")
            .flags(WRITE | FAST)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(1) for each single item to delete in the stream, regardless of the stream size.", "Returns the number of messages after removing them from a stream.", "key id..."),
        add::xdel,
    ),
    Row {
        spec: Spec::new("xgroup", -2, Group::Stream, "5.0.0")
            .container()
            .doc("Depends on subcommand.", "A container for consumer groups commands.", ""),
        reach: Reach::None,
        run: group::container,
        serve: None,
    },
    Row::new(
        Spec::new("xgroup|create", -5, Group::Stream, "5.0.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Creates a consumer group.", "key group id-selector<id|new-id!'$'> [MKSTREAM] [ENTRIESREAD entriesread:int\"entries-read\"]")
            .history(&[("7.0.0", "Added the `entries_read` named argument.")]),
        group::create,
    ),
    Row::new(
        Spec::new("xgroup|createconsumer", 5, Group::Stream, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::at(2, RW | INSERT)])
            .doc("O(1)", "Creates a consumer in a consumer group.", "key group consumer"),
        group::createconsumer,
    ),
    Row::new(
        Spec::new("xgroup|delconsumer", 5, Group::Stream, "5.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::at(2, RW | DELETE)])
            .doc("O(1)", "Deletes a consumer from a consumer group.", "key group consumer"),
        group::delconsumer,
    ),
    Row::new(
        Spec::new("xgroup|destroy", 4, Group::Stream, "5.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::at(2, RW | DELETE)])
            .doc("O(N) where N is the number of entries in the group's pending entries list (PEL).", "Destroys a consumer group.", "key group"),
        group::destroy,
    ),
    Row {
        spec: Spec::new("xgroup|help", 2, Group::Stream, "5.0.0")
            .flags(LOADING | STALE)
            .doc("O(1)", "Returns helpful text about the different subcommands.", ""),
        reach: Reach::None,
        run: group::help,
        serve: None,
    },
    Row::new(
        Spec::new("xgroup|setid", -5, Group::Stream, "5.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::at(2, RW | UPDATE)])
            .doc("O(1)", "Sets the last-delivered ID of a consumer group.", "key group id-selector<id|new-id!'$'> [ENTRIESREAD entriesread:int\"entries-read\"]")
            .history(&[("7.0.0", "Added the optional `entries_read` argument.")]),
        group::setid,
    ),
    Row {
        spec: Spec::new("xinfo", -2, Group::Stream, "5.0.0")
            .container()
            .doc("Depends on subcommand.", "A container for stream introspection commands.", ""),
        reach: Reach::None,
        run: info::container,
        serve: None,
    },
    Row::new(
        Spec::new("xinfo|consumers", 4, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO | ACCESS)])
            .doc("O(1)", "Returns a list of the consumers in a consumer group.", "key group")
            .history(&[("7.2.0", "Added the `inactive` field, and changed the meaning of `idle`.")])
            .tips(&["nondeterministic_output"]),
        info::consumers,
    ),
    Row::new(
        Spec::new("xinfo|groups", 3, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO | ACCESS)])
            .doc("O(1)", "Returns a list of the consumer groups of a stream.", "key")
            .history(&[("7.0.0", "Added the `entries-read` and `lag` fields")]),
        info::groups,
    ),
    Row {
        spec: Spec::new("xinfo|help", 2, Group::Stream, "5.0.0")
            .flags(LOADING | STALE)
            .doc("O(1)", "Returns helpful text about the different subcommands.", ""),
        reach: Reach::None,
        run: info::help,
        serve: None,
    },
    Row::new(
        Spec::new("xinfo|stream", -3, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::at(2, RO | ACCESS)])
            .doc("O(1)", "Returns information about a stream.", "key [full-block(FULL [COUNT count])]")
            .history(&[("6.0.0", "Added the `FULL` modifier."), ("7.0.0", "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields"), ("7.2.0", "Added the `active-time` field, and changed the meaning of `seen-time`.")]),
        info::stream,
    ),
    Row::new(
        Spec::new("xlen", 2, Group::Stream, "5.0.0")
            .flags(READONLY | FAST)
            .keys(&[KeySpec::first(RO)])
            .doc("O(1)", "Return the number of messages in a stream.", "key"),
        range::xlen,
    ),
    Row::new(
        Spec::new("xpending", -3, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.", "Returns the information and entries from a stream consumer group's pending entries list.", "key group [filters([IDLE min-idle-time:int^6.2.0] start end count [consumer])]")
            .history(&[("6.2.0", "Added the `IDLE` option and exclusive range intervals.")])
            .tips(&["nondeterministic_output"]),
        pending::xpending,
    ),
    Row::new(
        Spec::new("xrange", -4, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).", "Returns the messages from a stream within a range of IDs.", "key start end [COUNT count]")
            .history(&[("6.2.0", "Added exclusive ranges.")]),
        range::xrange,
    ),
    Row::waiting(
        Spec::new("xread", -4, Group::Stream, "5.0.0")
            .flags(READONLY | BLOCKING)
            .keys(&[KeySpec::range_after("STREAMS", 1, -1, 1, 2, RO | ACCESS)])
            .doc("", "Returns messages from multiple streams with IDs greater than the ones requested. Blocks until a message is available otherwise.", "[COUNT count] [BLOCK milliseconds] STREAMS streams(key... id...)"),
        read::xread,
        read::serve,
    ),
    Row::waiting(
        Spec::new("xreadgroup", -7, Group::Stream, "5.0.0")
            .flags(WRITE | BLOCKING)
            .keys(&[KeySpec::range_after("STREAMS", 4, -1, 1, 2, RO | ACCESS)])
            .doc("For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.", "Returns new or historical messages from a stream for a consumer in a group. Blocks until a message is available otherwise.", "GROUP group-block(group consumer) [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS streams(key... id...)"),
        read::xreadgroup,
        read::serve_group,
    ),
    Row::new(
        Spec::new("xrevrange", -4, Group::Stream, "5.0.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).", "Returns the messages from a stream within a range of IDs in reverse order.", "key end start [COUNT count]")
            .history(&[("6.2.0", "Added exclusive ranges.")]),
        range::xrevrange,
    ),
    Row::new(
        Spec::new("xsetid", -3, Group::Stream, "5.0.0")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(1)", "An internal command for replicating stream values.", "key last-id [ENTRIESADDED entries-added:int^7.0.0] [MAXDELETEDID max-deleted-id^7.0.0]")
            .history(&[("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments.")]),
        add::xsetid,
    ),
    Row::new(
        Spec::new("xtrim", -4, Group::Stream, "5.0.0")
            .flags(WRITE)
            .keys(&[KeySpec::first(RW | DELETE)])
            .doc("O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.", "Deletes messages from the beginning of a stream.", "key trim(strategy<MAXLEN|MINID^6.2.0> [operator<equal!'='|approximately!'~'>] threshold [LIMIT count^6.2.0])")
            .history(&[("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option.")])
            .tips(&["nondeterministic_output"]),
        add::xtrim,
    ),
];
