//! The libraries of scripts: server CPU time for each call of one of their functions.

use super::request::cpu_us;
use super::{Bench, say};
use crate::client::{Client, Value};
use crate::report::{Better, Row, ratio_row};
use crate::requests::{Requests, command};
use crate::server::Server;
use crate::{Failure, Result};

/// One after the other: a script keeps the server busy by itself.
const CONNECTIONS: usize = 1;
/// Prepared scripts, repeated from the start when they run out.
const PREPARED: usize = 1000;
/// Calls in one script, as the argument of the loop.
const CALLS: u32 = 1000;
const GOAL: f64 = 0.95;

/// What all scripts begin with. The document is what one keeps in a key: a few fields of each kind, an array and an object.
const BEFORE: &str = "local document = {id = 4711, name = 'a session', tags = {'x', 'y', 'z'}, active = true, \
score = 12.5, user = {first = 'Ada', last = 'L', ids = {1, 2, 3}}}
local text, packed = cjson.encode(document), cmsgpack.pack(document)
local format = '>I4hdc8s'
local fields = struct.pack(format, 1, 17, 1.5, 'abcdefgh', 'text')
";

/// Functions, and the arguments of the call, in which `i` counts the turns.
const FUNCTIONS: &[(&str, &str)] = &[
    ("cjson.encode", "document"),
    ("cjson.decode", "text"),
    ("cmsgpack.pack", "document"),
    ("cmsgpack.unpack", "packed"),
    ("struct.pack", "format, i, 17, 1.5, 'abcdefgh', 'text'"),
    ("struct.unpack", "format, fields"),
    ("bit.band", "i, 255"),
];

/// One row for each function.
pub fn rows(bench: &Bench) -> Vec<Row> {
    if !bench.wants("libraries") {
        return Vec::new();
    }
    let mut servers = bench.start_all(&bench.machine.server, &[]);
    let mut rows = Vec::new();
    for (name, arguments) in FUNCTIONS {
        let row = format!("CPU, {name}, a call, {CALLS} of them in a script");
        say(&row);
        // Through a local, as scripts do that call it often: finding globals is not what is measured.
        let script = format!("{BEFORE}local call = {name}\nfor i = 1, tonumber(ARGV[1]) do call({arguments}) end");
        // Every server has the same digest; one that refuses the script fails at the first EVALSHA, and says why.
        let mut digest = Vec::new();
        for server in servers.iter().flatten() {
            digest = load(server, &script).unwrap_or(digest);
        }
        let calls = CALLS.to_string();
        let requests = Requests::build(PREPARED, 1, |_, out| {
            command(out, &[b"EVALSHA", &digest, b"0", calls.as_bytes()]);
        });
        let measured = bench.in_turn(&mut servers, CONNECTIONS, |server, driver, time| {
            Ok(cpu_us(server, driver, &requests, 1, time)? / f64::from(CALLS))
        });
        rows.push(ratio_row(&row, Better::Lower, Some(GOAL), &measured, |us| format!("{:.0} ns", us * 1e3)));
    }
    rows
}

fn load(server: &Server, script: &str) -> Result<Vec<u8>> {
    match Client::connect(server.address)?.call(&[b"SCRIPT", b"LOAD", script.as_bytes()])? {
        Value::Text(digest) => Ok(digest),
        _ => Err(Failure("SCRIPT LOAD answers no digest".into())),
    }
}
