//! DEBUG: the few subcommands that tests and clients use. The rest of Redis's is about Redis's insides.
//!
//! Only for connections from this machine, as with Redis's `enable-debug-command local`: DEBUG SLEEP stops everything.

use crate::clients::client::{Client, Peer};
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, Resp, args::is, help};
use curfew_shard::command::object::encoding_name;
use curfew_shard::rdb;
use curfew_shard::unit::access;
use curfew_shard::{Reach, Unit};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[ServerRow::new(
    Spec::new("debug", -2, Group::Server, "1.0.0")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED)
        .doc(
            "That of the subcommand",
            "Helps tests and authors of clients; only for connections from the same machine.",
            "",
        )
        .syscmd(),
    ServerHandler::Held(debug),
)
.reach(Reach::All)];

/// How each subcommand is used, and what it does.
const HELP: [(&str, &str); 8] = [
    (
        "DEBUG subcommand [argument ...]",
        "Helps tests and authors of clients; only for connections from the same machine.",
    ),
    ("ERROR message", "Answers the message as an error."),
    ("HELP", "Lists the subcommands, with a sentence on each."),
    ("LOG message", "Writes the message into the server's log, as a warning."),
    ("OBJECT key", "Tells how a value is kept and how many bytes DUMP would make of it."),
    (
        "PROTOCOL <string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false>",
        "Answers a value of that type of RESP3, always the same one.",
    ),
    ("SET-ACTIVE-EXPIRE <0|1>", "With 0, what is due stays until somebody asks for it; 1 is the usual."),
    ("SLEEP seconds", "Holds everything up for so many seconds, fractions allowed."),
];

const NOT_ALLOWED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.";

fn debug(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    if !is_local(&ctx.session.client) {
        return Err(Error::made(NOT_ALLOWED));
    }
    let subcommand = args.at(1);
    match args.get(2) {
        None if is(subcommand, "HELP") => help::write(HELP.into_iter(), ctx.out),
        Some(message) if is(subcommand, "ERROR") && args.len() == 3 => return Err(Error::made(message)),
        Some(message) if is(subcommand, "LOG") && args.len() == 3 => {
            tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(message));
            ctx.out.ok();
        }
        Some(key) if is(subcommand, "OBJECT") && args.len() <= 4 => return object(unit, key, ctx.out),
        Some(kind) if is(subcommand, "PROTOCOL") && args.len() == 3 => return protocol(kind, ctx.out),
        Some(flag) if is(subcommand, "SET-ACTIVE-EXPIRE") && args.len() == 3 => {
            ctx.thread.shared.active_expire.store(leading_number(flag) as i64 != 0, Relaxed);
            ctx.out.ok();
        }
        // Not in release builds, where it is not known.
        #[cfg(debug_assertions)]
        Some(ms) if is(subcommand, "CLOCK-STEP") && args.len() == 3 => {
            crate::system::clock::step(leading_number(ms) as i64);
            // A real step cancels the keepers' timers.
            ctx.thread.shared.shards.iter().for_each(|cell| cell.ring());
            ctx.out.ok();
        }
        Some(seconds) if is(subcommand, "SLEEP") && args.len() == 3 => {
            // All shards are held meanwhile, so nothing goes on, as in Redis.
            let time = Duration::try_from_secs_f64(leading_number(seconds));
            std::thread::sleep(time.unwrap_or_default());
            ctx.out.ok();
        }
        _ => {
            let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
            text.extend_from_slice(&subcommand[..subcommand.len().min(128)]);
            text.extend_from_slice(b"'. Try DEBUG HELP.");
            return Err(Error::made(text));
        }
    }
    Ok(())
}

fn is_local(client: &Client) -> bool {
    match &client.peer {
        Peer::Tcp(remote, _) => remote.ip().to_canonical().is_loopback(),
        Peer::Unix(_) => true,
    }
}

/// The number at the beginning of a text, 0 if there is none: strtod(), which is what Redis uses here.
fn leading_number(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let is_part = |byte: &u8| byte.is_ascii_digit() || b".-+eE".contains(byte);
    let end = text.iter().position(|byte| !is_part(byte)).unwrap_or(text.len());
    let longest = (1..=end).rev().find_map(|end| std::str::from_utf8(&text[..end]).ok()?.parse().ok());
    longest.unwrap_or(0.0)
}

/// The line of Redis. The address is real, and references are always one. O(n) in the value, which is serialized for its
/// length.
fn object(unit: &mut Unit<'_>, key: &[u8], out: &mut Reply) -> Result<(), Error> {
    let now = unit.now;
    let entry = unit.peek(key).ok_or(Error::NO_SUCH_KEY)?;
    let mut serialized = Vec::new();
    rdb::write_value(entry, &mut serialized);
    let length = serialized.len();
    let line = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{length} lru:{} lru_seconds_idle:{}",
        entry.key().as_ptr(),
        encoding_name(entry)?,
        entry.lru(),
        access::idle_seconds(entry.lru(), now),
    );
    out.simple(&line);
    Ok(())
}

/// One value of each kind, byte for byte as in Redis.
fn protocol(kind: &[u8], out: &mut Reply) -> Result<(), Error> {
    let three = out.resp == Resp::Three;
    let kinds = [
        "string", "integer", "double", "bignum", "null", "array", "set", "map", "attrib", "push", "verbatim", "true",
        "false",
    ];
    match kinds.into_iter().find(|name| is(kind, name)) {
        Some("string") => out.bulk(b"Hello World"),
        Some("integer") => out.int(12345),
        // Redis's own number, which is not meant to be pi.
        Some("double") => out.double(3141.0 / 1000.0),
        Some("bignum") => out.big_number(b"1234567999999999999999999999999999999"),
        Some("null") => out.null(),
        Some("array") => {
            out.array(3);
            (0..3).for_each(|number| out.int(number));
        }
        Some("set") => {
            out.set(3);
            (0..3).for_each(|number| out.int(number));
        }
        Some("map") => {
            out.map(3);
            for number in 0..3 {
                out.int(number);
                out.boolean(number == 1);
            }
        }
        Some("attrib") => {
            if three {
                out.raw(b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n");
            }
            out.bulk(b"Some real reply following the attribute");
        }
        Some("push") => {
            if !three {
                return Err(Error::made("ERR RESP2 is not supported by this command"));
            }
            out.bulk(b"Some real reply following the push reply");
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
        }
        Some("verbatim") => out.verbatim(b"txt", b"This is a verbatim\nstring"),
        Some("true") => out.boolean(true),
        Some("false") => out.boolean(false),
        _ => {
            return Err(Error::made(format!(
                "ERR Wrong protocol type name. Please use one of the following: {}",
                kinds.join("|")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtod_reads_them() {
        for (text, number) in [("0.01", 0.01), ("1x", 1.0), ("x", 0.0), ("", 0.0), (" -2.5e1z", -25.0), ("1e", 1.0)] {
            assert_eq!(leading_number(text.as_bytes()), number, "{text}");
        }
    }

    #[test]
    fn kinds_of_replies_are_those_of_redis() {
        let both = |kind: &str| {
            [Resp::Two, Resp::Three].map(|resp| {
                let mut out = Reply::new(resp);
                if let Err(error) = protocol(kind.as_bytes(), &mut out) {
                    out.error(&error);
                }
                String::from_utf8_lossy(out.as_bytes()).replace("\r\n", " ")
            })
        };
        assert_eq!(both("map"), ["*6 :0 :0 :1 :1 :2 :0 ", "%3 :0 #f :1 #t :2 #f "]);
        assert_eq!(both("DOUBLE"), ["$5 3.141 ", ",3.141 "]);
        assert_eq!(both("push")[0], "-ERR RESP2 is not supported by this command ");
        assert_eq!(both("push")[1], "$40 Some real reply following the push reply >2 $16 server-cpu-usage :42 ");
        assert!(both("nosuch")[0].ends_with("attrib|push|verbatim|true|false "));
    }
}
