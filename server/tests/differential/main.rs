//! The differential tester: the same generated commands go to Curfew and to Redis 8.0, over RESP2 and RESP3, with one and
//! with several shards, and every reply, every message and the whole dataset afterwards must be the same.
//!
//! What may differ, and why, is the table in `normalise.rs`. What is generated are the grammars in `families/`. A
//! difference is shrunk to the fewest commands that still show it and printed as lines for redis-cli.
//!
//! | variable | meaning |
//! |---|---|
//! | `CURFEW_SEED` | the first sequence's seed, 0 by default (each sequence takes the next one); the one printed repeats a failure |
//! | `CURFEW_DIFF_SECONDS` | how long each configuration runs, by default as long as its sequences take; 0 is one sequence |
//! | `CURFEW_DIFF_FAMILY` | only families whose name contains this |
//! | `CURFEW_DIFF_FAILURES` | stop after so many differences, 5 by default |
//! | `CURFEW_DIFF_SUBJECT` | `reference` or `valkey` in place of Curfew, to check the tester itself |

#[path = "../support/mod.rs"]
mod support;

mod dataset;
mod families;
mod grammar;
mod normalise;
mod session;
mod shrink;

use families::Family;
use session::{Pair, Step};
use std::time::{Duration, Instant};
use support::{Random, Server};

/// Sequences of each configuration where no time is given: the same everywhere.
const SEQUENCES: u64 = 1_000;

#[test]
fn resp2_with_one_shard() {
    compare(2, 1);
}

#[test]
fn resp3_with_one_shard() {
    compare(3, 1);
}

#[test]
fn resp2_with_four_shards() {
    compare(2, 4);
}

#[test]
fn resp3_with_four_shards() {
    compare(3, 4);
}

/// The tester finds the differences that are known to be there between Redis and Valkey, and shrinks them: it can fail.
#[test]
fn the_tester_can_fail() {
    let mut pair = Pair::new(Server::redis(&[]), Server::valkey(&[]), 2);
    // Valkey has DELIFEQ, Redis 8.0 does not; everything around it is noise that must go.
    let steps: Vec<Step> =
        ["SET a 1", "APPEND b xyz", "SET c 5 EX 1000", "DELIFEQ a 1", "GET a", "INCR c"].map(Step::main).into();
    let found = pair.run("", &steps).expect("a difference between Redis and Valkey");
    let (steps, difference) = shrink::shrink(&mut pair, "", steps, found);
    assert_eq!(
        steps.iter().map(|step| step.args[0].as_slice()).collect::<Vec<_>>(),
        [b"DELIFEQ".as_slice()],
        "{difference}"
    );
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn subject(shards: usize) -> Server {
    match std::env::var("CURFEW_DIFF_SUBJECT").as_deref() {
        Ok("reference") => Server::redis(&[]),
        Ok("valkey") => Server::valkey(&[]),
        _ => Server::subject(shards, &[]),
    }
}

fn compare(protocol: u8, shards: usize) {
    let seed = support::random::seed();
    let time = variable("CURFEW_DIFF_SECONDS").map(Duration::from_secs);
    let failures_max = variable("CURFEW_DIFF_FAILURES").unwrap_or(5) as usize;
    let filter = std::env::var("CURFEW_DIFF_FAMILY").unwrap_or_default();
    let mut pair = Pair::new(Server::redis(&[]), subject(shards), protocol);
    let known = pair.commands_of_both();
    let families: Vec<Family> =
        families::all(&known).into_iter().filter(|family| family.name.contains(&filter)).collect();
    assert!(!families.is_empty(), "no family is called {filter}");

    let start = Instant::now();
    let (mut sequences, mut steps_done) = (0, 0);
    let mut failures: Vec<(Vec<Vec<u8>>, String)> = Vec::new();
    while sequences == 0 || time.map_or(sequences < SEQUENCES, |time| start.elapsed() < time) {
        let seed = seed + sequences;
        sequences += 1;
        let mut random = Random::new(seed);
        let family = &families[seed as usize % families.len()];
        let events = random.pick(&["", "KEA", "KEg$xmn"]).to_string();
        let steps = family.sequence(&mut random);
        steps_done += steps.len();
        let Some(found) = pair.run(&events, &steps) else {
            continue;
        };
        let (steps, difference) = shrink::shrink(&mut pair, &events, steps, found);
        // The same command differing once more tells nothing new.
        let what = |step: &Step| match step.args[0].to_ascii_uppercase() {
            name if name.starts_with(b"EVAL") => step.args[..step.args.len().min(2)].concat(),
            name => name,
        };
        let commands: Vec<Vec<u8>> = steps.iter().map(what).collect();
        if failures.iter().any(|(seen, _)| *seen == commands) {
            continue;
        }
        let listing = session::listing(&events, &steps);
        let report = format!(
            "family {}, RESP{protocol}, {shards} shards, CURFEW_SEED={seed} CURFEW_DIFF_FAMILY={filter:?}\n{listing}{difference}\n",
            family.name
        );
        println!("DIFFERENCE: {report}");
        failures.push((commands, report));
        if failures.len() >= failures_max {
            break;
        }
    }
    println!("RESP{protocol}, {shards} shards: {sequences} sequences, {steps_done} commands in {:?}", start.elapsed());
    assert!(
        failures.is_empty(),
        "{} differences from Redis 8.0:\n\n{}",
        failures.len(),
        failures.into_iter().map(|(_, report)| report).collect::<Vec<_>>().join("\n")
    );
}
