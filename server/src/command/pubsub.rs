//! Channels: SUBSCRIBE and its kin, PUBLISH, PUBSUB. The mechanism is in `clients/pubsub.rs`.

use crate::clients::pubsub::ChannelKind;
use crate::command::help::help;
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::session::Session;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};
use curfew_shard::{Message, Reach, Unit};

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("psubscribe", -2, Group::Pubsub, "2.0.0")
            .flags(PUBSUB | NOSCRIPT | LOADING | STALE | FROM_SUBSCRIBER)
            .doc(
                "O(n*p), n = patterns given, p = patterns of all clients",
                "Subscribes the connection to every channel whose name matches one of the patterns.",
                "pattern...",
            ),
        ServerHandler::Inline(|ctx, args| subscribe(ctx, args, ChannelKind::Pattern)),
    ),
    ServerRow::new(
        Spec::new("publish", 3, Group::Pubsub, "2.0.0").flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE).doc(
            "O(n+p), n = receivers, p = patterns of all clients",
            "Sends a message to the subscribers of a channel and tells how many they are.",
            "channel message",
        ),
        ServerHandler::Held(|ctx, unit, args| publish(ctx, unit, args, false)),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("pubsub", -2, Group::Pubsub, "2.8.0").container().doc(
            "That of the subcommand",
            "Shows what is subscribed to.",
            "",
        ),
        ServerHandler::Container,
    ),
    ServerRow::new(
        Spec::new("pubsub|channels", -2, Group::Pubsub, "2.8.0").flags(PUBSUB | LOADING | STALE).doc(
            "O(n), n = channels that have subscribers",
            "Lists the channels that have subscribers, all or those that match a pattern.",
            "[pattern]",
        ),
        ServerHandler::Inline(|ctx, args| channels(ctx, args, ChannelKind::Channel)),
    ),
    ServerRow::new(
        Spec::new("pubsub|help", 2, Group::Pubsub, "6.2.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        Spec::new("pubsub|numpat", 2, Group::Pubsub, "2.8.0").flags(PUBSUB | LOADING | STALE).doc(
            "O(1)",
            "Tells how many different patterns clients are subscribed to.",
            "",
        ),
        ServerHandler::Inline(|ctx, _| {
            ctx.out.count(ctx.thread.shared.pubsub.pattern_count());
            Ok(())
        }),
    ),
    ServerRow::new(
        Spec::new("pubsub|numsub", -2, Group::Pubsub, "2.8.0").flags(PUBSUB | LOADING | STALE).doc(
            "O(n), n = channels given",
            "Tells of each channel how many clients are subscribed to it by name.",
            "[channel...]",
        ),
        ServerHandler::Inline(|ctx, args| subscribers(ctx, args, ChannelKind::Channel)),
    ),
    ServerRow::new(
        Spec::new("pubsub|shardchannels", -2, Group::Pubsub, "7.0.0").flags(PUBSUB | LOADING | STALE).doc(
            "O(n), n = shard channels that have subscribers",
            "Lists the shard channels that have subscribers, all or those that match a pattern.",
            "[pattern]",
        ),
        ServerHandler::Inline(|ctx, args| channels(ctx, args, ChannelKind::Shard)),
    ),
    ServerRow::new(
        Spec::new("pubsub|shardnumsub", -2, Group::Pubsub, "7.0.0").flags(PUBSUB | LOADING | STALE).doc(
            "O(n), n = shard channels given",
            "Tells of each shard channel how many clients are subscribed to it.",
            "[shardchannel...]",
        ),
        ServerHandler::Inline(|ctx, args| subscribers(ctx, args, ChannelKind::Shard)),
    ),
    ServerRow::new(
        Spec::new("punsubscribe", -1, Group::Pubsub, "2.0.0")
            .flags(PUBSUB | NOSCRIPT | LOADING | STALE | FROM_SUBSCRIBER)
            .doc(
                "O(n*p), n = patterns given, p = patterns of all clients",
                "Ends subscriptions to patterns: those given, or all.",
                "[pattern...]",
            ),
        ServerHandler::Inline(|ctx, args| unsubscribe(ctx, args, ChannelKind::Pattern)),
    ),
    ServerRow::new(
        Spec::new("spublish", 3, Group::Pubsub, "7.0.0")
            .flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE)
            .keys(&[KeySpec::first(NOT_KEY)])
            .doc(
                "O(n), n = receivers",
                "Sends a message to the subscribers of a shard channel and tells how many they are.",
                "shardchannel message",
            ),
        ServerHandler::Held(|ctx, unit, args| publish(ctx, unit, args, true)),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("ssubscribe", -2, Group::Pubsub, "7.0.0")
            .flags(PUBSUB | NOSCRIPT | LOADING | STALE | FROM_SUBSCRIBER)
            .keys(&[KeySpec::range(1, -1, 1, NOT_KEY)])
            .doc("O(n), n = shard channels given", "Subscribes the connection to shard channels.", "shardchannel..."),
        ServerHandler::Inline(|ctx, args| subscribe(ctx, args, ChannelKind::Shard)),
    ),
    ServerRow::new(
        Spec::new("subscribe", -2, Group::Pubsub, "2.0.0")
            .flags(PUBSUB | NOSCRIPT | LOADING | STALE | FROM_SUBSCRIBER)
            .doc("O(n), n = channels given", "Subscribes the connection to channels.", "channel..."),
        ServerHandler::Inline(|ctx, args| subscribe(ctx, args, ChannelKind::Channel)),
    ),
    ServerRow::new(
        Spec::new("sunsubscribe", -1, Group::Pubsub, "7.0.0")
            .flags(PUBSUB | NOSCRIPT | LOADING | STALE | FROM_SUBSCRIBER)
            .keys(&[KeySpec::range(1, -1, 1, NOT_KEY)])
            .doc(
                "O(n), n = shard channels given",
                "Ends subscriptions to shard channels: those given, or all.",
                "[shardchannel...]",
            ),
        ServerHandler::Inline(|ctx, args| unsubscribe(ctx, args, ChannelKind::Shard)),
    ),
    ServerRow::new(
        Spec::new("unsubscribe", -1, Group::Pubsub, "2.0.0")
            .flags(PUBSUB | NOSCRIPT | LOADING | STALE | FROM_SUBSCRIBER)
            .doc("O(n), n = channels given", "Ends subscriptions to channels: those given, or all.", "[channel...]"),
        ServerHandler::Inline(|ctx, args| unsubscribe(ctx, args, ChannelKind::Channel)),
    ),
];

/// PUBLISH and SPUBLISH. A message leaves at once, unless its unit has events that come before it: then it leaves with
/// them, in its place, when the unit is over; who unsubscribes in between is counted and not reached.
fn publish(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>, shard: bool) -> Result<(), Error> {
    let pubsub = &ctx.thread.shared.pubsub;
    let message = Message { shard, channel: args.at(1).into(), text: args.at(2).into() };
    let sink = unit.sink();
    let receivers = if sink.events.is_empty() {
        pubsub.publish_message(&message, ctx.now.ms)
    } else {
        let receivers = match shard {
            true => pubsub.subscribers(ChannelKind::Shard, &message.channel),
            false => pubsub.receivers(&message.channel),
        };
        sink.messages.push((sink.events.len(), message));
        receivers
    };
    ctx.out.count(receivers);
    Ok(())
}

/// One confirmation for each name, as a message of its own.
fn subscribe(ctx: &mut Ctx<'_>, args: Args<'_>, kind: ChannelKind) -> Result<(), Error> {
    let word = match kind {
        ChannelKind::Channel => "subscribe",
        ChannelKind::Pattern => "psubscribe",
        ChannelKind::Shard => "ssubscribe",
    };
    begin(ctx);
    for name in args.iter().skip(1) {
        let Session { client, subscriptions, .. } = &mut *ctx.session;
        ctx.thread.shared.pubsub.subscribe(kind, name, client, subscriptions);
        confirm(ctx.out, word, Some(name), told(ctx.session, kind));
    }
    Ok(())
}

/// Without names: from all of this kind, with one confirmation all the same if there is none.
fn unsubscribe(ctx: &mut Ctx<'_>, args: Args<'_>, kind: ChannelKind) -> Result<(), Error> {
    let word = match kind {
        ChannelKind::Channel => "unsubscribe",
        ChannelKind::Pattern => "punsubscribe",
        ChannelKind::Shard => "sunsubscribe",
    };
    let is_own = begin(ctx);
    let names: Vec<Box<[u8]>> = match args.len() {
        1 => ctx.session.subscriptions.names(kind).map(Into::into).collect(),
        _ => args.iter().skip(1).map(Into::into).collect(),
    };
    if names.is_empty() {
        confirm(ctx.out, word, None, told(ctx.session, kind));
    }
    for name in names {
        let Session { client, subscriptions, .. } = &mut *ctx.session;
        ctx.thread.shared.pubsub.unsubscribe(kind, &name, client, subscriptions);
        // Nobody is sending on this channel any more: what came before stands before the confirmation. Within EXEC
        // it has to wait, so that no message lands inside the reply.
        if is_own {
            client.take_messages(ctx.out);
        }
        confirm(ctx.out, word, Some(&name), told(ctx.session, kind));
    }
    Ok(())
}

/// Marks what follows as messages. Whether it is the reply of the command itself, and not a part of EXEC's.
fn begin(ctx: &mut Ctx<'_>) -> bool {
    let is_own = ctx.out.len() == ctx.session.reply_at;
    ctx.session.pushed = is_own;
    is_own
}

fn confirm(out: &mut Reply, word: &str, name: Option<&[u8]>, count: usize) {
    out.push(3);
    out.bulk(word.as_bytes());
    match name {
        Some(name) => out.bulk(name),
        None => out.null(),
    }
    out.count(count);
}

/// The count in a confirmation: channels and patterns together, shard channels apart.
fn told(session: &Session, kind: ChannelKind) -> usize {
    let count = |kind| session.subscriptions.count(kind);
    match kind {
        ChannelKind::Shard => count(ChannelKind::Shard),
        ChannelKind::Channel | ChannelKind::Pattern => count(ChannelKind::Channel) + count(ChannelKind::Pattern),
    }
}

fn channels(ctx: &mut Ctx<'_>, args: Args<'_>, kind: ChannelKind) -> Result<(), Error> {
    if args.len() > 3 {
        let given = &args[1][..args[1].len().min(128)];
        let parts: [&[u8]; 3] =
            [b"ERR unknown subcommand or wrong number of arguments for '", given, b"'. Try PUBSUB HELP."];
        return Err(Error::made(parts.concat()));
    }
    ctx.out.bulks(&ctx.thread.shared.pubsub.channels(kind, args.get(2)));
    Ok(())
}

fn subscribers(ctx: &mut Ctx<'_>, args: Args<'_>, kind: ChannelKind) -> Result<(), Error> {
    ctx.out.array((args.len() - 2) * 2);
    for channel in args.iter().skip(2) {
        ctx.out.bulk(channel);
        ctx.out.count(ctx.thread.shared.pubsub.subscribers(kind, channel));
    }
    Ok(())
}
