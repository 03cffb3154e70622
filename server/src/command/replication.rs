//! Commands about replication and persistence, which there are not yet. What asks gets the answer of a Redis that has no replicas
//! and saves nothing; what would promise that something is saved or followed is refused.

use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use curfew_protocol::args::{integer, is};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error};

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("bgrewriteaof", 1, Group::Server, "1.0.0").flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING).doc(
            "O(1)",
            "Would shorten the journal; there is none.",
            "",
        ),
        ServerHandler::Inline(refuse),
    ),
    ServerRow::new(
        Spec::new("bgsave", -1, Group::Server, "1.0.0")
            .flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING)
            .doc("O(1)", "Would write a snapshot beside the work; nothing is kept on disk.", "[SCHEDULE^3.2.2]")
            .history(&[("3.2.2", "`SCHEDULE`.")]),
        ServerHandler::Inline(refuse),
    ),
    ServerRow::new(
        Spec::new("failover", -1, Group::Server, "6.2.0").flags(ADMIN | NOSCRIPT | STALE).doc(
            "O(1)",
            "Would hand the part of the master to a replica; there are none.",
            "[TO target(host port [FORCE])] [ABORT] [TIMEOUT milliseconds]",
        ),
        ServerHandler::Inline(failover),
    ),
    ServerRow::new(
        Spec::new("lastsave", 1, Group::Server, "1.0.0")
            .flags(LOADING | STALE | FAST)
            .acl(acl::ADMIN | acl::DANGEROUS)
            .doc("O(1)", "Tells since when nothing was saved: the time of the start.", "")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(lastsave),
    ),
    ServerRow::new(
        Spec::new("replicaof", 3, Group::Server, "5.0.0").flags(ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING).doc(
            "O(1)",
            "Would follow another server; `NO ONE` is what this one does anyway.",
            "args<host-port(host port)|no-one(NO ONE)>",
        ),
        ServerHandler::Inline(replicaof),
    ),
    ServerRow::new(
        Spec::new("save", 1, Group::Server, "1.0.0").flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI).doc(
            "O(1)",
            "Would write a snapshot while all wait; nothing is kept on disk.",
            "",
        ),
        ServerHandler::Inline(refuse),
    ),
    ServerRow::new(
        Spec::new("slaveof", 3, Group::Server, "1.0.0")
            .flags(ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "REPLICAOF under an older name.", "args<host-port(host port)|no-one(NO ONE)>")
            .deprecated("5.0.0", "`REPLICAOF`"),
        ServerHandler::Inline(replicaof),
    ),
    ServerRow::new(
        Spec::new("wait", 3, Group::Generic, "3.0.0")
            .flags(BLOCKING)
            .acl(acl::CONNECTION)
            .no_group_acl()
            .doc(
                "O(1)",
                "Answers how many replicas have what was written: none, at once.",
                "numreplicas:int timeout:int",
            )
            .tips(&["request_policy:all_shards", "response_policy:agg_min"]),
        ServerHandler::Inline(wait),
    ),
    ServerRow::new(
        Spec::new("waitaof", 4, Group::Generic, "7.2.0")
            .flags(BLOCKING)
            .acl(acl::CONNECTION)
            .no_group_acl()
            .doc(
                "O(1)",
                "Answers who has synced the journal: nobody, at once.",
                "numlocal:int numreplicas:int timeout:int",
            )
            .tips(&["request_policy:all_shards", "response_policy:agg_min"]),
        ServerHandler::Inline(waitaof),
    ),
];

fn refuse(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let name = ctx.command.spec.name.to_ascii_uppercase();
    Err(Error::made(format!("ERR {name} is not possible: there is no persistence yet, the data is in memory only")))
}

/// `FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]`: as a master without replicas.
fn failover(_: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    Err(match args.get(1) {
        Some(option) if args.len() == 2 && is(option, "ABORT") => Error::made("ERR No failover in progress."),
        _ => Error::made("ERR FAILOVER requires connected replicas."),
    })
}

/// LASTSAVE: as a server that has not saved yet, which counts its start.
fn lastsave(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.int(ctx.thread.shared.started_unix);
    Ok(())
}

/// `REPLICAOF host port`, `REPLICAOF NO ONE`.
fn replicaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    if is(args.at(1), "NO") && is(args.at(2), "ONE") {
        ctx.out.ok();
        return Ok(());
    }
    Err(Error::made("ERR REPLICAOF is not possible: there is no replication yet"))
}

/// `WAIT numreplicas timeout`: no replica has anything, and none will.
fn wait(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    integer(args.at(1))?;
    timeout(args.at(2))?;
    ctx.out.int(0);
    Ok(())
}

/// `WAITAOF numlocal numreplicas timeout`.
fn waitaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let local = integer(args.at(1))?;
    if !(0..=1).contains(&local) {
        return Err(Error::made("ERR value is out of range, value must between 0 and 1"));
    }
    if integer(args.at(2))? < 0 {
        return Err(Error::made("ERR value is out of range, must be positive"));
    }
    timeout(args.at(3))?;
    if local > 0 {
        return Err(Error::made("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."));
    }
    ctx.out.array(2);
    ctx.out.int(0);
    ctx.out.int(0);
    Ok(())
}

/// A time to wait in milliseconds: nobody waits here, but a wrong one is told.
fn timeout(arg: &[u8]) -> Result<i64, Error> {
    let timeout = integer(arg).map_err(|_| Error::made("ERR timeout is not an integer or out of range"))?;
    if timeout < 0 { Err(Error::made("ERR timeout is negative")) } else { Ok(timeout) }
}
