//! Executes commands: runs of data commands on a shard that was entered, and single commands within a unit.

use crate::keeper;
use crate::request::table::{Command, Run};
use crate::session::Ctx;
use crate::session::batch::Batch;
use crate::shards::cell::Guard;
use crate::shards::hold::Shards;
use crate::system::clock;
use crate::thread::Thread;
use crate::units::{blocked, trigger};
use curfew_protocol::spec::{FAST, Group, KeyShape, Spec};
use curfew_protocol::{Args, Error};
use curfew_shard::value::dict::Dict;
use curfew_shard::{Held, Shard, Sink, Unit, class};

/// Requests whose memory is asked for together: far enough ahead to hide a miss, near enough to stay in the first cache.
const GROUP: usize = 16;

/// Executes the next `count` requests of a batch, all data commands for `shard`, each a unit of its own. The session is
/// plain (no transaction, no subscriptions): nothing but data is touched.
///
/// The moment is read once for each group: the requests of a group start within microseconds of each other. Between two
/// groups a shard whose deadlines have come expires some keys: a busy shard is as prompt as a quiet one, and groups and
/// slices take turns. Answers the moment of the last group in Unix milliseconds.
pub fn run(thread: &Thread, shard: &mut Shard, batch: &mut Batch, count: usize) -> i64 {
    // Let go of when the sink is free again: who lets go of a shard may have to run something on it.
    let mut extra = Vec::new();
    let mut sink = thread.sink.borrow_mut();
    let changes = sink.changes;
    let (_, last_ms) = run_with(thread, &mut sink, Rules::Plain, &mut extra, shard, batch, count);
    thread.stats.changes.add(sink.changes - changes);
    let widened = std::mem::take(&mut sink.widened);
    drop(sink);
    drop(widened);
    last_ms
}

/// The same while there are triggers, so that it may be suspended in the middle: with a sink of its own. Answers how many were
/// executed. If not `at_once`, a group does not begin while keys are due whose triggers need more shards than this one.
pub fn run_apart(thread: &Thread, shard: &mut Shard, batch: &mut Batch, count: usize, at_once: bool) -> usize {
    let mut extra = Vec::new();
    let rules = Rules::Apart { at_once };
    thread.with_own_sink(|sink| run_with(thread, sink, rules, &mut extra, shard, batch, count)).0
}

/// How a run is executed.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Rules {
    /// There are no triggers.
    Plain,
    /// See [`run_apart`]. Nobody else of the thread can want the sink.
    Apart { at_once: bool },
}

/// Answers how many requests were executed, and the moment of the last group in Unix milliseconds. What is in `extra` and in
/// the sink's `widened` afterwards is to be dropped when the sink is free again.
fn run_with(
    thread: &Thread,
    sink: &mut Sink,
    rules: Rules,
    extra: &mut Vec<Guard<'static>>,
    shard: &mut Shard,
    batch: &mut Batch,
    count: usize,
) -> (usize, i64) {
    let cell = &thread.shared.shards[usize::from(shard.index())];
    let (mut done, mut last_ms) = (0, i64::MIN);
    let settings = thread.settings_for_run();
    let mut start = thread.ticks();
    let (requests, out, session) = batch.parts(count);
    let reserve = thread.shared.memory.is_limited().then(|| shard.db(session.db).bytes_in_reserve());
    for group in requests.groups(GROUP) {
        let now = clock::moment();
        last_ms = now.ms;
        if cell.is_due(now.ms) {
            let before = thread.ticks();
            match rules {
                Rules::Plain => keeper::catch_up(thread, shard, sink, now, keeper::SLICE_STEPS),
                Rules::Apart { at_once } => {
                    if !at_once && trigger::are_wide(thread.shared, class::EXPIRED) {
                        break;
                    }
                    keeper::clear_due(thread, &mut Shards::One(shard), sink, now);
                }
            }
            // Not the commands' time.
            start += thread.ticks() - before;
        }
        let mut unit = Unit::new(Held::One(shard), sink, now, session.db, &settings);
        unit.no_touch = session.no_touch;
        if group.len() > 1 {
            prefetch(
                &mut unit,
                group.iter().filter_map(|(request, args)| Some((*request.command.as_ref().ok()?, args))),
            );
        }
        for (request, args) in group.iter() {
            let Ok(Command { run: Run::Data(handler), id, .. }) = request.command else {
                debug_assert!(false, "only data commands are sent to a shard");
                continue;
            };
            let mark = out.len();
            if let Err(error) = handler(&mut unit, args, out) {
                out.truncate(mark);
                out.error(&error);
                thread.stats.error(&error);
                thread.stats.commands[*id].failed.add(1);
            }
            if !unit.sink().is_empty() {
                thread.shared.settle(&mut unit, now.ms);
                if !unit.sink().called.is_empty() {
                    drop(unit);
                    if rules != Rules::Plain {
                        sink.widened.clear();
                    }
                    blocked::serve_called(thread, vec![&mut *shard], sink, now, extra);
                    unit = Unit::new(Held::One(shard), sink, now, session.db, &settings);
                    unit.no_touch = session.no_touch;
                }
            }
        }
        drop(unit);
        if rules != Rules::Plain {
            // The next unit may need them again.
            sink.widened.clear();
        }
        done += group.len();
    }
    if let Some(before) = reserve {
        let figures = &thread.shared.stats.shards[usize::from(shard.index())];
        figures.move_reserve(before, shard.db(session.db).bytes_in_reserve());
    }
    let nanos = thread.nanos(start, thread.ticks()) / done.max(1) as u64;
    let ids =
        requests.iter().take(done).filter_map(|(request, _)| request.command.as_ref().ok()).map(|command| command.id);
    count_executed(thread, ids, nanos);
    (done, last_ms)
}

/// Executes one command inside a unit: of a transaction, of a script, or of its own.
pub fn within(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>) {
    let mark = ctx.out.len();
    if let Err(error) = try_within(ctx, unit, args) {
        ctx.out.truncate(mark);
        fail(ctx, &error);
    }
}

/// Executes the commands of a transaction, each with its reply.
pub fn transaction<'t>(
    ctx: &mut Ctx<'_>,
    unit: &mut Unit<'_>,
    commands: impl Iterator<Item = (&'static Command, Args<'t>)> + Clone,
) {
    let thread = ctx.thread;
    let mut data = 0;
    let start = thread.ticks();
    unit.db = ctx.session.db;
    prefetch(unit, commands.clone().take(GROUP).filter(|(command, _)| matches!(command.run, Run::Data(_))));
    for (command, args) in commands.clone() {
        let Run::Data(handler) = command.run else { break };
        data += 1;
        unit.db = ctx.session.db;
        unit.no_touch = ctx.session.no_touch;
        let mark = ctx.out.len();
        if let Err(error) = handler(unit, args, ctx.out) {
            ctx.out.truncate(mark);
            fail(ctx, &error);
            thread.stats.commands[command.id].failed.add(1);
        }
        unit.append_events();
    }
    // Data commands are timed together, at their mean, as in a run. From the first other one on, each by itself.
    let nanos = thread.nanos(start, thread.ticks()) / u64::max(data, 1);
    count_executed(thread, commands.clone().take(data as usize).map(|(command, _)| command.id), nanos);
    for (command, args) in commands.skip(data as usize) {
        let mut inner = Ctx { thread, session: &mut *ctx.session, out: &mut *ctx.out, now: ctx.now, command };
        within(&mut inner, unit, args);
    }
}

/// As [`within`], with the error left to the caller.
pub fn try_within(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    let thread = ctx.thread;
    let command = ctx.command;
    let start = thread.ticks();
    unit.db = ctx.session.db;
    unit.no_touch = ctx.session.no_touch;
    let result = match command.run {
        Run::Data(handler) => handler(unit, args, ctx.out),
        Run::Inline(handler) => handler(ctx, args),
        Run::Held(handler) => handler(ctx, unit, args),
        // The table never resolves to a container.
        Run::Container => Err(Error::wrong_arity(command.spec.name)),
    };
    unit.append_events();
    thread.stats.executed(command.id, 1, thread.nanos(start, thread.ticks()));
    if result.is_err() {
        thread.stats.commands[command.id].failed.add(1);
    }
    result
}

/// Answers with an error and counts it.
pub fn fail(ctx: &mut Ctx<'_>, error: &Error) {
    ctx.out.error(error);
    ctx.thread.stats.error(error);
}

/// Asks the memory for the slots of all keys; when those are on their way, for the entries; and then, where commands in a row
/// are about items of one large value, for those.
fn prefetch<'t>(unit: &mut Unit<'_>, commands: impl Iterator<Item = (&'static Command, Args<'t>)> + Clone) {
    let mut have_items = false;
    let keys = commands.clone().filter_map(|(command, args)| match command.spec.shape {
        KeyShape::One(at) => Some((command, args.get(at.into())?)),
        _ => None,
    });
    keys.clone().for_each(|(command, key)| {
        have_items |= item_at(command.spec).is_some();
        unit.prefetch_slot(key);
    });
    keys.for_each(|(_, key)| unit.prefetch_entry(key));
    if have_items {
        prefetch_items(unit, commands.clone(), Dict::prefetch_index);
        prefetch_items(unit, commands, Dict::prefetch_item);
    }
}

/// Does `prefetch` for the items in the tables of keys. Only from the second command in a row for one key on: where keys
/// differ, most of them hold small values, and to look would cost more than it gains.
fn prefetch_items<'t>(
    unit: &mut Unit<'_>,
    commands: impl Iterator<Item = (&'static Command, Args<'t>)>,
    prefetch: impl Fn(&Dict, &[u8]),
) {
    let (mut last, mut items, mut looked) = (None, None, false);
    for (command, args) in commands {
        let Some(item) = item_at(command.spec).and_then(|at| args.get(at)) else { continue };
        let key = args.get(1);
        if key != last {
            (last, items, looked) = (key, None, false);
            continue;
        }
        if !looked && let Some(key) = key {
            (items, looked) = (unit.items(key), true);
        }
        if let Some(items) = items {
            prefetch(items, item);
        }
    }
}

/// The argument that names an item of the value at argument 1, for commands that are about single items.
#[inline]
fn item_at(spec: &Spec) -> Option<usize> {
    match spec.group {
        Group::Set | Group::Hash | Group::SortedSet => {}
        _ => return None,
    }
    if spec.flags & FAST == 0 || !matches!(spec.shape, KeyShape::One(1)) {
        return None;
    }
    Some(if matches!(spec.name, "zadd" | "zincrby") { 3 } else { 2 })
}

/// Counts commands by their ids, equal neighbours together, at their mean duration.
fn count_executed(thread: &Thread, ids: impl Iterator<Item = usize>, nanos: u64) {
    let (mut last, mut calls) = (usize::MAX, 0);
    for id in ids {
        if id != last && calls > 0 {
            thread.stats.executed(last, calls, nanos * calls);
            calls = 0;
        }
        last = id;
        calls += 1;
    }
    if calls > 0 {
        thread.stats.executed(last, calls, nanos * calls);
    }
}
