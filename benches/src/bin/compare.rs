//! `make bench`: Curfew beside the reference servers, one table.
//!
//! Takes its settings from the environment, which scripts/bench.sh fills: CURFEW_SERVER (the program), CURFEW_REFERENCE
//! (the folder of the reference servers), ROWS (names with commas between them; empty means all), QUICK=1, ROUNDS
//! (of the request path), and BENCH_RESULTS (a file to write the table to as well; the lags for the picture are left beside it, in expiry-lag.csv).

use curfew_benches::machine::{Machine, pin};
use curfew_benches::report::table;
use curfew_benches::rows::{Bench, NAMES, events, lag, libraries, mass, memory, request, stalls, types, wheel};
use curfew_benches::server::Contestant;
use curfew_benches::{Failure, Result};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let start = Instant::now();
    let quick = std::env::var("QUICK").is_ok_and(|quick| !matches!(&quick[..], "" | "0"));
    let folder = std::env::temp_dir().join(format!("curfew-bench-{}", std::process::id()));
    let results = std::env::var_os("BENCH_RESULTS").map(PathBuf::from);
    let bench = Bench {
        contestants: contestants()?,
        machine: Machine::detect()?,
        folder,
        quick,
        rounds: rounds()?,
        lag_file: results.as_ref().map(|path| path.with_file_name("expiry-lag.csv")),
        wanted: wanted()?,
    };
    pin(&[bench.machine.load])?;
    let load_before = load_average();
    let families = [
        request::rows,
        libraries::rows,
        events::rows,
        types::rows,
        memory::rows,
        wheel::rows,
        lag::rows,
        stalls::rows,
        mass::rows,
    ];
    let rows: Vec<_> = families.iter().flat_map(|rows| rows(&bench)).collect();
    // The servers have ended; what they wrote is of no use to anyone.
    let _ = std::fs::remove_dir_all(&bench.folder);

    let names: Vec<String> = bench.contestants.iter().map(|who| who.name.clone()).collect();
    let (rounds, time) = bench.rounds();
    let text = format!(
        "{}\nServers on core {:?} (two shards: {:?}), load on core {}; {rounds} rounds of {} ms, medians (and extremes) of \
         the rounds' ratios; {:.0} s in all. Load average of the machine before: {load_before}.{}\n",
        table(&names, &rows),
        bench.machine.server,
        bench.machine.server_of_two,
        bench.machine.load,
        time.as_millis(),
        start.elapsed().as_secs_f64(),
        if quick { " QUICK=1: for a first look only." } else { "" },
    );
    print!("{text}");
    if let Some(path) = results {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

fn contestants() -> Result<Vec<Contestant>> {
    let curfew = PathBuf::from(std::env::var_os("CURFEW_SERVER").unwrap_or("target/release/curfew-server".into()));
    let folder = PathBuf::from(std::env::var_os("CURFEW_REFERENCE").unwrap_or(".cache/reference".into()));
    if !curfew.is_file() {
        return Err(Failure(format!("{} is missing: build it, or use `make bench`", curfew.display())));
    }
    let curfew = Contestant { name: "Curfew".into(), program: curfew, curfew: true };
    // A step of our own, measured against the build before it.
    if let Some(before) = std::env::var_os("CURFEW_BEFORE") {
        return Ok(vec![curfew, Contestant { name: "before".into(), program: before.into(), curfew: true }]);
    }
    Ok(vec![
        curfew,
        Contestant::reference("Redis", folder.join("redis-server"))?,
        Contestant::reference("Valkey", folder.join("valkey-server"))?,
    ])
}

fn rounds() -> Result<Option<usize>> {
    let Ok(text) = std::env::var("ROUNDS") else { return Ok(None) };
    match text.parse() {
        Ok(rounds) if rounds > 0 => Ok(Some(rounds)),
        _ => Err(Failure(format!("ROUNDS={text}: a number from 1 on is wanted"))),
    }
}

fn wanted() -> Result<Vec<String>> {
    let text = std::env::var("ROWS").unwrap_or_default();
    let wanted: Vec<String> = text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match wanted.iter().find(|name| !NAMES.contains(&&name[..])) {
        Some(name) => Err(Failure(format!("no rows named {name}; there are {}", NAMES.join(", ")))),
        None => Ok(wanted),
    }
}

/// Above one or so, something else is running and the numbers are worth less.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
