//! Runs: consecutive data commands of one connection for one shard, each a unit of its own.

use crate::exec::call;
use crate::exec::prefetch::prefetch;
use crate::exec::stopwatch::Stopwatch;
use crate::request::table::{Command, CommandKind};
use crate::session::batch::Batch;
use crate::shards::hold::Shards;
use crate::system::clock;
use crate::thread::Thread;
use crate::units::stay::{self, Stay};
use crate::units::{expire, settle, trigger};
use curfew_shard::{Shard, class};

/// Requests whose memory is asked for together: far enough ahead to hide a miss, near enough to stay in the first cache.
const GROUP: usize = 16;

/// Executes the next `count` requests of a batch, all data commands for `shard`. The session is plain (no transaction, no
/// subscriptions): nothing but data is touched. Answers how many were executed: all, unless one of them has taken more shards;
/// and the moment of the last group in Unix milliseconds.
///
/// The moment is read once for each group: the requests of a group start within microseconds of each other. Between two
/// groups a shard whose deadlines have come expires some keys: a busy shard is as prompt as a quiet one, and groups and
/// slices take turns.
pub fn run(thread: &Thread, shard: &mut Shard, batch: &mut Batch, count: usize) -> (usize, i64) {
    let db = batch.session.db;
    stay::plain(thread, shard, db, |stay| groups(stay, batch, count, Rules::Plain))
}

/// The same while there are triggers, so that it may be suspended in the middle. Answers how many were executed. If not
/// `at_once`, a group does not begin while keys are due whose triggers need more shards than this one.
pub fn run_apart(thread: &Thread, shard: &mut Shard, batch: &mut Batch, count: usize, at_once: bool) -> usize {
    let settings = thread.settings_for_run();
    stay::apart(thread, Shards::One(shard), settings, |stay| groups(stay, batch, count, Rules::Apart { at_once })).0
}

/// How a run is executed.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Rules {
    /// There are no triggers.
    Plain,
    /// See [`run_apart`].
    Apart { at_once: bool },
}

fn groups(stay: &mut Stay<'_, '_>, batch: &mut Batch, count: usize, rules: Rules) -> (usize, i64) {
    let thread = stay.thread;
    let (mut done, mut last_ms) = (0, i64::MIN);
    let mut watch = Stopwatch::start(thread);
    let (requests, out, session) = batch.parts(count);
    for group in requests.groups(GROUP) {
        if session.client.is_killed() {
            break;
        }
        let now = clock::moment();
        last_ms = now.ms;
        if stay.is_due(now.ms) {
            let before = thread.ticks();
            match rules {
                Rules::Plain => expire::catch_up(stay, now),
                Rules::Apart { at_once } => {
                    if !at_once && trigger::are_wide(thread.shared, class::EXPIRED) {
                        break;
                    }
                    expire::clear_due(stay, now);
                }
            }
            watch.leave_out(thread.ticks() - before);
        }
        stay.unit(now, session.db, |unit| {
            unit.no_touch = session.no_touch;
            if group.len() > 1 {
                let all = group.iter().filter_map(|(request, args)| Some((*request.command.as_ref().ok()?, args)));
                prefetch(unit, all);
            }
            for (request, args) in group.iter() {
                let Ok(command @ Command { kind: CommandKind::Data(handler), .. }) = request.command else {
                    debug_assert!(false, "only data commands are sent to a shard");
                    continue;
                };
                watch.begin(thread, command);
                let mark = out.len();
                if let Err(error) = handler(unit, args, out) {
                    call::data_failed(thread, command, &error, out, mark);
                }
                settle::end(thread, unit);
                watch.end(thread, command);
            }
        });
        done += group.len();
        if stay.is_widened() {
            // They are needed elsewhere, and the rest of the requests can wait for the next run.
            break;
        }
    }
    let executed = requests.iter().take(done).filter_map(|(request, _)| request.command.as_ref().ok().copied());
    watch.finish(thread, done, executed);
    (done, last_ms)
}
