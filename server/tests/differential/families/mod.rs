//! The grammars: one file per family of commands, each a table of weights and lines (see `grammar.rs` for the language).

mod bitmaps;
mod blocking;
mod connection;
mod dump;
pub mod functions;
mod geo;
mod hashes;
mod hyperloglog;
mod keys;
mod lists;
mod pubsub;
pub mod scripts;
mod server;
mod sets;
mod sort;
mod sorted_sets;
mod streams;
mod strings;
mod transactions;
mod types;

use super::grammar::Line;
use super::session::Step;
use super::support::Random;
use std::collections::HashSet;

/// How often a line is taken beside the others of its family, and the line.
pub type Row = (usize, &'static str);

/// A family of commands, ready to generate sequences.
#[derive(Debug)]
pub struct Family {
    /// For the report, and to choose it.
    pub name: &'static str,
    lines: Vec<(usize, Line)>,
    /// What is mixed in: keys of every kind, made, changed and removed.
    background: Vec<(usize, Line)>,
}

/// Every family, limited to the commands that both servers `know` (in lower case): later ones are compared as soon as they
/// are there.
pub fn all(known: &HashSet<String>) -> Vec<Family> {
    let tables: &[(&str, &[Row])] = &[
        ("strings", strings::ROWS),
        ("streams", streams::ROWS),
        ("keys", keys::ROWS),
        ("dump", dump::ROWS),
        ("expiry", keys::EXPIRY),
        ("bitmaps", bitmaps::ROWS),
        ("hashes", hashes::ROWS),
        ("sets", sets::ROWS),
        ("hyperloglog", hyperloglog::ROWS),
        ("lists", lists::ROWS),
        ("blocking", blocking::ROWS),
        ("sort", sort::ROWS),
        ("transactions", transactions::ROWS),
        ("scripts", scripts::ROWS),
        ("functions", functions::ROWS),
        ("pubsub", pubsub::ROWS),
        ("connection", connection::ROWS),
        ("server", server::ROWS),
        ("sorted_sets", sorted_sets::ROWS),
        ("geo", geo::ROWS),
    ];
    // Only the other types may be missing: for everything else being unknown is a difference to be found.
    let there = |row: &&Row| known.contains(&row.1.split(' ').next().unwrap_or_default().to_lowercase());
    let types: Vec<Row> = types::ROWS.iter().filter(there).copied().collect();
    // Nor need these be there, which SORT can do with.
    let others = ["SADD ", "ZADD ", "HSET "];
    let usable = |row: &&Row| !others.iter().any(|name| row.1.starts_with(name)) || there(row);
    let parse = |rows: &[Row]| {
        rows.iter().filter(usable).map(|(weight, line)| (*weight, Line::parse(line))).collect::<Vec<_>>()
    };
    tables
        .iter()
        .map(|(name, rows)| {
            let background = [parse(strings::BACKGROUND), parse(&types)].into_iter().flatten().collect();
            Family { name, lines: parse(rows), background }
        })
        .collect()
}

impl Family {
    /// A random sequence of its commands, with others in between.
    pub fn sequence(&self, random: &mut Random) -> Vec<Step> {
        let length = 5 + random.below(60);
        let mut steps = Vec::new();
        while steps.len() < length {
            let lines = if random.one_in(5) { &self.background } else { &self.lines };
            let mut made = choose(lines, random).generate(random);
            if random.one_in(12) {
                let at = random.below(made.len());
                // Without its MULTI a command waits.
                let waits = |step: &Step| step.args[0].starts_with(b"B") || step.args[0].starts_with(b"XREAD");
                if made[at].args[0] != b"MULTI" || !made.iter().any(waits) {
                    spoil(&mut made[at].args, random);
                }
            }
            steps.extend(made);
        }
        steps
    }
}

fn choose<'a>(lines: &'a [(usize, Line)], random: &mut Random) -> &'a Line {
    let total = lines.iter().map(|(weight, _)| weight).sum();
    let mut left = random.below(total);
    for (weight, line) in lines {
        if left < *weight {
            return line;
        }
        left -= weight;
    }
    unreachable!("the weights add up to more than what is left")
}

/// Makes a command odd: an argument missing, doubled, too many, in the wrong place, in the other case.
fn spoil(args: &mut Vec<Vec<u8>>, random: &mut Random) {
    // These wait for what their arguments say, and SPOP without its count would make the data differ.
    if args[0].starts_with(b"~") || [&b"CLIENT"[..], b"SHUTDOWN", b"DEBUG", b"SPOP"].contains(&args[0].as_slice()) {
        return;
    }
    let at = random.below(args.len());
    match random.below(6) {
        0 if args.len() > 1 => drop(args.remove(at.max(1))),
        1 => args.insert(at + 1, args[at].clone()),
        2 => args.push(random.pick(&["", "NX", "a", "0", "-1", "\u{ff}"]).as_bytes().to_vec()),
        3 if args.len() > 2 => args.swap(1, 2),
        4 => args[at].make_ascii_lowercase(),
        _ => args[at].iter_mut().step_by(2).for_each(|byte| byte.make_ascii_lowercase()),
    }
}
