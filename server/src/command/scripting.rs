//! EVAL, EVALSHA, SCRIPT: the commands of the script engine (`script/`).

use crate::command::help::help;
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
                .notes("Only the script knows what it does with its keys: taken to read and write")])
            .doc("That of the script", "Runs a Lua script as one unit.", "script numkeys [key...] [arg...]"),
        ServerHandler::Held(eval),
    ),
    ServerRow::new(
        Spec::new("eval_ro", -3, Group::Scripting, "7.0.0")
            .flags(READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | SCRIPT | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RO | ACCESS)
                .notes("Only the script knows what it does with its keys: taken to read")])
            .doc(
                "That of the script",
                "Runs a Lua script that is not allowed to write.",
                "script numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(eval),
    ),
    ServerRow::new(
        Spec::new("evalsha", -3, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT | STALE | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | SCRIPT | BY_SHA | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | UPDATE)])
            .doc(
                "That of the script",
                "Runs a script that the server has seen before, named by its SHA-1.",
                "sha1 numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(eval),
    ),
    ServerRow::new(
        Spec::new("evalsha_ro", -3, Group::Scripting, "7.0.0")
            .flags(READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | SCRIPT | BY_SHA | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RO | ACCESS)])
            .doc(
                "That of the script",
                "Runs a script that the server has seen before, named by its SHA-1, and does not let it write.",
                "sha1 numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(eval),
    ),
    ServerRow::new(
        Spec::new("script", -2, Group::Scripting, "2.6.0").container().doc(
            "That of the subcommand",
            "Keeps Lua scripts by their SHA-1, and stops them.",
            "",
        ),
        ServerHandler::Container,
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|debug", 3, Group::Scripting, "3.2.0").flags(NOSCRIPT).doc(
            "O(1)",
            "Takes NO and refuses YES and SYNC: there is no debugger.",
            "mode<YES|SYNC|NO>",
        ),
        ServerHandler::Inline(debug),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|exists", -3, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT)
            .doc("O(n), n = scripts asked for", "Tells of each SHA-1 if the server keeps such a script.", "sha1...")
            .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"]),
        ServerHandler::Inline(exists),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|flush", -2, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT)
            .doc("O(n), n = scripts kept", "Forgets all scripts.", "[flush-type<ASYNC|SYNC>^6.2.0]")
            .history(&[("6.2.0", "`ASYNC` or `SYNC`.")])
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(flush),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|help", 2, Group::Scripting, "5.0.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|kill", 2, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT | ALLOW_BUSY)
            .doc("O(1)", "Stops the script that is running, if it has written nothing.", "")
            .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
        ServerHandler::Inline(kill),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("script|load", 3, Group::Scripting, "2.6.0")
            .flags(NOSCRIPT | STALE)
            .doc(
                "O(n), n = bytes of the script",
                "Compiles a script and keeps it for EVALSHA without running it.",
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
