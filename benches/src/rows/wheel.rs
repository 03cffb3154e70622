//! What a deadline costs in memory beyond the eight bytes that it has to have.

use super::memory::bytes_per_item;
use super::{Bench, say};
use crate::Result;
use crate::report::{Row, missing};
use crate::requests::{Random, Requests, command, key, value_of};

/// Bytes of a deadline: what no server can do without, so it is not counted.
const DEADLINE_BYTES: f64 = 8.0;
const GOAL_BYTES: f64 = 12.0;
const VALUE_BYTES: usize = 32;
const HOUR_MS: usize = 3_600_000;

/// The row of the wheel.
pub fn rows(bench: &Bench) -> Vec<Row> {
    if !bench.wants("wheel") {
        return Vec::new();
    }
    let keys = bench.keys();
    let name = format!(
        "Resident bytes per key for deadlines, {keys} keys over an hour: what TTLs add, less {DEADLINE_BYTES} for the deadline \
         itself"
    );
    say(&name);
    let value = value_of(VALUE_BYTES);
    let plain = Requests::every_key("key:", keys, &[b"SET", b"{key}", &value]);
    let mut random = Random::new(5);
    let timed = Requests::build(keys, 1, |index, out| {
        // From ten minutes on, so that none is due while it is counted.
        let ttl = (HOUR_MS / 6 + random.below(HOUR_MS)).to_string();
        command(out, &[b"SET", &key("key:", index), &value, b"PX", ttl.as_bytes()]);
    });
    let measured: Vec<Result<(f64, f64)>> = bench
        .contestants
        .iter()
        .map(|who| Ok((bytes_per_item(bench, who, &plain, keys)?, bytes_per_item(bench, who, &timed, keys)?)))
        .collect();
    let wheel = |(plain, timed): &(f64, f64)| timed - plain - DEADLINE_BYTES;
    let ours = measured[0].as_ref().ok().map(wheel);
    let best = measured[1..].iter().flatten().map(wheel).fold(f64::INFINITY, f64::min);
    vec![Row {
        name,
        goal: format!("≤ {GOAL_BYTES} B"),
        met: ours.map(|ours| ours <= GOAL_BYTES),
        ratio: match (ours, best.is_finite()) {
            (Some(ours), true) => format!("**{:.2}**", ours / best),
            _ => String::new(),
        },
        cells: measured
            .iter()
            .map(|pair| match pair {
                Ok(pair) => format!("{:.1} B ({:.1} with, {:.1} without)", wheel(pair), pair.1, pair.0),
                Err(failure) => missing(failure),
            })
            .collect(),
    }]
}
