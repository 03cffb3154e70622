//! Resident bytes for each key, and for each item of a collection: the growth of a fresh process while it is loaded.

use super::{Bench, load, say};
use crate::Result;
use crate::client::Client;
use crate::report::{Better, Row, Spread, missing, ratio};
use crate::requests::{Requests, command, key, value_of};
use crate::server::{Contestant, Server};
use std::time::{Duration, Instant};

struct Shape {
    name: &'static str,
    keys: usize,
    /// Length of the value; None for a number.
    value: Option<usize>,
    timed: bool,
    goal_bytes: f64,
}

const SHAPES: &[Shape] = &[
    Shape { name: "16-byte key, 32-byte value", keys: 1_000_000, value: Some(32), timed: false, goal_bytes: 70.0 },
    Shape { name: "the same with a TTL", keys: 1_000_000, value: Some(32), timed: true, goal_bytes: 90.0 },
    Shape { name: "16-byte key, 8-byte value, TTL", keys: 1_000_000, value: Some(8), timed: true, goal_bytes: 66.0 },
    Shape { name: "16-byte key, integer", keys: 1_000_000, value: None, timed: false, goal_bytes: 48.0 },
    Shape { name: "16-byte key, 1 KiB value", keys: 100_000, value: Some(1024), timed: false, goal_bytes: 1120.0 },
];

/// Curfew's allocator gives back what is free in several steps, up to a second apart (measured: the last step, 3.8 bytes for
/// each of a million keys, 0.95 s after the one before).
const QUIET: Duration = Duration::from_millis(1300);
/// Before the load there is nothing to give back.
const IDLE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(6);

/// A collection, or many: what is sent, and what it is shared out over.
struct Collection {
    name: &'static str,
    items: usize,
    goal_bytes: f64,
    /// How many requests make the items, and how each is written.
    requests: usize,
    write: fn(usize, &mut Vec<u8>),
}

const MILLION: usize = 1_000_000;

const COLLECTIONS: &[Collection] = &[
    Collection {
        name: "field of hashes of ten, 16-byte values",
        items: MILLION,
        goal_bytes: 36.0,
        requests: MILLION / 10,
        write: |index, out| {
            let (hash, value) = (key("hash:", index), value_of(16));
            let fields: Vec<Vec<u8>> = (0..10).map(|field| format!("field:{field}").into_bytes()).collect();
            let mut words: Vec<&[u8]> = vec![b"HSET", &hash];
            fields.iter().for_each(|field| words.extend([field.as_slice(), value.as_slice()]));
            command(out, &words);
        },
    },
    Collection {
        name: "member of sorted sets of 128",
        items: MILLION / 128 * 128,
        goal_bytes: 17.0,
        requests: MILLION / 128,
        write: |index, out| {
            let zset = key("zset:", index);
            let members: Vec<(String, String)> =
                (0..128).map(|member| (member.to_string(), format!("member:{member:04}"))).collect();
            let mut words: Vec<&[u8]> = vec![b"ZADD", &zset];
            members.iter().for_each(|(score, member)| words.extend([score.as_bytes(), member.as_bytes()]));
            command(out, &words);
        },
    },
    Collection {
        name: "member of one sorted set of 1 M",
        items: MILLION,
        goal_bytes: 60.0,
        requests: MILLION,
        write: |index, out| {
            // Scores in no order, each its own.
            let score = (index * 7_919 % MILLION).to_string();
            command(out, &[b"ZADD", b"zset", score.as_bytes(), &key("member:", index)]);
        },
    },
    Collection {
        name: "member of one set of 1 M",
        items: MILLION,
        goal_bytes: 32.0,
        requests: MILLION,
        write: |index, out| command(out, &[b"SADD", b"set", &key("member:", index)]),
    },
    Collection {
        name: "field of one hash of 1 M, 16-byte values",
        items: MILLION,
        goal_bytes: 54.0,
        requests: MILLION,
        write: |index, out| command(out, &[b"HSET", b"hash", &key("field:", index), &value_of(16)]),
    },
    Collection {
        name: "element of one list of 1 M",
        items: MILLION,
        goal_bytes: 16.4,
        requests: MILLION,
        write: |index, out| command(out, &[b"RPUSH", b"list", format!("item:{index:09}").as_bytes()]),
    },
    Collection {
        name: "entry of a stream of two fields",
        items: MILLION,
        goal_bytes: 13.4,
        requests: MILLION,
        write: |index, out| {
            let value = (index % 100).to_string();
            command(out, &[b"XADD", b"stream", b"*", b"a", value.as_bytes(), b"b", b"2"]);
        },
    },
];

/// A row for each shape.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    if bench.wants("memory") {
        rows.extend(SHAPES.iter().map(|shape| key_row(bench, shape)));
    }
    if bench.wants("items") {
        rows.extend(COLLECTIONS.iter().map(|collection| {
            let requests = Requests::build(collection.requests, 1, collection.write);
            row(bench, &format!("item: {}", collection.name), &requests, collection.items, collection.goal_bytes)
        }));
    }
    rows
}

fn key_row(bench: &Bench, shape: &Shape) -> Row {
    let value = shape.value.map_or(b"{number}".to_vec(), value_of);
    let mut words: Vec<&[u8]> = vec![b"SET", b"{key}", &value];
    if shape.timed {
        words.extend([&b"EX"[..], b"3600"]);
    }
    let requests = Requests::every_key("key:", shape.keys, &words);
    row(bench, &format!("key, {} keys: {}", shape.keys, shape.name), &requests, shape.keys, shape.goal_bytes)
}

fn row(bench: &Bench, what: &str, requests: &Requests, items: usize, goal_bytes: f64) -> Row {
    let name = format!("Resident bytes per {what}");
    say(&name);
    let measured: Vec<Result<Vec<f64>>> = bench
        .contestants
        .iter()
        .map(|who| bytes_per_item(bench, who, requests, items).map(|bytes| vec![bytes]))
        .collect();
    let ours = measured[0].as_ref().ok().and_then(|bytes| Spread::of(bytes));
    Row {
        name,
        goal: format!("≤ {goal_bytes} B"),
        met: ours.map(|ours| ours.median <= goal_bytes),
        ratio: ratio(Better::Lower, &measured).map(|ratio| ratio.to_string()).unwrap_or_default(),
        cells: measured
            .iter()
            .map(|bytes| match bytes {
                Ok(bytes) => format!("{:.1} B", bytes[0]),
                Err(failure) => missing(failure),
            })
            .collect(),
    }
}

/// One in so many operations a server has seen, and forgotten, before it is measured: what a process touches for the first one of
/// all (code, the allocator's own tables) is not what an item takes, but a fifth of a byte for each of a million. What it keeps of
/// the memory of those can make a figure smaller by this share at most.
const WARMING: usize = 1_000;

/// Growth of a fresh process by these requests, shared out over `items`.
pub(super) fn bytes_per_item(bench: &Bench, who: &Contestant, requests: &Requests, items: usize) -> Result<f64> {
    let server = bench.start(who, &bench.machine.server, &[])?;
    load(&server, &requests.first(requests.len().div_ceil(WARMING)))?;
    Client::connect(server.address)?.call(&[b"FLUSHALL"])?;
    let before = settled(&server, IDLE)?;
    load(&server, requests)?;
    let after = settled(&server, QUIET)?;
    Ok(after.saturating_sub(before) as f64 / items as f64)
}

/// Resident bytes once they have not changed for `quiet` by a thousandth, and give up waiting after [`PATIENCE`]: tables
/// still move after the last command, buffers of connections that have ended go, and allocators give pages back late.
fn settled(server: &Server, quiet: Duration) -> Result<u64> {
    let start = Instant::now();
    let mut bytes = server.resident_bytes()?;
    let mut since = start;
    while since.elapsed() < quiet && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
        let now = server.resident_bytes()?;
        if now.abs_diff(bytes) > bytes / 1000 {
            (bytes, since) = (now, Instant::now());
        }
    }
    server.resident_bytes()
}
