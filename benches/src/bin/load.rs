//! The load generator by itself, for a server that runs already: to profile it, or to try something.
//!
//!     curfew-load PORT [CONNECTIONS [PIPELINE [SECONDS [WORD...]]]]
//!
//! Without words it loads a million 64-byte values and sends GET and SET ten to one; with words it sends that command,
//! `{key}` standing for a random one of the million keys.

use curfew_benches::driver::{Driver, Until};
use curfew_benches::requests::{Requests, value_of};
use curfew_benches::{Failure, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

const KEYS: usize = 1_000_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("curfew-load: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let number = |index: usize, otherwise: usize| match args.get(index) {
        Some(text) => text.parse().map_err(|_| Failure(format!("not a number: {text}"))),
        None => Ok(otherwise),
    };
    if args.is_empty() {
        return Err(Failure("usage: curfew-load PORT [CONNECTIONS [PIPELINE [SECONDS [WORD...]]]]".into()));
    }
    let port = u16::try_from(number(0, 6379)?).map_err(|_| Failure("no such port".into()))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (connections, pipeline, seconds) = (number(1, 50)?.max(1), number(2, 1)?.max(1), number(3, 5)?);
    let words: Vec<&[u8]> = args.iter().skip(4).map(|word| word.as_bytes()).collect();
    let requests = if words.is_empty() {
        let data = Requests::every_key("key:", KEYS, &[b"SET", b"{key}", &value_of(64)]);
        Driver::connect(address, 8)?.run(&data, 64, Until::Sent)?;
        Requests::get_set(KEYS, "key:", KEYS, 64)
    } else {
        Requests::random_keys(KEYS, "key:", KEYS, &words)
    };
    let mut driver = Driver::connect(address, connections)?;
    let outcome = driver.run(&requests, pipeline, Until::Elapsed(Duration::from_secs(seconds as u64)))?;
    let rate = outcome.operations as f64 / outcome.elapsed.as_secs_f64();
    println!("{} operations in {:.2} s: {rate:.0}/s", outcome.operations, outcome.elapsed.as_secs_f64());
    Ok(())
}
