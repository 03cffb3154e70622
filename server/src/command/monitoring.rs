//! SLOWLOG, LATENCY and MODULE: what Redis answers where nothing is logged, watched or loaded. Latencies are in `/metrics` and in INFO.

use crate::command::help::help;
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use curfew_protocol::args::integer;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error};

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("latency", -2, Group::Server, "2.8.13").container().doc(
            "That of the subcommand",
            "Tells of delays within the server.",
            "",
        ),
        ServerHandler::Container,
    ),
    ServerRow::new(
        Spec::new("latency|doctor", 2, Group::Server, "2.8.13")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Looks into the delays seen.", "")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
        ServerHandler::Inline(latency_doctor),
    ),
    ServerRow::new(
        Spec::new("latency|graph", 3, Group::Server, "2.8.13")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Would draw the delays of one kind.", "event")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
        ServerHandler::Inline(latency_graph),
    ),
    ServerRow::new(
        Spec::new("latency|help", 2, Group::Server, "2.8.13").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        Spec::new("latency|history", 3, Group::Server, "2.8.13")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Shows when delays of one kind were seen: none are kept.", "event")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
        ServerHandler::Inline(none),
    ),
    ServerRow::new(
        Spec::new("latency|latest", 2, Group::Server, "2.8.13")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Shows the last delay of each kind: none are kept.", "")
            .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
        ServerHandler::Inline(none),
    ),
    ServerRow::new(
        Spec::new("latency|reset", -2, Group::Server, "2.8.13")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Forgets the delays of some kinds, or all.", "[event...]")
            .tips(&["request_policy:all_nodes", "response_policy:agg_sum"]),
        ServerHandler::Inline(zero),
    ),
    ServerRow::new(
        Spec::new("module", -2, Group::Server, "4.0.0").container().doc(
            "That of the subcommand",
            "Is about modules, which there are none of.",
            "",
        ),
        ServerHandler::Container,
    ),
    ServerRow::new(
        Spec::new("module|help", 2, Group::Server, "5.0.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        Spec::new("module|list", 2, Group::Server, "4.0.0")
            .flags(ADMIN | NOSCRIPT)
            .doc("O(1)", "Lists the modules: none.", "")
            .tips(&["nondeterministic_output_order"]),
        ServerHandler::Inline(none),
    ),
    ServerRow::new(
        Spec::new("module|load", -3, Group::Server, "4.0.0").flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING).doc(
            "O(1)",
            "Would load a module.",
            "path [arg...]",
        ),
        ServerHandler::Inline(no_modules),
    ),
    ServerRow::new(
        Spec::new("module|loadex", -3, Group::Server, "7.0.0").flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING).doc(
            "O(1)",
            "Would load a module with settings of its own.",
            "path [CONFIG configs(name value)+...] [ARGS args...]",
        ),
        ServerHandler::Inline(no_modules),
    ),
    ServerRow::new(
        Spec::new("module|unload", 3, Group::Server, "4.0.0").flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING).doc(
            "O(1)",
            "Would take a module out again.",
            "name",
        ),
        ServerHandler::Inline(no_modules),
    ),
    ServerRow::new(
        Spec::new("slowlog", -2, Group::Server, "2.2.12").container().doc(
            "That of the subcommand",
            "Is about commands that took long.",
            "",
        ),
        ServerHandler::Container,
    ),
    ServerRow::new(
        Spec::new("slowlog|get", -2, Group::Server, "2.2.12")
            .flags(ADMIN | LOADING | STALE)
            .doc("O(1)", "Shows the commands that took long: none are kept.", "[count]")
            .history(&[("4.0.0", "Address and name of the client.")])
            .tips(&["request_policy:all_nodes", "nondeterministic_output"]),
        ServerHandler::Inline(slowlog_get),
    ),
    ServerRow::new(
        Spec::new("slowlog|help", 2, Group::Server, "6.2.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        Spec::new("slowlog|len", 2, Group::Server, "2.2.12")
            .flags(ADMIN | LOADING | STALE)
            .doc("O(1)", "Counts the commands that are kept: 0.", "")
            .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
        ServerHandler::Inline(zero),
    ),
    ServerRow::new(
        Spec::new("slowlog|reset", 2, Group::Server, "2.2.12")
            .flags(ADMIN | LOADING | STALE)
            .doc("O(1)", "Forgets the commands that are kept.", "")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(ok),
    ),
];

fn zero(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.int(0);
    Ok(())
}

fn ok(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.ok();
    Ok(())
}

fn none(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.array(0);
    Ok(())
}

fn latency_doctor(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let text = "No delays are watched here, so there is nothing to look into. The latencies of commands are in INFO latencystats and in /metrics.\n";
    ctx.out.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn latency_graph(_: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    Err(Error::made([b"ERR No samples available for event '", args.at(2), b"'"].concat()))
}

fn no_modules(_: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    Err(Error::made("ERR MODULE command not allowed: there are no modules"))
}

/// `SLOWLOG GET [count]`.
fn slowlog_get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let count = args.get(2).map_or(Ok(10), integer);
    if args.len() > 3 || !count.is_ok_and(|count| count >= -1) {
        return Err(Error::made("ERR count should be greater than or equal to -1"));
    }
    ctx.out.array(0);
    Ok(())
}
