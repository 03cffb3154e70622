//! Commands that hold shards while they run on their connection's own thread: those over several shards, those that may wait,
//! scripts, EXEC; and those that go from shard to shard, holding one at a time.

use crate::clients::client::signal;
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
use curfew_shard::shard::wait::Waiter;
use curfew_shard::unit::walk::Walk;
use curfew_shard::{Moment, Reach, class};
use std::sync::Arc;

/// How long a walk goes on before others have their turns.
const SLICE_MICROS: i64 = 500;

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
    /// Part of it is done, and there is a walk to go on with.
    GoesOn,
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
    let mut walk: Option<Walk> = None;
    let mut turn = clock::moment().micros();
    loop {
        let mut set = match with_all {
            true => ShardSet::all(shared.shards.len()),
            false => reach::reach(shared, request.command, request.args, request.session),
        };
        if set.len() == 1
            && let Some(place) = walk.as_ref().and_then(|walk| walk.place)
        {
            set = ShardSet::one(place.shard);
        }
        let mut hold = match hold::acquire(&shared.shards, set).await {
            Ok(hold) => hold,
            Err(busy) => {
                if let Some(walk) = walk {
                    // There is something to answer, and the client can come back for the rest.
                    thread::with(|thread| thread.stats.executed(request.command.id, 1, 0));
                    walk.reply(request.out);
                    return None;
                }
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
            let (executed, ended_ms) = thread::with(|thread| on_hold(thread, &mut request, &mut walk, &mut hold, mark));
            expire::tend(shared, own, ended_ms);
            executed
        };
        // A script or a trigger may take long: it runs on a stack that can be left, so that others have their turns.
        match if may_be_long { coroutine::run(body).await } else { body() } {
            Executed::Done => return None,
            Executed::Waits(waiter) => return Some(waiter),
            Executed::Again => request.out.truncate(mark),
            Executed::WithAll => with_all = true,
            Executed::GoesOn => {
                drop(hold);
                if request.session.client.signals() & signal::KILL != 0 {
                    return None;
                }
                let now = clock::moment().micros();
                if now - turn >= SLICE_MICROS {
                    tokio::task::yield_now().await;
                    turn = clock::moment().micros();
                }
            }
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
fn on_hold(
    thread: &Thread,
    request: &mut Request<'_>,
    walk: &mut Option<Walk>,
    hold: &mut Hold<'static>,
    mark: usize,
) -> (Executed, i64) {
    let shared = thread.shared;
    let (set, has_all) = (hold.set(), hold.len() == shared.shards.len());
    stay::apart(thread, Shards::Hold(hold), thread.settings(), |stay| {
        let now = clock::moment();
        if expire::has_due(stay, now) {
            if !has_all && trigger::are_wide(shared, class::EXPIRED) {
                return (Executed::WithAll, now.ms);
            }
            expire::clear_due(stay, now);
        }
        let mut executed = unit(stay, request, walk, now, mark);
        while matches!(executed, Executed::GoesOn)
            && let Some(place) = walk.as_ref().and_then(|walk| walk.place)
            && set.contains(place.shard)
        {
            let next = clock::moment();
            if next.micros() - now.micros() >= SLICE_MICROS || stay.is_due(next.ms) || stay.is_widened() {
                break;
            }
            executed = unit(stay, request, walk, next, mark);
        }
        // The unit may have taken long, and nothing expires in the middle of one: what has come due meanwhile goes next.
        let ended = clock::moment();
        if stay.is_due(ended.ms) {
            expire::catch_up(stay, ended);
        }
        (executed, ended.ms)
    })
}

fn unit(
    stay: &mut Stay<'_, '_>,
    request: &mut Request<'_>,
    walk: &mut Option<Walk>,
    now: Moment,
    mark: usize,
) -> Executed {
    let thread = stay.thread;
    let Request { command, args, out, session } = request;
    stay.unit(now, session.db, |unit| {
        // Not in EXEC and not in scripts, which are commands of the server's own.
        let is_data = matches!(command.kind, CommandKind::Data(_));
        unit.may_wait = is_data && command.is(BLOCKING);
        unit.may_walk = is_data && command.reach == Reach::Cursor;
        unit.sink().walk = walk.take();
        let mut ctx = Ctx { thread, session, out, now, command };
        let outcome = call::try_within(&mut ctx, unit, *args);
        (unit.may_wait, unit.may_walk) = (false, false);
        *walk = unit.sink().walk.take();
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
            None if walk.is_some() => Executed::GoesOn,
            None => Executed::Done,
        }
    })
}
