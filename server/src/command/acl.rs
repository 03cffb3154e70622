//! ACL: there is one user, `default`, who may do everything, with the password of `requirepass` if there is one. What asks about
//! users is answered accordingly, what would change them is refused.

use crate::command::help::help;
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::request::table::table;
use curfew_protocol::args::{OwnedArgs, integer, is};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error};

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("acl", -2, Group::Server, "6.0.0").container().doc(
            "That of the subcommand",
            "Is about users and what they may do.",
            "",
        ),
        ServerHandler::Container,
    ),
    ServerRow::new(
        Spec::new("acl|cat", -2, Group::Server, "6.0.0").flags(NOSCRIPT | LOADING | STALE).doc(
            "O(n), n = commands",
            "Lists the categories, or what is in one of them.",
            "[category]",
        ),
        ServerHandler::Inline(cat),
    ),
    ServerRow::new(
        Spec::new("acl|deluser", -3, Group::Server, "6.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(n), n = names", "Would remove users; there is only `default`, who stays.", "username...")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(deluser),
    ),
    ServerRow::new(
        Spec::new("acl|dryrun", -4, Group::Server, "7.0.0").flags(ADMIN | NOSCRIPT | LOADING | STALE).doc(
            "O(1)",
            "Tells whether a user might run a command.",
            "username command [arg...]",
        ),
        ServerHandler::Inline(dryrun),
    ),
    ServerRow::new(
        Spec::new("acl|getuser", 3, Group::Server, "6.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Describes a user, without his password.", "username")
            .history(&[("6.2.0", "Patterns of channels."), ("7.0.0", "Selectors; patterns as rules.")]),
        ServerHandler::Inline(getuser),
    ),
    ServerRow::new(
        Spec::new("acl|help", 2, Group::Server, "6.0.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        Spec::new("acl|list", 2, Group::Server, "6.0.0").flags(ADMIN | NOSCRIPT | LOADING | STALE).doc(
            "O(1)",
            "Lists the users as rules, without passwords.",
            "",
        ),
        ServerHandler::Inline(list),
    ),
    ServerRow::new(
        Spec::new("acl|load", 2, Group::Server, "6.0.0").flags(ADMIN | NOSCRIPT | LOADING | STALE).doc(
            "O(1)",
            "Would read the users from their file.",
            "",
        ),
        ServerHandler::Inline(no_file),
    ),
    ServerRow::new(
        Spec::new("acl|log", -2, Group::Server, "6.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Shows who was kept from what: nothing is kept.", "[operation<count|RESET>]")
            .history(&[("7.2.0", "IDs and times of entries.")]),
        ServerHandler::Inline(log),
    ),
    ServerRow::new(
        Spec::new("acl|save", 2, Group::Server, "6.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Would write the users to their file.", "")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(no_file),
    ),
    ServerRow::new(
        Spec::new("acl|setuser", -3, Group::Server, "6.0.0")
            .flags(ADMIN | NOSCRIPT | LOADING | STALE)
            .doc("O(1)", "Would make a user or change one.", "username [rule...]")
            .history(&[("6.2.0", "Patterns of channels."), ("7.0.0", "Selectors, and permissions by key.")])
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        ServerHandler::Inline(setuser),
    ),
    ServerRow::new(
        Spec::new("acl|users", 2, Group::Server, "6.0.0").flags(ADMIN | NOSCRIPT | LOADING | STALE).doc(
            "O(1)",
            "Names the users: `default` alone.",
            "",
        ),
        ServerHandler::Inline(users),
    ),
    ServerRow::new(
        Spec::new("acl|whoami", 2, Group::Server, "6.0.0").flags(NOSCRIPT | LOADING | STALE).doc(
            "O(1)",
            "Tells as whom the connection is logged in.",
            "",
        ),
        ServerHandler::Inline(whoami),
    ),
];

/// `ACL CAT [category]`.
fn cat(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    if args.len() > 3 {
        return Err(Error::wrong_arity("acl|cat"));
    }
    let Some(name) = args.get(2) else {
        let names: Vec<&str> = acl::NAMES.iter().map(|(_, name)| *name).collect();
        ctx.out.bulks(&names);
        return Ok(());
    };
    let Some(category) = acl::by_name(name) else {
        return Err(Error::made([b"ERR Unknown category '", name, b"'"].concat()));
    };
    let all = table().all.iter().filter(|command| command.spec.categories() & category != 0);
    let names: Vec<&str> = all.map(|command| command.spec.name).collect();
    ctx.out.bulks(&names);
    Ok(())
}

/// `ACL DELUSER username [username ...]`: the number of users that went.
fn deluser(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    if args.tail(2).iter().any(|name| name == USER) {
        return Err(Error::made("ERR The 'default' user cannot be removed"));
    }
    ctx.out.int(0);
    Ok(())
}

/// `ACL DRYRUN username command [arg ...]`.
fn dryrun(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    if args.at(2) != USER {
        return Err(Error::made([b"ERR User '", args.at(2), b"' not found"].concat()));
    }
    let words: Vec<&[u8]> = args.tail(3).iter().collect();
    if table().by_name(words[0]).is_none() {
        return Err(Error::made([b"ERR Command '", words[0], b"' not found"].concat()));
    }
    table().resolve(OwnedArgs::from_slices(&words).view()).map_err(|unresolved| unresolved.error)?;
    ctx.out.ok();
    Ok(())
}

/// `ACL GETUSER username`.
fn getuser(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    if args.at(2) != USER {
        ctx.out.null();
        return Ok(());
    }
    let open = ctx.thread.shared.config.load().requirepass.0.is_empty();
    let flags: &[&str] = if open { &["on", "nopass", "sanitize-payload"] } else { &["on", "sanitize-payload"] };
    let out = &mut *ctx.out;
    out.map(6);
    out.bulk(b"flags");
    out.set(flags.len());
    flags.iter().for_each(|flag| out.bulk(flag.as_bytes()));
    out.bulk(b"passwords");
    out.array(0);
    for (name, value) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"selectors");
    out.array(0);
    Ok(())
}

/// ACL LIST.
fn list(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let open = ctx.thread.shared.config.load().requirepass.0.is_empty();
    let password = if open { "nopass " } else { "" };
    ctx.out.bulks(&[format!("user default on {password}sanitize-payload ~* &* +@all")]);
    Ok(())
}

/// `ACL LOG [count | RESET]`.
fn log(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    match args.get(2) {
        _ if args.len() > 3 => return Err(Error::wrong_arity("acl|log")),
        Some(word) if is(word, "RESET") => ctx.out.ok(),
        Some(count) => {
            integer(count)?;
            ctx.out.array(0);
        }
        None => ctx.out.array(0),
    }
    Ok(())
}

fn no_file(_: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    Err(Error::made("ERR This Redis instance is not configured to use an ACL file: there is one user, `default`"))
}

fn setuser(_: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    Err(Error::made(
        "ERR ACL SETUSER is not possible: there is one user, `default`, with the password of `requirepass`",
    ))
}

fn users(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.bulks(&[USER]);
    Ok(())
}

fn whoami(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.out.bulk(USER);
    Ok(())
}

/// The only user.
const USER: &[u8] = b"default";
