//! What every test of the running server needs: servers of our own, a small client, and random numbers from a seed.
//!
//! Nothing here uses the server's code: a mistake in the server's parser must not hide itself in the tests.
#![allow(dead_code, unused_imports)] // each test binary uses its own part

pub mod client;
pub mod commands;
pub mod random;
pub mod reply;
pub mod server;

pub use client::Client;
pub use random::Random;
pub use reply::Reply;
pub use server::Server;

use std::time::{Duration, Instant};

/// Says that the test leaves something out, and why, in words that `name: why` makes sense of. The list of all is shown at the end
/// of the run, and in CI nothing may be left out (`CURFEW_SKIPS` names the file that collects it, see scripts/test.sh).
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {why}\n", thread.name().unwrap_or("a test"));
    eprint!("skipped: {line}");
    let Some(path) = std::env::var_os("CURFEW_SKIPS") else { return };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("CURFEW_SKIPS is a file");
    std::io::Write::write_all(&mut file, line.as_bytes()).expect("CURFEW_SKIPS can be written");
}

/// How long a condition may take before a test gives up. Generous: the machine may be busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds, looking every millisecond.
///
/// # Panics
/// Where it does not hold within [`PATIENCE`]; `what` says what was waited for.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Milliseconds since 1970 by this machine's clock, which is also the servers'.
pub fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is after 1970");
    i64::try_from(since.as_millis()).expect("milliseconds fit for a while")
}

/// The shell-like splitting of a command line, as redis-cli does it: spaces between, `"..."` with `\xHH \n \r \t \\ \"`.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = line.bytes().peekable();
    while let Some(first) = bytes.next() {
        let mut word = Vec::new();
        if first == b' ' {
            continue;
        } else if first == b'"' {
            while let Some(byte) = bytes.next() {
                match byte {
                    b'"' => break,
                    b'\\' => match bytes.next() {
                        Some(b'n') => word.push(b'\n'),
                        Some(b'r') => word.push(b'\r'),
                        Some(b't') => word.push(b'\t'),
                        Some(b'x') => {
                            let mut hex = || {
                                bytes
                                    .next()
                                    .and_then(|digit| char::from(digit).to_digit(16))
                                    .expect("two hex digits after \\x")
                            };
                            word.push((hex() * 16 + hex()) as u8);
                        }
                        Some(other) => word.push(other),
                        None => break,
                    },
                    other => word.push(other),
                }
            }
        } else {
            word.push(first);
            while let Some(byte) = bytes.next_if(|byte| *byte != b' ') {
                word.push(byte);
            }
        }
        out.push(word);
    }
    out
}

/// How many files this process may have open.
pub fn files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit of files");
    let soft = line.split_whitespace().nth(3).expect("the soft limit");
    soft.parse().unwrap_or(usize::MAX)
}
