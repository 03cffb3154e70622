//! The server's log: where it goes (`logfile`) and what is in it (`loglevel`).

use crate::config::values::LogLevel;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

static FILTER: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Starts the log of the process: to `file`, or to standard output where it is empty. Once. The error is that of opening
/// the file.
pub fn start(level: LogLevel, file: &Path) -> io::Result<()> {
    let (filter, handle) = reload::Layer::new(filter(level));
    let _ = FILTER.set(handle);
    let to_file = !file.as_os_str().is_empty();
    let target = if to_file { Target::File(std::path::absolute(file)?) } else { Target::Stdout };
    if let Target::File(path) = &target {
        open(path)?;
    }
    let layer = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(!to_file && io::IsTerminal::is_terminal(&io::stdout()))
        .with_writer(target);
    tracing_subscriber::registry().with(filter).with(layer).init();
    Ok(())
}

/// Changes the level of the log of the process.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = FILTER.get() {
        // Fails only when the log is gone, which it never is.
        let _ = handle.reload(filter(level));
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

/// Where lines go. A file is opened for each line, as Redis does: so it may be moved away or removed at any time.
enum Target {
    Stdout,
    File(PathBuf),
}

enum Line {
    Stdout(io::Stdout),
    File(File),
    /// The file cannot be opened (any more): the server goes on without a log.
    Nowhere,
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl<'a> MakeWriter<'a> for Target {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        match self {
            Target::Stdout => Line::Stdout(io::stdout()),
            Target::File(path) => open(path).map_or(Line::Nowhere, Line::File),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::Stdout(stdout) => stdout.write(bytes),
            Line::File(file) => file.write(bytes),
            Line::Nowhere => Ok(bytes.len()),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Line::Stdout(stdout) => stdout.flush(),
            Line::File(file) => file.flush(),
            Line::Nowhere => Ok(()),
        }
    }
}
