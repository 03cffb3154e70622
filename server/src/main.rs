//! Curfew: a Redis server whose keys leave on time, together. See ARCHITECTURE.md for the map.

mod clients;
mod command;
mod config;
mod connection;
mod exec;
mod keeper;
mod lua;
mod metrics;
mod observe;
mod request;
mod script;
mod server;
mod session;
mod shards;
mod shared;
mod signals;
mod system;
mod thread;
mod units;

use std::io::Read;
use std::process::ExitCode;

// Valgrind sees through the system's allocator only, so the unit tests have that (scripts/memcheck.sh).
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The allocator's settings: free pages go back to the system within a second, by a thread of the allocator's own, also
/// while no command comes that would remind it (measured: 82 bytes resident for a key of 70 without). Nodes of long lists, of
/// 8 KiB each, come sixteen pages at a time, since the allocator keeps 128 bytes about each run of pages.
// SAFETY: the allocator reads this symbol as a pointer to a C string; a reference to an array is one, and it ends in NUL.
#[allow(unsafe_code)]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static MALLOC_CONF: &[u8; 84] =
    b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,slab_sizes:8192-8192:16\0";

fn main() -> ExitCode {
    command::install();
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let stdin = || {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        Ok(text)
    };
    let startup = match config::file::start(&args, stdin) {
        Ok(config::file::Start::Run(startup)) => startup,
        Ok(config::file::Start::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(fatal) => {
            eprint!("{}", fatal.0);
            return ExitCode::FAILURE;
        }
    };
    let config = &startup.config;
    if let Err(error) = std::env::set_current_dir(&config.dir) {
        eprintln!("cannot go to the folder '{}': {error}", config.dir.display());
        return ExitCode::FAILURE;
    }
    if let Err(error) = system::log::start(config.loglevel, &config.logfile) {
        eprintln!("cannot open the log file '{}': {error}", config.logfile.display());
        return ExitCode::FAILURE;
    }
    startup.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    match server::run(startup.config, startup.file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
