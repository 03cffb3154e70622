//! What it costs that changes are told: CPU time of SET with something switched on, to the same with it off, on one server.

use super::request::cpu_us;
use super::{Bench, Running, say};
use crate::Result;
use crate::client::Client;
use crate::report::{Row, Spread, median_cell};
use crate::requests::{Requests, value_of};
use crate::server::Server;

const CONNECTIONS: usize = 50;
const PIPELINES: [usize; 2] = [1, 16];
const PREPARED: usize = 500_000;
/// Keys that are set, and that are there from the start.
const KEYS: usize = 500_000;

/// A list of commands.
type Commands = &'static [&'static [&'static str]];

/// Something that follows every change, and how it is switched on and off.
struct Switch {
    name: &'static str,
    on: Commands,
    off: Commands,
    goal: Option<f64>,
    /// Whether only Curfew, which is the first of the servers, has it.
    ours_alone: bool,
}

/// Libraries with a trigger that does nothing.
const FOR_SET: &str = "#!lua name=bench\nredis.register_trigger{name='t', events='set', callback=function(e) end}";
const FOR_EXPIRED: &str =
    "#!lua name=bench\nredis.register_trigger{name='t', events='expired', callback=function(e) end}";

const SWITCHES: &[Switch] = &[
    Switch {
        name: "keyspace events (KEA) without a subscriber",
        on: &[&["CONFIG", "SET", "notify-keyspace-events", "KEA"]],
        off: &[&["CONFIG", "SET", "notify-keyspace-events", ""]],
        goal: Some(1.05),
        ours_alone: false,
    },
    Switch {
        name: "an entry in a stream for each event",
        on: &[&["CONFIG", "SET", "notify-keyspace-stream-events", "A", "notify-keyspace-stream", "events"]],
        off: &[&["CONFIG", "SET", "notify-keyspace-stream", ""]],
        goal: None,
        ours_alone: true,
    },
    Switch {
        name: "a trigger for each event",
        on: &[&["FUNCTION", "LOAD", "REPLACE", FOR_SET]],
        off: &[&["FUNCTION", "FLUSH"]],
        goal: None,
        ours_alone: true,
    },
    Switch {
        name: "a trigger for other events",
        on: &[&["FUNCTION", "LOAD", "REPLACE", FOR_EXPIRED]],
        off: &[&["FUNCTION", "FLUSH"]],
        goal: None,
        ours_alone: true,
    },
];

/// A row for each switch and pipeline.
pub fn rows(bench: &Bench) -> Vec<Row> {
    if !bench.wants("events") {
        return Vec::new();
    }
    say("loading keys to be set");
    let value = value_of(64);
    let data = Requests::every_key("key:", KEYS, &[b"SET", b"{key}", &value]);
    let mut servers = bench.start_all(&bench.machine.server, &[&data]);
    drop(data);
    let sets = Requests::random_keys(PREPARED, "key:", KEYS, &[b"SET", b"{key}", &value]);
    let mut rows = Vec::new();
    for switch in SWITCHES {
        for pipeline in PIPELINES {
            rows.push(row(bench, &mut servers, switch, &sets, pipeline));
        }
    }
    rows
}

fn row(bench: &Bench, servers: &mut [Running], switch: &Switch, sets: &Requests, pipeline: usize) -> Row {
    let name = format!("CPU, SET with {}, to SET without, each server by itself, pipeline {pipeline}", switch.name);
    say(&name);
    let mut flip = false;
    let measured = if switch.ours_alone { &mut servers[..1] } else { &mut *servers };
    let ratios = bench.in_turn(measured, CONNECTIONS, |server, driver, time| {
        // On, off, off, on, and the next time the other way round: what drifts is in both.
        flip = !flip;
        let mut sums_us = [0.0, 0.0];
        for on in [flip, !flip, !flip, flip] {
            turn(server, if on { switch.on } else { switch.off })?;
            sums_us[usize::from(on)] += cpu_us(server, driver, sets, pipeline, time / 4)?;
        }
        turn(server, switch.off)?;
        Ok(sums_us[1] / sums_us[0])
    });
    let ours = ratios[0].as_ref().ok().and_then(|ratios| Spread::of(ratios));
    Row {
        name,
        goal: switch.goal.map(|goal| format!("≤ {goal}")).unwrap_or_default(),
        met: ours.zip(switch.goal).map(|(ours, goal)| ours.median <= goal),
        ratio: ours.map(|ours| format!("{ours}, within Curfew")).unwrap_or_default(),
        cells: (0..servers.len())
            .map(|index| {
                ratios.get(index).map_or("-".into(), |series| median_cell(series, |ratio| format!("{ratio:.2}")))
            })
            .collect(),
    }
}

fn turn(server: &Server, commands: Commands) -> Result<()> {
    let mut client = Client::connect(server.address)?;
    for words in commands {
        client.call(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>())?;
    }
    Ok(())
}
