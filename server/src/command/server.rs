//! Commands about the process: SHUTDOWN, ROLE, MEMORY.

use crate::command::help::help;
use crate::command::info::{MemoryUse, ratio};
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::observe::memory;
use crate::shards::set::ShardSet;
use crate::system::limits;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, args::is};
use curfew_shard::{Reach, Unit};

/// The rows of this family. MEMORY USAGE is a data command: its row is with those.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("memory", -2, Group::Server, "4.0.0").container().doc(
            "That of the subcommand",
            "Tells where the memory goes.",
            "",
        ),
        ServerHandler::Container,
    ),
    ServerRow::new(
        Spec::new("memory|doctor", 2, Group::Server, "4.0.0")
            .doc("O(1)", "Looks for what may be wrong with the use of memory.", "")
            .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
        ServerHandler::Inline(memory_doctor),
    ),
    ServerRow::new(
        Spec::new("memory|help", 2, Group::Server, "4.0.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        Spec::new("memory|malloc-stats", 2, Group::Server, "4.0.0")
            .doc("O(1)", "Shows the figures of the allocator.", "")
            .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
        ServerHandler::Inline(|ctx, _| {
            ctx.out.verbatim(b"txt", memory::report().as_bytes());
            Ok(())
        }),
    ),
    ServerRow::new(
        Spec::new("memory|purge", 2, Group::Server, "4.0.0")
            .doc("O(n), n = pages given back", "Gives free pages back to the system.", "")
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        ServerHandler::Inline(|ctx, _| {
            limits::purge();
            ctx.out.ok();
            Ok(())
        }),
    ),
    ServerRow::new(
        Spec::new("memory|stats", 2, Group::Server, "4.0.0")
            .doc("O(n), n = shards", "Shows how many bytes are used, and what for.", "")
            .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
        ServerHandler::Held(memory_stats),
    )
    .reach(Reach::All),
    ServerRow::new(
        Spec::new("role", 1, Group::Server, "2.8.12")
            .flags(NOSCRIPT | LOADING | STALE | FAST)
            .acl(acl::ADMIN | acl::DANGEROUS)
            .doc("O(1)", "Tells the part that the server plays in replication: master, without replicas.", ""),
        ServerHandler::Inline(role),
    ),
    ServerRow::new(
        Spec::new("shutdown", -1, Group::Server, "1.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY)
            .doc(
                "O(1)",
                "Ends the server, without saving anything: there is no persistence yet.",
                "[save-selector<NOSAVE|SAVE>] [NOW^7.0.0] [FORCE^7.0.0] [ABORT^7.0.0]",
            )
            .history(&[("7.0.0", "`NOW`, `FORCE` and `ABORT`.")]),
        ServerHandler::Inline(shutdown),
    ),
];

/// With less in use there is no diagnosis, as in Redis. Bytes.
const DOCTOR_MIN: u64 = 5 << 20;

fn memory_doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let shared = ctx.thread.shared;
    let (used, peak, rss) = (shared.memory.look(&shared.stats), shared.memory.peak(), limits::resident());
    let text = if used < DOCTOR_MIN {
        "Less than 5 MiB are in use: too little to tell anything from.\n".to_owned()
    } else {
        let mut findings = String::new();
        if peak > used + used / 2 {
            findings.push_str(" * Peak memory: more than 150% of the memory in use now was in use before. What was freed may stay resident until it is needed again; MEMORY PURGE gives it back to the system.\n\n");
        }
        if rss > used + used * 2 / 5 {
            findings.push_str(" * Resident memory: more than 140% of the memory in use. Freed memory that the allocator keeps, or pages that are partly free.\n\n");
        }
        match findings.is_empty() {
            true => "Nothing looks wrong with the use of memory.\n".to_owned(),
            false => format!("What may be wrong with the use of memory:\n\n{findings}"),
        }
    };
    ctx.out.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// Redis's map, with the fields that have a meaning here.
fn memory_stats(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, _: Args<'_>) -> Result<(), Error> {
    let shared = ctx.thread.shared;
    let usage = MemoryUse::of(shared, unit);
    let (mut keys, mut tables) = (0, vec![0; unit.settings.databases]);
    let mut filled = vec![false; unit.settings.databases];
    for shard in unit.shards() {
        for (index, db) in shard.databases().iter().enumerate() {
            keys += db.len();
            filled[index] |= !db.is_empty();
            tables[index] += db.bytes() - db.bytes_used() - db.bytes_in_reserve();
        }
    }
    enum Field {
        Int(u64),
        Double(f64),
    }
    use Field::*;
    let allocator = usage.allocator;
    let head = [
        ("peak.allocated", usage.peak),
        ("total.allocated", usage.used),
        ("startup.allocated", usage.startup),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", usage.clients),
        ("cluster.links", 0),
        ("aof.buffer", 0),
    ];
    let since_start = usage.used.saturating_sub(usage.startup);
    let tail = [
        ("overhead.total", Int(usage.overhead)),
        ("keys.count", Int(keys as u64)),
        ("keys.bytes-per-key", Int(since_start.checked_div(keys as u64).unwrap_or(0))),
        ("dataset.bytes", Int(usage.dataset)),
        ("dataset.percentage", Double(usage.dataset_percent())),
        ("peak.percentage", Double(usage.peak_percent())),
        ("allocator.allocated", Int(allocator.allocated)),
        ("allocator.active", Int(allocator.active)),
        ("allocator.resident", Int(allocator.resident)),
        ("allocator.muzzy", Int(0)),
        ("allocator-fragmentation.ratio", Double(ratio(allocator.active, allocator.allocated))),
        ("allocator-fragmentation.bytes", Int(allocator.active.saturating_sub(allocator.allocated))),
        ("allocator-rss.ratio", Double(ratio(allocator.resident, allocator.active))),
        ("allocator-rss.bytes", Int(allocator.resident.saturating_sub(allocator.active))),
        ("rss-overhead.ratio", Double(ratio(usage.rss, allocator.resident))),
        ("rss-overhead.bytes", Int(usage.rss.saturating_sub(allocator.resident))),
        ("fragmentation", Double(ratio(usage.rss, usage.used))),
        ("fragmentation.bytes", Int(usage.rss.saturating_sub(usage.used))),
    ];
    let dbs = filled.iter().filter(|filled| **filled).count();
    let out = &mut *ctx.out;
    out.map(head.len() + dbs + tail.len());
    for (name, value) in head {
        out.bulk(name.as_bytes());
        out.int(value as i64);
    }
    for db in (0..filled.len()).filter(|db| filled[*db]) {
        out.bulk(format!("db.{db}").as_bytes());
        out.map(2);
        out.bulk(b"overhead.hashtable.main");
        out.count(tables[db]);
        // Deadlines are in the entries, and wheels are counted with the tables.
        out.bulk(b"overhead.hashtable.expires");
        out.int(0);
    }
    for (name, value) in tail {
        out.bulk(name.as_bytes());
        match value {
            Int(value) => out.int(value as i64),
            Double(value) => out.double(value),
        }
    }
    Ok(())
}

fn role(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.array(3);
    ctx.out.bulk(b"master");
    ctx.out.int(0);
    ctx.out.array(0);
    Ok(())
}

/// What SHUTDOWN was asked for.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
struct Options {
    save: bool,
    nosave: bool,
    now: bool,
    force: bool,
    abort: bool,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        for option in args.iter().skip(1) {
            let flag = match option {
                option if is(option, "NOSAVE") => &mut options.nosave,
                option if is(option, "SAVE") => &mut options.save,
                option if is(option, "NOW") => &mut options.now,
                option if is(option, "FORCE") => &mut options.force,
                option if is(option, "ABORT") => &mut options.abort,
                _ => return Err(Error::SYNTAX),
            };
            *flag = true;
        }
        let others = options.save || options.nosave || options.now || options.force;
        if options.save && options.nosave || options.abort && others {
            return Err(Error::SYNTAX);
        }
        Ok(options)
    }
}

/// Without persistence, SHUTDOWN is SHUTDOWN NOSAVE, as in Redis without save points.
fn shutdown(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let options = Options::parse(args)?;
    if options.abort {
        return Err(Error::made("ERR No shutdown in progress."));
    }
    if options.save && !options.force {
        tracing::warn!("SHUTDOWN SAVE: there is no persistence, so nothing can be saved");
        return Err(Error::made("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    let shared = ctx.thread.shared;
    if !options.nosave && shared.scripts.is_all_busy(shared.shards.len()) {
        return Err(shared.scripts.busy_error(ShardSet::all(shared.shards.len())));
    }
    // No reply: the connection ends.
    ctx.session.closing = true;
    ctx.thread.shared.shutdown.notify_one();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use curfew_protocol::args::OwnedArgs;

    #[test]
    fn options_of_shutdown() {
        let parse = |line: &str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            Options::parse(OwnedArgs::from_slices(&words).view())
        };
        assert_eq!(parse("SHUTDOWN"), Ok(Options::default()));
        assert_eq!(parse("SHUTDOWN nosave now"), Ok(Options { nosave: true, now: true, ..Options::default() }));
        assert_eq!(parse("SHUTDOWN abort"), Ok(Options { abort: true, ..Options::default() }));
        for line in ["SHUTDOWN x", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW", "SHUTDOWN NOW ABORT"] {
            assert_eq!(parse(line), Err(Error::SYNTAX), "{line}");
        }
    }
}
