//! EVAL, EVALSHA, SCRIPT: the commands of the script engine (`script/`).

use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::lua::vm::with_vm;
use curfew_protocol::args::{self, is};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error};
use curfew_shard::{Reach, Unit};

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("eval", -3, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT | STALE | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | SCRIPT | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | UPDATE)
                .notes("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")])
            .doc(
                "Depends on the script that is executed.",
                "Executes a server-side Lua script.",
                "script numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(eval),
    ),
    ServerRow::new(
        Spec::new("eval_ro", -3, Group::Scripting, "7.0.0")
            .flags(READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | SCRIPT | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RO | ACCESS)
                .notes("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")])
            .doc(
                "Depends on the script that is executed.",
                "Executes a read-only server-side Lua script.",
                "script numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(eval),
    ),
    ServerRow::new(
        Spec::new("evalsha", -3, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT | STALE | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | SCRIPT | BY_SHA | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | UPDATE)])
            .doc(
                "Depends on the script that is executed.",
                "Executes a server-side Lua script by SHA1 digest.",
                "sha1 numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(eval),
    ),
    ServerRow::new(
        Spec::new("evalsha_ro", -3, Group::Scripting, "7.0.0")
            .flags(READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | SCRIPT | BY_SHA | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RO | ACCESS)])
            .doc(
                "Depends on the script that is executed.",
                "Executes a read-only server-side Lua script by SHA1 digest.",
                "sha1 numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(eval),
    ),
    ServerRow::new(
        Spec::new("script", -2, Group::Scripting, "2.6.0").container().doc(
            "Depends on subcommand.",
            "A container for Lua scripts management commands.",
            "",
        ),
        ServerHandler::Container,
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|debug", 3, Group::Scripting, "3.2.0").flags(NOSCRIPT).doc(
            "O(1)",
            "Sets the debug mode of server-side Lua scripts.",
            "mode<YES|SYNC|NO>",
        ),
        ServerHandler::Inline(debug),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|exists", -3, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT)
            .doc(
                "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).",
                "Determines whether server-side Lua scripts exist in the script cache.",
                "sha1...",
            )
            .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"]),
        ServerHandler::Inline(exists),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|flush", -2, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT)
            .doc(
                "O(N) with N being the number of scripts in cache",
                "Removes all server-side Lua scripts from the script cache.",
                "[flush-type<ASYNC|SYNC>^6.2.0]",
            )
            .history(&[("6.2.0", "Added the `ASYNC` and `SYNC` flushing mode modifiers.")])
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(flush),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|help", 2, Group::Scripting, "5.0.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Returns helpful text about the different subcommands.",
            "",
        ),
        ServerHandler::Inline(help),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|kill", 2, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT | ALLOW_BUSY)
            .doc("O(1)", "Terminates a server-side Lua script during execution.", "")
            .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
        ServerHandler::Inline(kill),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|load", 3, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT | STALE)
            .doc(
                "O(N) with N being the length in bytes of the script body.",
                "Loads a server-side Lua script to the script cache.",
                "script",
            )
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(load),
    )
    .reach(Reach::None),
];

/// EVAL, EVALSHA, EVAL_RO, EVALSHA_RO.
fn eval(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    // A name that cannot be one is told before anything else, as in Redis.
    if ctx.command.is(BY_SHA) && args.at(1).len() != 40 {
        return Err(Error::NO_SCRIPT);
    }
    let keys = numkeys(args, Error::NOT_AN_INTEGER)?;
    with_vm(ctx, |vm, ctx| vm.eval(ctx, unit, args, keys))
}

/// How many of the arguments are keys; `not_a_number` if that is not told by a number.
pub fn numkeys(args: Args<'_>, not_a_number: Error) -> Result<usize, Error> {
    let keys = args::integer(args.at(2)).map_err(|_| not_a_number)?;
    let keys = usize::try_from(keys).map_err(|_| Error::NEGATIVE_KEYS)?;
    if keys > args.len() - 3 { Err(Error::TOO_MANY_KEYS) } else { Ok(keys) }
}

fn load(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let (shared, now_us) = (ctx.thread.shared, ctx.now.micros());
    let sha = with_vm(ctx, |vm, _| vm.load(shared, args.at(2), now_us))?;
    ctx.out.bulk(&sha);
    Ok(())
}

fn exists(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    ctx.out.array(args.len() - 2);
    for name in args.tail(2).iter() {
        ctx.out.int(i64::from(ctx.thread.shared.scripts.exists(name)));
    }
    Ok(())
}

fn flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    match args.get(2) {
        None => {}
        Some(mode) if args.len() == 3 && (is(mode, "sync") || is(mode, "async")) => {}
        Some(_) => return Err(Error::fixed(&"ERR SCRIPT FLUSH only support SYNC|ASYNC option")),
    }
    ctx.thread.shared.scripts.flush();
    ctx.out.ok();
    Ok(())
}

fn kill(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.thread.shared.scripts.kill(false)?;
    ctx.out.ok();
    Ok(())
}

/// There is no debugger: only switching it off works.
fn debug(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let mode = args.at(2);
    if is(mode, "no") {
        ctx.out.ok();
        return Ok(());
    }
    match is(mode, "yes") || is(mode, "sync") {
        true => Err(Error::fixed(&"ERR SCRIPT DEBUG YES and SYNC are not supported")),
        false => Err(Error::fixed(&"ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    }
}

fn help(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.simples(&[
        "SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "DEBUG (YES|SYNC|NO)",
        "    Set the debug mode for subsequent scripts executed.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Return information about the existence of the scripts in the script cache.",
        "FLUSH [ASYNC|SYNC]",
        "    Flush the Lua scripts cache. Very dangerous on replicas.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the scripts cache.",
        "    * SYNC: Synchronously flush the scripts cache.",
        "KILL",
        "    Kill the currently executing Lua script.",
        "LOAD <script>",
        "    Load a script into the scripts cache without executing it.",
        "HELP",
        "    Print this help.",
    ]);
    Ok(())
}
