//! Resident bytes for each key: the growth of a fresh process while it is loaded.

use super::{Bench, load, say};
use crate::Result;
use crate::report::{Better, Row, Spread, missing, ratio};
use crate::requests::{Requests, value_of};
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

/// A row for each shape.
pub fn rows(bench: &Bench) -> Vec<Row> {
    match bench.wants("memory") {
        true => SHAPES.iter().map(|shape| row(bench, shape)).collect(),
        false => Vec::new(),
    }
}

fn row(bench: &Bench, shape: &Shape) -> Row {
    let name = format!("Resident bytes per key, {} keys: {}", shape.keys, shape.name);
    say(&name);
    let value = shape.value.map_or(b"{number}".to_vec(), value_of);
    let mut words: Vec<&[u8]> = vec![b"SET", b"{key}", &value];
    if shape.timed {
        words.extend([&b"EX"[..], b"3600"]);
    }
    let requests = Requests::every_key("key:", shape.keys, &words);
    let measured: Vec<Result<Vec<f64>>> =
        bench.contestants.iter().map(|who| bytes_per_key(bench, who, &requests).map(|bytes| vec![bytes])).collect();
    let ours = measured[0].as_ref().ok().and_then(|bytes| Spread::of(bytes));
    Row {
        name,
        goal: format!("≤ {} B", shape.goal_bytes),
        met: ours.map(|ours| ours.median <= shape.goal_bytes),
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

fn bytes_per_key(bench: &Bench, who: &Contestant, requests: &Requests) -> Result<f64> {
    let server = bench.start(who, &bench.machine.server, &[])?;
    let before = settled(&server)?;
    load(&server, requests)?;
    let after = settled(&server)?;
    Ok(after.saturating_sub(before) as f64 / requests.len() as f64)
}

/// Resident bytes once they have not changed by a thousandth for 300 ms: tables still move after the last command, and
/// the buffers of connections that have ended go. Gives up waiting after three seconds.
fn settled(server: &Server) -> Result<u64> {
    let start = Instant::now();
    let mut bytes = server.resident_bytes()?;
    let mut since = start;
    while since.elapsed() < Duration::from_millis(300) && start.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(20));
        let now = server.resident_bytes()?;
        if now.abs_diff(bytes) > bytes / 1000 {
            (bytes, since) = (now, Instant::now());
        }
    }
    server.resident_bytes()
}
