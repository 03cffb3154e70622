//! CLIENT: what connections tell about themselves, and what one may do to another.

use crate::clients::client::{Client, Peer};
use crate::command::connection;
use crate::command::help::help;
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::request::table::table;
use crate::session::{ReplyMode, Session};
use crate::units::blocked;
use curfew_protocol::args::{integer, is};
use curfew_protocol::error::c_string;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, number};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("client", -2, Group::Connection, "2.4.0")
            .container()
            .doc("That of the subcommand", "Shows connections and changes how they work.", ""),
        ServerHandler::Container,
    ),
    ServerRow::new(
        Spec::new("client|caching", 3, Group::Connection, "6.0.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Refused as yet: says of the next command if its keys are to be tracked for client-side caching.", "mode<YES|NO>"),
        ServerHandler::Inline(caching),
    ),
    ServerRow::new(
        Spec::new("client|getname", 2, Group::Connection, "2.6.9")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Tells the name that this connection was given.", ""),
        ServerHandler::Inline(getname),
    ),
    ServerRow::new(
        Spec::new("client|getredir", 2, Group::Connection, "6.0.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Tells where invalidations for this connection go: -1, as there is no client-side caching yet.", ""),
        ServerHandler::Inline(getredir),
    ),
    ServerRow::new(
        Spec::new("client|help", 2, Group::Connection, "5.0.0")
            .flags(LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Lists the subcommands, with a sentence on each.", ""),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        Spec::new("client|id", 2, Group::Connection, "5.0.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Tells the number of this connection; no other gets the same.", ""),
        ServerHandler::Inline(id),
    ),
    ServerRow::new(
        Spec::new("client|info", 2, Group::Connection, "6.2.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Describes this connection in a line of `name=value`, as CLIENT LIST does.", "")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(info),
    ),
    ServerRow::new(
        Spec::new("client|kill", -3, Group::Connection, "2.4.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(n), n = connections", "Closes connections, chosen by address, id, type, user, or age in seconds.", r#"filter<old-format"ip:port"~2.8.12|new-format<[ID client-id^2.8.12]|[TYPE client-type<NORMAL|MASTER^3.2.0|SLAVE|REPLICA^5.0.0|PUBSUB>^2.8.12]|[USER username]|[ADDR addr"ip:port"]|[LADDR laddr"ip:port"^6.2.0]|[SKIPME skipme<YES|NO>]|[MAXAGE maxage:int^7.4.0]>...>"#)
            .history(&[("2.8.12", "Filters with names, of which there may be several."), ("2.8.12", "`ID`: by number."), ("3.2.0", "`TYPE master`: the one to a master."), ("5.0.0", "`TYPE replica`; `slave` means the same."), ("6.2.0", "`LADDR`: by the address of the server's side."), ("7.4.0", "`MAXAGE`: by age in seconds.")]),
        ServerHandler::Inline(kill),
    ),
    ServerRow::new(
        Spec::new("client|list", -2, Group::Connection, "2.4.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(n), n = connections", "Describes connections, each in a line of `name=value`.", "[TYPE client-type<NORMAL|MASTER|REPLICA|PUBSUB>^5.0.0] [ID client-id^6.2.0...]")
            .history(&[("2.8.12", "`id` in each line."), ("5.0.0", "`TYPE` chooses by type."), ("6.0.0", "`user` in each line."), ("6.2.0", "`argv-mem`, `tot-mem`, `laddr` and `redir` in each line; `ID` chooses by number."), ("7.0.0", "`resp`, `multi-mem`, `rbs` and `rbp` in each line."), ("7.0.3", "`ssub` in each line."), ("7.2.0", "`lib-name` and `lib-ver` in each line."), ("7.4.0", "`watch` in each line."), ("8.0.0", "`io-thread` in each line.")])
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(list),
    ),
    ServerRow::new(
        Spec::new("client|no-evict", 3, Group::Connection, "7.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Marks this connection as one not to be closed for want of memory.", "enabled<ON|OFF>"),
        ServerHandler::Inline(no_evict),
    ),
    ServerRow::new(
        Spec::new("client|no-touch", 3, Group::Connection, "7.2.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Chooses if commands of this connection count as uses of their keys, for LRU and LFU.", "enabled<ON|OFF>"),
        ServerHandler::Inline(no_touch),
    ),
    ServerRow::new(
        Spec::new("client|pause", -3, Group::Connection, "3.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Makes all clients wait for so many milliseconds: with all commands, or with those that write.", "timeout:int [mode<WRITE|ALL>^6.2.0]")
            .history(&[("6.2.0", "`WRITE` and `ALL`: which commands wait.")]),
        ServerHandler::Inline(pause),
    ),
    ServerRow::new(
        Spec::new("client|reply", 3, Group::Connection, "3.2.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Switches the replies to this connection off or on, or leaves out the next one.", "action<ON|OFF|SKIP>"),
        ServerHandler::Inline(reply),
    ),
    ServerRow::new(
        Spec::new("client|setinfo", 4, Group::Connection, "7.2.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Notes the name or version of the client's library, for CLIENT LIST.", "attr<LIB-NAME libname|LIB-VER libver>")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(setinfo),
    ),
    ServerRow::new(
        Spec::new("client|setname", 3, Group::Connection, "2.6.9")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Names this connection, for CLIENT LIST.", "connection-name")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(setname),
    ),
    ServerRow::new(
        Spec::new("client|tracking", -3, Group::Connection, "6.0.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Switches client-side caching off; ON is refused, as it is not there yet.", "status<ON|OFF> [REDIRECT client-id] [PREFIX prefix+...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]"),
        ServerHandler::Inline(tracking),
    ),
    ServerRow::new(
        Spec::new("client|trackinginfo", 2, Group::Connection, "6.2.0")
            .flags(NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Tells the state of client-side caching: off, as it is not there yet.", ""),
        ServerHandler::Inline(trackinginfo),
    ),
    ServerRow::new(
        Spec::new("client|unblock", -3, Group::Connection, "5.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(1)", "Ends the waiting of another client: with an error, or as if its time was up.", "client-id [unblock-type<TIMEOUT|ERROR>]"),
        ServerHandler::Inline(unblock),
    ),
    ServerRow::new(
        Spec::new("client|unpause", 2, Group::Connection, "6.2.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE | NEVER_PAUSED)
            .doc("O(n), n = clients that wait", "Ends CLIENT PAUSE before its time.", ""),
        ServerHandler::Inline(unpause),
    ),];

const BAD_ID: Error = Error::fixed(&"ERR client-id should be greater than 0");
const BAD_MAX_AGE: Error = Error::fixed(&"ERR maxage is not an integer or out of range");
const MAX_AGE_NOT_POSITIVE: Error = Error::fixed(&"ERR maxage should be greater than 0");
const NO_SUCH_CLIENT: Error = Error::fixed(&"ERR No such client");
const INVALID_ID: Error = Error::fixed(&"ERR Invalid client ID");
const BAD_TIMEOUT: Error = Error::fixed(&"ERR timeout is not an integer or out of range");
const NEGATIVE_TIMEOUT: Error = Error::fixed(&"ERR timeout is negative");
const TIMEOUT_OUT_OF_RANGE: Error = Error::fixed(&"ERR timeout is out of range");
const BAD_PAUSE_MODE: Error = Error::fixed(&"ERR CLIENT PAUSE mode must be WRITE or ALL");
const BAD_UNBLOCK_REASON: Error = Error::fixed(&"ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
const NO_TRACKING: Error = Error::fixed(&"ERR client-side caching (CLIENT TRACKING) is not supported by this server");
const NO_SUCH_REDIRECT: Error = Error::fixed(&"ERR The client ID you want redirect to does not exist");
const TWO_REDIRECTS: Error = Error::fixed(&"ERR A client can only redirect to a single other client");
const NOT_CACHING: Error = Error::fixed(
    &"ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
);

/// The error of a subcommand with too many arguments, where its row alone does not tell.
fn too_many(args: Args<'_>) -> Error {
    let given = &args[1][..args[1].len().min(128)];
    let parts: [&[u8]; 3] =
        [b"ERR unknown subcommand or wrong number of arguments for '", given, b"'. Try CLIENT HELP."];
    Error::made(parts.concat())
}

/// ON or OFF.
fn switch(arg: &[u8]) -> Result<bool, Error> {
    match (is(arg, "ON"), is(arg, "OFF")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Error::SYNTAX),
    }
}

fn id(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.int(ctx.session.client.id as i64);
    Ok(())
}

fn getname(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let names = ctx.session.client.names.lock();
    if names.name.is_empty() {
        ctx.out.null()
    } else {
        ctx.out.bulk(&names.name)
    }
    Ok(())
}

fn setname(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    connection::set_name(ctx, &args[2])?;
    ctx.out.ok();
    Ok(())
}

fn setinfo(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let (option, value) = (&args[2], &args[3]);
    let is_name = is(option, "LIB-NAME");
    if !is_name && !is(option, "LIB-VER") {
        return Err(Error::made([b"ERR Unrecognized option '", c_string(option), b"'"].concat()));
    }
    if !connection::is_tidy(value) {
        let text: [&[u8]; 3] = [b"ERR ", option, b" cannot contain spaces, newlines or special characters."];
        return Err(Error::made(text.concat()));
    }
    let mut names = ctx.session.client.names.lock();
    *(if is_name { &mut names.lib_name } else { &mut names.lib_ver }) = value.to_vec();
    drop(names);
    ctx.out.ok();
    Ok(())
}

fn no_evict(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    ctx.session.client.no_evict.store(switch(&args[2])?, Relaxed);
    ctx.out.ok();
    Ok(())
}

fn no_touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    ctx.session.no_touch = switch(&args[2])?;
    ctx.session.client.no_touch.store(ctx.session.no_touch, Relaxed);
    ctx.out.ok();
    Ok(())
}

/// ON answers, OFF and SKIP do not.
fn reply(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let mode = &mut ctx.session.reply_mode;
    if is(&args[2], "ON") {
        *mode = ReplyMode::On;
        ctx.out.ok();
    } else if is(&args[2], "OFF") {
        *mode = ReplyMode::Off;
    } else if is(&args[2], "SKIP") {
        if *mode != ReplyMode::Off {
            *mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(Error::SYNTAX);
    }
    Ok(())
}

fn pause(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let all = match args.get(3) {
        _ if args.len() > 4 => return Err(too_many(args)),
        None => true,
        Some(mode) if is(mode, "ALL") => true,
        Some(mode) if is(mode, "WRITE") => false,
        Some(_) => return Err(BAD_PAUSE_MODE),
    };
    let timeout_ms = number::parse_i64(&args[2]).ok_or(BAD_TIMEOUT)?;
    if timeout_ms < 0 {
        return Err(NEGATIVE_TIMEOUT);
    }
    let now_ms = ctx.now.ms;
    let until_ms = now_ms.checked_add(timeout_ms).ok_or(TIMEOUT_OUT_OF_RANGE)?;
    ctx.thread.shared.pause.start(until_ms, all, now_ms);
    ctx.out.ok();
    Ok(())
}

fn unpause(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.thread.shared.pause.stop();
    ctx.out.ok();
    Ok(())
}

/// The client gets the null of a timeout, or an error.
fn unblock(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let with_error = match args.get(3) {
        _ if args.len() > 4 => return Err(too_many(args)),
        None => false,
        Some(reason) if is(reason, "TIMEOUT") => false,
        Some(reason) if is(reason, "ERROR") => true,
        Some(_) => return Err(BAD_UNBLOCK_REASON),
    };
    let id = integer(&args[2])?;
    let client = u64::try_from(id).ok().and_then(|id| ctx.thread.shared.clients.get(id));
    ctx.out.flag(client.is_some_and(|client| blocked::unblock(&client, with_error)));
    Ok(())
}

/// Switching on what is off already is all there is: ON tells that it cannot be had.
fn tracking(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let mut redirect = 0;
    let mut cursor = args.cursor(3);
    while let Some(option) = cursor.next() {
        if is(option, "REDIRECT")
            && let Some(id) = cursor.next()
        {
            if redirect != 0 {
                return Err(TWO_REDIRECTS);
            }
            redirect = integer(id)?;
            ctx.thread.shared.clients.get(redirect as u64).ok_or(NO_SUCH_REDIRECT)?;
        } else if is(option, "PREFIX") && cursor.next().is_some() {
        } else if !["BCAST", "OPTIN", "OPTOUT", "NOLOOP"].iter().any(|known| is(option, known)) {
            return Err(Error::SYNTAX);
        }
    }
    if switch(&args[2])? {
        return Err(NO_TRACKING);
    }
    ctx.out.ok();
    Ok(())
}

fn trackinginfo(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.map(3);
    ctx.out.bulk(b"flags");
    ctx.out.set(1);
    ctx.out.bulk(b"off");
    ctx.out.bulk(b"redirect");
    ctx.out.int(-1);
    ctx.out.bulk(b"prefixes");
    ctx.out.array(0);
    Ok(())
}

fn caching(_: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    Err(NOT_CACHING)
}

fn getredir(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.int(-1);
    Ok(())
}

fn info(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let mut text = Vec::with_capacity(400);
    line(&mut text, &ctx.session.client, ctx.now.ms);
    ctx.out.verbatim(b"txt", &text);
    Ok(())
}

/// The class of a client, as TYPE filters it.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Class {
    Normal,
    Pubsub,
    /// Replicas and primaries: none of either yet.
    Replication,
}

impl Class {
    fn parse(arg: &[u8]) -> Result<Class, Error> {
        let known = [
            ("normal", Class::Normal),
            ("slave", Class::Replication),
            ("replica", Class::Replication),
            ("pubsub", Class::Pubsub),
            ("master", Class::Replication),
        ];
        let found = known.iter().find(|(name, _)| is(arg, name)).map(|(_, class)| *class);
        found.ok_or_else(|| Error::made([b"ERR Unknown client type '", c_string(arg), b"'"].concat()))
    }

    fn of(client: &Client) -> Class {
        if client.subscriptions() > 0 { Class::Pubsub } else { Class::Normal }
    }
}

fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let clients = &ctx.thread.shared.clients;
    let all = || clients.all().into_iter().filter(|client| !client.is_killed());
    let chosen: Vec<Arc<Client>> = match args.get(2) {
        None => all().collect(),
        Some(filter) if is(filter, "TYPE") && args.len() == 4 => {
            let class = Class::parse(&args[3])?;
            all().filter(|client| Class::of(client) == class).collect()
        }
        Some(filter) if is(filter, "ID") && args.len() > 3 => {
            let ids = args.iter().skip(3).map(|id| number::parse_i64(id).ok_or(INVALID_ID));
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            let found = ids.into_iter().filter_map(|id| clients.get(u64::try_from(id).ok()?));
            found.filter(|client| !client.is_killed()).collect()
        }
        Some(_) => return Err(Error::SYNTAX),
    };
    let mut text = Vec::with_capacity(chosen.len() * 400);
    chosen.iter().for_each(|client| line(&mut text, client, ctx.now.ms));
    ctx.out.verbatim(b"txt", &text);
    Ok(())
}

/// One client on one line, with the fields of Redis 8.0 in their order. Readers look for names, and parse values.
fn line(text: &mut Vec<u8>, client: &Client, now_ms: i64) {
    let seconds_since = |then_ms: i64| (now_ms / 1000 - then_ms / 1000).max(0);
    let names = client.names.lock().clone();
    let last = client.last_command.load(Relaxed).checked_sub(1).and_then(|id| table().all.get(id));
    let multi = client.multi.load(Relaxed);
    let multi_bytes = if multi >= 0 { client.multi_bytes.load(Relaxed) } else { 0 };
    let (buffers, messages) = (client.memory.load(Relaxed), client.outbox_bytes());
    let total = size_of::<Client>() + size_of::<Session>() + buffers + messages + multi_bytes;
    let mut field = |name: &str, value: &[u8]| {
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b' ');
        }
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value);
    };
    field("id", client.id.to_string().as_bytes());
    field("addr", client.address().as_bytes());
    field("laddr", client.local_address().as_bytes());
    field("fd", client.fd.to_string().as_bytes());
    field("name", &names.name);
    field("age", seconds_since(client.created_ms).to_string().as_bytes());
    field("idle", seconds_since(client.active_ms.load(Relaxed)).to_string().as_bytes());
    field("flags", flags(client).as_bytes());
    field("db", client.db.load(Relaxed).to_string().as_bytes());
    field("sub", client.channels.load(Relaxed).to_string().as_bytes());
    field("psub", client.patterns.load(Relaxed).to_string().as_bytes());
    field("ssub", client.shard_channels.load(Relaxed).to_string().as_bytes());
    field("multi", multi.to_string().as_bytes());
    field("watch", client.watching.load(Relaxed).to_string().as_bytes());
    field("qbuf", client.query_bytes.load(Relaxed).to_string().as_bytes());
    field("qbuf-free", b"0");
    field("argv-mem", b"0");
    field("multi-mem", multi_bytes.to_string().as_bytes());
    field("rbs", b"0");
    field("rbp", b"0");
    field("obl", client.reply_bytes.load(Relaxed).to_string().as_bytes());
    field("oll", if messages > 0 { b"1" } else { b"0" });
    field("omem", messages.to_string().as_bytes());
    field("tot-mem", total.to_string().as_bytes());
    field("events", if client.waiting_bytes() > 0 { b"rw" } else { b"r" });
    field("cmd", last.map_or("NULL", |command| command.spec.name).as_bytes());
    field("user", connection::USER);
    field("redir", b"-1");
    field("resp", client.resp.load(Relaxed).to_string().as_bytes());
    field("lib-name", &names.lib_name);
    field("lib-ver", &names.lib_ver);
    field("io-thread", client.thread.to_string().as_bytes());
    text.push(b'\n');
}

/// The letters of CLIENT LIST's `flags`, in Redis's order.
fn flags(client: &Client) -> String {
    let letters = [
        ('P', client.subscriptions() > 0),
        ('x', client.multi.load(Relaxed) >= 0),
        ('b', client.is_blocked()),
        ('A', client.is_killed()),
        ('U', matches!(client.peer, Peer::Unix(_))),
        ('e', client.no_evict.load(Relaxed)),
        ('T', client.no_touch.load(Relaxed)),
    ];
    let set: String = letters.into_iter().filter(|(_, is_set)| *is_set).map(|(letter, _)| letter).collect();
    if set.is_empty() { "N".into() } else { set }
}

/// The filters of CLIENT KILL. All of those given must fit.
#[derive(Default)]
struct Filter<'a> {
    id: Option<i64>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    class: Option<Class>,
    /// Seconds.
    max_age: Option<i64>,
    skip_me: bool,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Filter<'a>, Error> {
        let mut filter = Filter { skip_me: true, ..Filter::default() };
        let mut cursor = args.cursor(2);
        while let Some(option) = cursor.next() {
            let value = cursor.next().ok_or(Error::SYNTAX)?;
            if is(option, "ID") {
                filter.id = Some(number::parse_i64(value).filter(|id| *id > 0).ok_or(BAD_ID)?);
            } else if is(option, "MAXAGE") {
                let age = number::parse_i64(value).ok_or(BAD_MAX_AGE)?;
                filter.max_age = Some(age).filter(|age| *age > 0);
                filter.max_age.ok_or(MAX_AGE_NOT_POSITIVE)?;
            } else if is(option, "TYPE") {
                filter.class = Some(Class::parse(value)?);
            } else if is(option, "ADDR") {
                filter.address = Some(value);
            } else if is(option, "LADDR") {
                filter.local_address = Some(value);
            } else if is(option, "USER") {
                // All clients are of the one user.
                if value != connection::USER {
                    return Err(Error::made([b"ERR No such user '", c_string(value), b"'"].concat()));
                }
            } else if is(option, "SKIPME") {
                filter.skip_me = match (is(value, "YES"), is(value, "NO")) {
                    (true, _) => true,
                    (_, true) => false,
                    _ => return Err(Error::SYNTAX),
                };
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(filter)
    }

    fn fits(&self, client: &Client, now_ms: i64) -> bool {
        self.id.is_none_or(|id| client.id == id as u64)
            && self.address.is_none_or(|address| client.address().as_bytes() == address)
            && self.local_address.is_none_or(|address| client.local_address().as_bytes() == address)
            && self.class.is_none_or(|class| Class::of(client) == class)
            && self.max_age.is_none_or(|age| now_ms / 1000 - client.created_ms / 1000 >= age)
    }
}

/// `CLIENT KILL addr` answers OK or an error, `CLIENT KILL filter value ...` how many it were.
fn kill(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let is_old_form = args.len() == 3;
    let filter = if is_old_form { Filter { address: args.get(2), ..Filter::default() } } else { Filter::parse(args)? };
    let own = ctx.session.client.id;
    let clients = &ctx.thread.shared.clients;
    let candidates = match filter.id {
        Some(id) => clients.get(id as u64).into_iter().collect(),
        None => clients.all(),
    };
    let mut killed = 0;
    for client in candidates {
        if client.is_killed() || !filter.fits(&client, ctx.now.ms) || (filter.skip_me && client.id == own) {
            continue;
        }
        killed += 1;
        // Who kills himself gets his reply first.
        if client.id == own { ctx.session.closing = true } else { blocked::kill(&client) }
    }
    match (is_old_form, killed) {
        (true, 0) => return Err(NO_SUCH_CLIENT),
        (true, _) => ctx.out.ok(),
        (false, _) => ctx.out.int(killed),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use curfew_protocol::args::OwnedArgs;

    fn client() -> Client {
        let address = |port| ([127, 0, 0, 1], port).into();
        Client::new(7, Peer::Tcp(address(1), address(2)), 9, 0, 5_000)
    }

    #[test]
    fn a_line_has_the_fields_of_redis_in_their_order() {
        let mut text = Vec::new();
        line(&mut text, &client(), 8_999);
        let text = String::from_utf8(text).expect("ASCII");
        assert!(text.starts_with("id=7 addr=127.0.0.1:1 laddr=127.0.0.1:2 fd=9 name= age=3 idle=3 flags=N db=0 "));
        assert!(text.ends_with(" io-thread=0\n"));
        let names: Vec<&str> = text.trim_end().split(' ').filter_map(|field| field.split('=').next()).collect();
        // From `CLIENT LIST` of Redis 8.0.6.
        let redis = "id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem \
                     rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver io-thread";
        assert_eq!(names.join(" "), redis);
    }

    #[test]
    fn flags_have_an_order() {
        let client = client();
        assert_eq!(flags(&client), "N");
        client.no_touch.store(true, Relaxed);
        client.no_evict.store(true, Relaxed);
        client.patterns.store(1, Relaxed);
        assert_eq!(flags(&client), "PeT");
    }

    #[test]
    fn all_filters_must_fit() {
        let client = client();
        let fits = |line: &str, now_ms| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let args = OwnedArgs::from_slices(&words);
            Filter::parse(args.view()).map(|filter| filter.fits(&client, now_ms))
        };
        assert_eq!(fits("client kill ID 7 ADDR 127.0.0.1:1 LADDR 127.0.0.1:2 TYPE normal USER default", 0), Ok(true));
        for other in ["ID 8", "ADDR 127.0.0.1:2", "LADDR 127.0.0.1:1", "TYPE pubsub", "TYPE master", "ID 7 ID 8"] {
            assert_eq!(fits(&format!("client kill {other}"), 0), Ok(false), "{other}");
        }
        assert_eq!(fits("client kill MAXAGE 10", 14_999), Ok(false));
        assert_eq!(fits("client kill MAXAGE 10", 15_000), Ok(true));
        assert_eq!(fits("client kill ID 7 ADDR", 0), Err(Error::SYNTAX));
    }
}
