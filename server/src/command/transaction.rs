//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! EXEC is one unit: it holds the shards of all its commands' keys and of all watched keys, so nobody sees half of it, and
//! all its commands see one moment.

use crate::exec::call;
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::units::watch;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error};
use curfew_shard::{Reach, Unit};
use std::sync::atomic::Ordering::Relaxed;

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("discard", 1, Group::Transactions, "2.0.0")
            .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED)
            .doc(
                "O(n), n = commands queued and keys watched",
                "Gives the transaction up: what was queued is dropped.",
                "",
            ),
        ServerHandler::Inline(discard),
    ),
    ServerRow::new(
        Spec::new("exec", 1, Group::Transactions, "1.2.0")
            .flags(NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | EXEC | NOT_QUEUED | UNWATCHES)
            .doc(
                "That of the commands queued",
                "Runs what was queued as one unit, unless a watched key has changed.",
                "",
            ),
        ServerHandler::Held(exec),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("multi", 1, Group::Transactions, "1.2.0")
            .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED)
            .doc("O(1)", "Begins a transaction: commands are queued until EXEC.", ""),
        ServerHandler::Inline(multi),
    ),
    ServerRow::new(
        Spec::new("unwatch", 1, Group::Transactions, "2.2.0")
            .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
            .doc("O(n), n = keys watched", "Ends all WATCHes of the connection.", ""),
        ServerHandler::Inline(unwatch),
    ),
    ServerRow::new(
        Spec::new("watch", -2, Group::Transactions, "2.2.0")
            .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED)
            .keys(&[KeySpec::range(1, -1, 1, RO)])
            .doc("O(n), n = keys", "Makes the next EXEC do nothing if one of the keys has changed by then.", "key..."),
        ServerHandler::Held(watch_keys),
    ),
];

fn multi(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    if ctx.session.transaction.is_some() {
        return Err(Error::NESTED_MULTI);
    }
    ctx.session.transaction = Some(Box::default());
    ctx.session.client.multi.store(0, Relaxed);
    ctx.out.ok();
    Ok(())
}

/// Works whoever has the shards of the watched keys.
fn discard(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    if ctx.session.transaction.is_none() {
        return Err(Error::DISCARD_WITHOUT_MULTI);
    }
    watch::end_transaction(ctx.thread.shared, ctx.session);
    ctx.out.ok();
    Ok(())
}

fn exec(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.session.client.multi.store(-1, Relaxed);
    let transaction = ctx.session.transaction.take().ok_or(Error::EXEC_WITHOUT_MULTI)?;
    let broken = ctx.session.watching.is_broken(|db, key| unit.peek_in(db, key).is_some());
    ctx.session.unwatch(unit);
    if transaction.failed {
        return Err(Error::EXEC_ABORT);
    }
    if broken {
        ctx.out.null_array();
        return Ok(());
    }
    ctx.out.array(transaction.len());
    call::transaction(ctx, unit, transaction.iter());
    Ok(())
}

fn watch_keys(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    if ctx.session.transaction.is_some() {
        return Err(Error::WATCH_IN_MULTI);
    }
    for key in args.iter().skip(1) {
        // A key that is found past its deadline goes now, before the watch begins: that is no change (redis#9194).
        let existed = unit.exists(key);
        let db = ctx.session.db;
        ctx.session.watching.add(unit.shard(key), db, key, existed);
    }
    ctx.session.client.watching.store(ctx.session.watching.keys().len() as u32, Relaxed);
    ctx.out.ok();
    Ok(())
}

/// Works whoever has the shards of the watched keys. (Within EXEC there are none any more.)
fn unwatch(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    watch::end(ctx.thread.shared, ctx.session);
    ctx.out.ok();
    Ok(())
}
