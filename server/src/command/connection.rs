//! The connection's own commands: who it is, which protocol it speaks, which database it works on.

use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::session::ReplyMode;
use crate::system::version;
use crate::units::watch;
use curfew_protocol::args::{integer, is};
use curfew_protocol::error::c_string;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Resp, number};
use std::sync::atomic::Ordering::Relaxed;

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("auth", -2, Group::Connection, "1.0.0")
            .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY)
            .doc(
                "O(n), n = bytes of the password",
                "Lets the connection in, if the password is right.",
                "[username^6.0.0] password",
            )
            .history(&[("6.0.0", "A user name may stand before the password.")]),
        ServerHandler::Inline(auth),
    ),
    ServerRow::new(
        Spec::new("echo", 2, Group::Connection, "1.0.0").flags(LOADING | STALE | FAST).doc(
            "O(1)",
            "Sends the message back.",
            "message",
        ),
        ServerHandler::Inline(|ctx, args| {
            ctx.out.bulk(&args[1]);
            Ok(())
        }),
    ),
    ServerRow::new(
        Spec::new("hello", -1, Group::Connection, "6.0.0")
            .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY)
            .doc(
                "O(1)",
                "Chooses RESP2 or RESP3, logs in and names the connection if wanted, and tells about the server.",
                "[arguments(protover:int [AUTH auth(username password)] [SETNAME clientname])]",
            )
            .history(&[("6.2.0", "Without arguments it tells about server and connection, and changes nothing.")]),
        ServerHandler::Inline(hello),
    ),
    ServerRow::new(
        Spec::new("ping", -1, Group::Connection, "1.0.0")
            .flags(FAST | FROM_SUBSCRIBER)
            .doc("O(1)", "Answers PONG or the message, as a sign of life.", "[message]")
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        ServerHandler::Inline(ping),
    ),
    ServerRow::new(
        Spec::new("quit", -1, Group::Connection, "1.0.0")
            .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | NOT_QUEUED | FROM_SUBSCRIBER)
            .doc("O(1)", "Says goodbye: the server answers OK and closes the connection.", "")
            .deprecated("7.2.0", "closing the socket"),
        ServerHandler::Inline(|ctx, _| {
            ctx.session.closing = true;
            ctx.out.ok();
            Ok(())
        }),
    ),
    ServerRow::new(
        Spec::new("reset", 1, Group::Connection, "6.2.0")
            .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | NOT_QUEUED | FROM_SUBSCRIBER)
            .doc(
                "O(n), n = subscriptions and watched keys",
                "Makes the connection like a new one: RESP2, database 0, no transaction, no subscriptions.",
                "",
            ),
        ServerHandler::Inline(reset),
    ),
    ServerRow::new(
        Spec::new("select", 2, Group::Connection, "1.0.0").flags(LOADING | STALE | FAST).doc(
            "O(1)",
            "Chooses the database for the commands that follow.",
            "index",
        ),
        ServerHandler::Inline(select),
    ),
];

const BAD_NAME: Error = Error::fixed(&"ERR Client names cannot contain spaces, newlines or special characters.");
const BAD_PROTOCOL: Error = Error::fixed(&"ERR Protocol version is not an integer or out of range");
const DB_NOT_AN_INT: Error = Error::fixed(&"ERR value is out of range, value must between -2147483648 and 2147483647");

/// The one user there is.
pub const USER: &[u8] = b"default";

/// Whether a name may stand in CLIENT LIST: printable ASCII without blanks.
pub fn is_tidy(text: &[u8]) -> bool {
    c_string(text).iter().all(u8::is_ascii_graphic)
}

/// CLIENT SETNAME and HELLO's SETNAME. An empty name takes the name away.
pub fn set_name(ctx: &Ctx<'_>, name: &[u8]) -> Result<(), Error> {
    if !is_tidy(name) {
        return Err(BAD_NAME);
    }
    ctx.session.client.names.lock().name = name.to_vec();
    Ok(())
}

fn ping(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    if args.len() > 2 {
        return Err(Error::wrong_arity("ping"));
    }
    // A subscriber of RESP2 could not tell a plain PONG from a message.
    if ctx.out.resp == Resp::Two && ctx.session.subscriptions.any() {
        ctx.out.bulks(&[b"pong".as_slice(), args.get(1).unwrap_or_default()]);
        return Ok(());
    }
    match args.get(1) {
        Some(message) => ctx.out.bulk(message),
        None => ctx.out.simple("PONG"),
    }
    Ok(())
}

fn select(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let index = i32::try_from(integer(&args[1])?).map_err(|_| DB_NOT_AN_INT)?;
    let databases = ctx.thread.settings().databases;
    let index = usize::try_from(index).ok().filter(|index| *index < databases).ok_or(Error::DB_OUT_OF_RANGE)?;
    ctx.session.select(index);
    ctx.out.ok();
    Ok(())
}

fn auth(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let (user, password) = match args.len() {
        2 if ctx.thread.config().requirepass.0.is_empty() => return Err(Error::AUTH_NOT_CONFIGURED),
        2 => (USER, &args[1]),
        3 => (&args[1], &args[2]),
        _ => return Err(Error::SYNTAX),
    };
    authenticate(ctx, user, password)?;
    ctx.out.ok();
    Ok(())
}

/// Lets the session in, if the password is right. A failure leaves it as it was.
fn authenticate(ctx: &mut Ctx<'_>, user: &[u8], password: &[u8]) -> Result<(), Error> {
    let config = ctx.thread.config();
    let wanted = &config.requirepass.0;
    // Without a password any password is right, as for a `nopass` user of Redis.
    if user != USER || !(wanted.is_empty() || is_same(wanted, password)) {
        return Err(Error::WRONG_PASS);
    }
    ctx.session.authenticated = true;
    Ok(())
}

/// Compares in a time that depends on the length given alone, so that it tells nothing of the secret.
fn is_same(secret: &[u8], given: &[u8]) -> bool {
    let mut differences = usize::from(secret.len() != given.len());
    for (at, byte) in given.iter().enumerate() {
        // An index that goes round compares something even past the secret's end.
        differences |= usize::from(std::hint::black_box(byte ^ secret[at % secret.len()]));
    }
    std::hint::black_box(differences) == 0
}

fn hello(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let resp = match args.get(1).map(|version| number::parse_i64(version).ok_or(BAD_PROTOCOL)).transpose()? {
        None => ctx.out.resp,
        Some(2) => Resp::Two,
        Some(3) => Resp::Three,
        Some(_) => return Err(Error::NO_PROTO),
    };
    let (mut login, mut name) = (None, None);
    let mut cursor = args.cursor(2);
    while let Some(option) = cursor.next() {
        if is(option, "AUTH")
            && cursor.left() >= 2
            && let (Some(user), Some(password)) = (cursor.next(), cursor.next())
        {
            login = Some((user, password));
        } else if is(option, "SETNAME")
            && let Some(given) = cursor.next()
        {
            name = Some(given);
            if !is_tidy(given) {
                return Err(BAD_NAME);
            }
        } else {
            return Err(Error::made([b"ERR Syntax error in HELLO option '", c_string(option), b"'"].concat()));
        }
    }
    if let Some((user, password)) = login {
        authenticate(ctx, user, password)?;
    }
    if !ctx.session.authenticated && !ctx.thread.config().requirepass.0.is_empty() {
        return Err(Error::HELLO_NO_AUTH);
    }
    if let Some(name) = name {
        set_name(ctx, name)?;
    }
    speak(ctx, resp);
    let id = ctx.session.client.id;
    ctx.out.map(7);
    for (field, value) in [("server", "redis"), ("version", version::REDIS)] {
        ctx.out.bulk(field.as_bytes());
        ctx.out.bulk(value.as_bytes());
    }
    ctx.out.bulk(b"proto");
    ctx.out.int(if resp == Resp::Three { 3 } else { 2 });
    ctx.out.bulk(b"id");
    ctx.out.int(id as i64);
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
        ctx.out.bulk(field.as_bytes());
        ctx.out.bulk(value.as_bytes());
    }
    ctx.out.bulk(b"modules");
    ctx.out.array(0);
    Ok(())
}

/// Switches the protocol of the replies and messages to come.
fn speak(ctx: &mut Ctx<'_>, resp: Resp) {
    ctx.out.resp = resp;
    ctx.session.client.resp.store(if resp == Resp::Three { 3 } else { 2 }, Relaxed);
}

/// Makes the connection like a new one, but for what it told of its library.
fn reset(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let shared = ctx.thread.shared;
    let authenticated = ctx.thread.config().requirepass.0.is_empty();
    let session = &mut *ctx.session;
    watch::end_transaction(shared, session);
    let client = session.client.clone();
    shared.pubsub.leave(&client, &mut session.subscriptions);
    // Messages from before are still messages of the old state.
    client.take_messages(ctx.out);
    session.select(0);
    session.authenticated = authenticated;
    session.reply_mode = ReplyMode::On;
    session.no_touch = false;
    client.no_touch.store(false, Relaxed);
    client.no_evict.store(false, Relaxed);
    client.names.lock().name = Vec::new();
    speak(ctx, Resp::Two);
    ctx.out.simple("RESET");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_compared_whole() {
        assert!(is_same(b"secret", b"secret"));
        for wrong in [b"".as_slice(), b"s", b"secreT", b"secrets", b"secretsecret", b"Secret"] {
            assert!(!is_same(b"secret", wrong), "{wrong:?}");
        }
    }

    #[test]
    fn names_have_no_blanks() {
        assert!(is_tidy(b"") && is_tidy(b"a~!b"));
        assert!(!is_tidy(b"a b") && !is_tidy(b"a\n") && !is_tidy("é".as_bytes()) && !is_tidy(b"\x7f"));
    }
}
