//! Executes one command within a unit, or the commands of a transaction.

use crate::exec::handler::{self, Ctx, InlineHandler, ServerHandler};
use crate::exec::prefetch::prefetch;
use crate::exec::stopwatch::Stopwatch;
use crate::request::table::{Command, CommandKind};
use crate::thread::Thread;
use curfew_protocol::{Args, Error, Reply};
use curfew_shard::Unit;

/// Commands of a transaction whose memory is asked for at its beginning.
const PREFETCHED: usize = 16;

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
    unit.db = ctx.session.db;
    let is_data = |command: &Command| matches!(command.kind, CommandKind::Data(_));
    prefetch(unit, commands.clone().take(PREFETCHED).filter(|(command, _)| is_data(command)));
    let mut watch = Stopwatch::start(thread);
    let mut data = 0;
    for (command, args) in commands.clone() {
        let CommandKind::Data(handler) = command.kind else { break };
        data += 1;
        unit.db = ctx.session.db;
        unit.no_touch = ctx.session.no_touch;
        watch.begin(thread, command);
        let mark = ctx.out.len();
        if let Err(error) = handler(unit, args, ctx.out) {
            data_failed(thread, command, &error, ctx.out, mark);
        }
        unit.append_events();
        watch.end(thread, command);
    }
    watch.finish(thread, data, commands.clone().take(data).map(|(command, _)| command));
    // From the first command of the server's own on, each by itself: it may change the session.
    for (command, args) in commands.skip(data) {
        let mut inner = Ctx { thread, session: &mut *ctx.session, out: &mut *ctx.out, now: ctx.now, command };
        within(&mut inner, unit, args);
    }
}

/// Executes a command that touches no shard, outside of any unit.
pub fn inline(ctx: &mut Ctx<'_>, handler: InlineHandler, args: Args<'_>) {
    let (thread, command) = (ctx.thread, ctx.command);
    let mark = ctx.out.len();
    let start = thread.ticks();
    if let Err(error) = handler(ctx, args) {
        ctx.out.truncate(mark);
        fail(ctx, &error);
        thread.stats.commands[command.id].failed.add(1);
    }
    thread.stats.executed(command.id, 1, thread.nanos(start, thread.ticks()));
}

/// As [`within`], with the error left to the caller.
pub fn try_within(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    let thread = ctx.thread;
    let command = ctx.command;
    let start = thread.ticks();
    unit.db = ctx.session.db;
    unit.no_touch = ctx.session.no_touch;
    let result = match (command.kind, handler::of(command)) {
        (CommandKind::Data(handler), _) => handler(unit, args, ctx.out),
        (_, Some(ServerHandler::Inline(handler))) => handler(ctx, args),
        (_, Some(ServerHandler::Held(handler))) => handler(ctx, unit, args),
        // The table never resolves to a container.
        (_, Some(ServerHandler::Container) | None) => Err(Error::wrong_arity(command.spec.name)),
    };
    unit.append_events();
    // What goes on in another unit is counted when it ends.
    let calls = u64::from(unit.sink().walk.is_none());
    thread.stats.executed(command.id, calls, thread.nanos(start, thread.ticks()));
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

/// A data command has failed: what it has written of its reply goes, and the error is answered and counted.
#[cold]
pub fn data_failed(thread: &Thread, command: &Command, error: &Error, out: &mut Reply, mark: usize) {
    out.truncate(mark);
    out.error(error);
    thread.stats.error(error);
    thread.stats.commands[command.id].failed.add(1);
}
