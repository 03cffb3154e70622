//! Commands that hold shards while they run on their connection's own thread: those over several shards, those that may wait,
//! scripts, EXEC.

use crate::exec::call;
use crate::exec::handler::Ctx;
use crate::lua::run::is_again;
use crate::request::table::{Command, CommandKind};
use crate::session::Session;
use crate::shards::hold::{self, Busy, Hold, Shards};
use crate::shards::set::ShardSet;
use crate::shared::Shared;
use crate::system::{clock, coroutine};
use crate::thread::{self, Thread};
use crate::units::stay::{self, Stay};
use crate::units::{blocked, expire, reach, trigger, watch};
use curfew_protocol::spec::{ALLOW_BUSY, BLOCKING, EXEC};
use curfew_protocol::{Args, Reply};
use curfew_shard::class;
use curfew_shard::shard::wait::Waiter;
use std::sync::Arc;

/// A command that is to be executed.
pub struct Request<'a> {
    /// The command.
    pub command: &'static Command,
    /// Its arguments.
    pub args: Args<'a>,
    /// Where the reply goes.
    pub out: &'a mut Reply,
    /// The connection's state.
    pub session: &'a mut Session,
}

/// What came of an execution.
enum Executed {
    /// It is answered.
    Done,
    /// It has to be done again, with another hold.
    Again,
    /// It has not begun, and is to be done with all shards held.
    WithAll,
    /// There is nothing for it yet.
    Waits(Arc<Waiter>),
}

/// Executes a command that needs a hold, as one unit. Answers who waits, if there is nothing for the command yet.
pub async fn run(shared: &'static Shared, mut request: Request<'_>) -> Option<Arc<Waiter>> {
    let mark = request.out.len();
    let may_be_long = reach::may_run_lua(request.command, request.session) || trigger::exist(shared);
    let mut with_all = false;
    loop {
        let set = match with_all {
            true => ShardSet::all(shared.shards.len()),
            false => reach::reach(shared, request.command, request.args, request.session),
        };
        let mut hold = match hold::acquire(&shared.shards, set).await {
            Ok(hold) => hold,
            Err(busy) => {
                request.out.truncate(mark);
                refuse(shared, &mut request, busy);
                return None;
            }
        };
        if request.session.client.is_killed() {
            // Whoever said so has been told that it is over.
            return None;
        }
        let own = request.session.client.thread;
        let mut body = || {
            let (executed, ended_ms) = thread::with(|thread| on_hold(thread, &mut request, &mut hold, mark));
            expire::tend(shared, own, ended_ms);
            executed
        };
        // A script or a trigger may take long: it runs on a stack that can be left, so that others have their turns.
        match if may_be_long { coroutine::run(body).await } else { body() } {
            Executed::Done => return None,
            Executed::Waits(waiter) => return Some(waiter),
            Executed::Again => request.out.truncate(mark),
            Executed::WithAll => with_all = true,
        }
    }
}

/// Answers a command that needs a shard which a script keeps past its time. As in Redis that is the end of a transaction whose EXEC
/// it is, and WATCH is not refused.
fn refuse(shared: &'static Shared, request: &mut Request<'_>, busy: Busy) {
    let Request { command, args, out, session } = request;
    let mut error = shared.scripts.busy_error(busy.0);
    if command.is(EXEC) {
        watch::end_transaction(shared, session);
        error = watch::aborted(&error);
    } else if command.is(ALLOW_BUSY) {
        match watch::begin_unseen(session, *args) {
            Ok(()) => return out.ok(),
            Err(refused) => error = refused,
        }
    }
    thread::with(|thread| thread.stats.error(&error));
    out.error(&error);
}

/// Executes a command on the shards held. Answers the time at which that was over, in Unix milliseconds, too.
fn on_hold(thread: &Thread, request: &mut Request<'_>, hold: &mut Hold<'static>, mark: usize) -> (Executed, i64) {
    let shared = thread.shared;
    let has_all = hold.len() == shared.shards.len();
    stay::apart(thread, Shards::Hold(hold), thread.settings(), |stay| {
        let now = clock::moment();
        if expire::has_due(stay, now) {
            if !has_all && trigger::are_wide(shared, class::EXPIRED) {
                return (Executed::WithAll, now.ms);
            }
            expire::clear_due(stay, now);
        }
        let executed = unit(stay, request, now, mark);
        // The unit may have taken long, and nothing expires in the middle of one: what has come due meanwhile goes next.
        let ended = clock::moment();
        if stay.is_due(ended.ms) {
            expire::catch_up(stay, ended);
        }
        (executed, ended.ms)
    })
}

fn unit(stay: &mut Stay<'_, '_>, request: &mut Request<'_>, now: curfew_shard::Moment, mark: usize) -> Executed {
    let thread = stay.thread;
    let Request { command, args, out, session } = request;
    stay.unit(now, session.db, |unit| {
        // Not in EXEC and not in scripts, which are commands of the server's own.
        unit.may_wait = matches!(command.kind, CommandKind::Data(_)) && command.is(BLOCKING);
        let mut ctx = Ctx { thread, session, out, now, command };
        let outcome = call::try_within(&mut ctx, unit, *args);
        match &outcome {
            Err(error) if is_again(error) => return Executed::Again,
            Err(error) => {
                ctx.out.truncate(mark);
                call::fail(&mut ctx, error);
            }
            Ok(()) => {}
        }
        match unit.sink().wait.take() {
            Some(wait) => Executed::Waits(blocked::enter(thread, unit, ctx.session, ctx.out.resp, command, wait)),
            None => Executed::Done,
        }
    })
}
