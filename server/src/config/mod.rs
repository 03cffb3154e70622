//! The configuration: its parameters (`table.rs`, one row each), redis.conf and the command line (`file.rs`), CONFIG GET
//! and SET (here, without their RESP side), CONFIG REWRITE (`rewrite.rs`), and where it lives (`system/versioned.rs`).
//!
//! A [`Config`] is plain and immutable: a change makes a new one, all or nothing, and puts it into force through
//! [`Versioned`](crate::system::versioned::Versioned). What must happen besides is noted in the row ([`rows::Mutability::Apply`]).
//!
//! The texts of errors are Redis 8.0's.

pub mod file;
mod known;
mod parameters;
pub mod parse;
pub mod rewrite;
pub mod rows;
pub mod table;
pub mod values;

use curfew_protocol::glob;

pub use parameters::Config;
pub use rows::{Mutability, Row};

/// CONFIG GET: names and values. A plain name (or alias) answers with the name as it was asked for; a pattern with every
/// name and alias that it matches, in the order of the table. Case is ignored, and no name comes twice. (Redis's order
/// is that of a hash table with a random seed.)
pub fn get(config: &Config, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut add = |name: &[u8], row: &Row| {
        if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            found.push((name.to_vec(), row.get(config)));
        }
    };
    for pattern in patterns {
        if parse::is_pattern(pattern) {
            for (row, name) in table::names().filter(|(_, name)| glob::matches(pattern, name.as_bytes(), true)) {
                add(name.as_bytes(), row);
            }
        } else if let Some((row, _)) = table::find(pattern) {
            add(pattern, row);
        }
    }
    found
}

/// CONFIG SET: `args` are names and values in turn. Returns the new configuration and the rows named in `args`, for the caller
/// to put into force (see [`Versioned::modify`](crate::system::versioned::Versioned::modify)) and to follow the notes of
/// [`rows::Mutability::Apply`]; or the error reply, from `ERR` on. Nothing is changed on errors.
pub fn set(config: &Config, args: &[&[u8]]) -> Result<(Config, Vec<&'static Row>), Vec<u8>> {
    if args.is_empty() || !args.len().is_multiple_of(2) {
        return Err(b"ERR syntax error".to_vec());
    }
    let mut named: Vec<(&'static Row, &'static str)> = Vec::with_capacity(args.len() / 2);
    for pair in args.chunks_exact(2) {
        let (row, name) = table::find(pair[0]).ok_or_else(|| unknown_parameter(pair[0]))?;
        match row.change {
            Mutability::Immutable => return Err(set_failed(name, "can't set immutable config")),
            Mutability::Protected => return Err(set_failed(name, "can't set protected config")),
            Mutability::Live | Mutability::Apply(_) => {}
        }
        // A name and its alias are two names: together they are allowed, and the last one wins.
        if named.iter().any(|(_, other)| *other == name) {
            return Err(set_failed(name, "duplicate parameter"));
        }
        named.push((row, name));
    }
    let mut changed = config.clone();
    for (pair, (row, name)) in args.chunks_exact(2).zip(&named) {
        row.set(&mut changed, pair[1]).map_err(|fault| set_failed(name, fault.text()))?;
    }
    Ok((changed, named.into_iter().map(|(row, _)| row).collect()))
}

/// The error reply of CONFIG SET for a parameter and a reason. For the server's own reasons too (`maxclients`).
pub fn set_failed(name: &str, reason: &str) -> Vec<u8> {
    format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}").into()
}

fn unknown_parameter(name: &[u8]) -> Vec<u8> {
    // An error reply is one line.
    let name: Vec<u8> = name.iter().map(|b| if b"\r\n".contains(b) { b' ' } else { *b }).collect();
    [b"ERR Unknown option or number of arguments for CONFIG SET - '", name.as_slice(), b"'"].concat()
}

#[cfg(test)]
mod tests;
