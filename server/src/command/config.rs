//! CONFIG: the configuration in force, over RESP. What parameters there are and what they take is in `config/`.

use crate::command::help::help;
use crate::config;
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::shared::Shared;
use crate::system::limits;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error};
use curfew_shard::{Reach, Unit};

const fn row(name: &'static str, arity: i16, since: &'static str) -> Spec {
    Spec::new(name, arity, Group::Server, since).flags(ADMIN | NOSCRIPT | LOADING | STALE)
}

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("config", -2, Group::Server, "2.0.0").container().doc(
            "That of the subcommand",
            "Shows and changes parameters of the running server.",
            "",
        ),
        ServerHandler::Container,
    ),
    ServerRow::new(
        row("config|get", -3, "2.0.0")
            .doc(
                "O(n*p), n = names and patterns given, p = parameters",
                "Shows the values in force, by names or patterns.",
                "parameter...",
            )
            .history(&[("7.0.0", "Several names or patterns at once.")]),
        ServerHandler::Inline(get),
    ),
    ServerRow::new(
        Spec::new("config|help", 2, Group::Server, "5.0.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        row("config|resetstat", 2, "2.0.0")
            .doc("O(n), n = commands", "Sets the counters that INFO shows back to zero.", "")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Held(resetstat),
    )
    .reach(Reach::All),
    ServerRow::new(
        row("config|rewrite", 2, "2.8.0")
            .doc(
                "O(n), n = parameters",
                "Writes the values in force into the file that the server was started with.",
                "",
            )
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(rewrite),
    ),
    ServerRow::new(
        row("config|set", -4, "2.0.0")
            .doc("O(n), n = parameters given", "Changes parameters, all of them or none.", "data(parameter value)...")
            .history(&[("7.0.0", "Several parameters at once.")])
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(set),
    ),
];

fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let patterns: Vec<&[u8]> = args.iter().skip(2).collect();
    let found = config::get(&ctx.thread.shared.config.load(), &patterns);
    ctx.out.map(found.len());
    for (name, value) in found {
        ctx.out.bulk(&name);
        ctx.out.bulk(&value);
    }
    Ok(())
}

fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let pairs: Vec<&[u8]> = args.iter().skip(2).collect();
    change(ctx.thread.shared, &pairs)?;
    ctx.out.ok();
    Ok(())
}

/// Changes parameters, all or none, and does what the changes ask for.
fn change(shared: &Shared, pairs: &[&[u8]]) -> Result<(), Error> {
    let shards = shared.shards.len();
    shared
        .config
        .modify(|current| {
            let (changed, rows) = config::set(current, pairs)?;
            // Descriptors first: without them, the new limit would be a promise that nobody keeps.
            if changed.maxclients > current.maxclients
                && let Err(most) = limits::allow_clients(changed.maxclients, shards)
            {
                let reason = format!(
                    "The operating system is not able to handle the specified number of clients, try with {most}"
                );
                return Err(config::set_failed("maxclients", &reason));
            }
            Ok((changed, rows))
        })
        .map_err(Error::made)?;
    shared.apply_limits();
    Ok(())
}

fn rewrite(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let shared = ctx.thread.shared;
    config::rewrite::rewrite(&ctx.thread.config(), shared.config_file.as_deref()).map_err(Error::made)?;
    tracing::info!("CONFIG REWRITE executed with success");
    ctx.out.ok();
    Ok(())
}

fn resetstat(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, _: Args<'_>) -> Result<(), Error> {
    let shared = ctx.thread.shared;
    for shard in unit.shards() {
        shard.stats = Default::default();
        shared.stats.shards[usize::from(shard.index())].publish(shard);
    }
    shared.stats.reset();
    ctx.out.ok();
    Ok(())
}
