//! What ends the process: SIGTERM, SIGINT, or SHUTDOWN.

use crate::shared::Shared;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the process, caught from here on.
pub struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Catches them.
    pub fn new() -> io::Result<Signals> {
        Ok(Signals { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits until the process is to end.
    pub async fn wait(mut self, shared: &Shared) {
        tokio::select! {
            _ = self.term.recv() => tracing::info!("SIGTERM: shutting down"),
            _ = self.int.recv() => tracing::info!("SIGINT: shutting down"),
            () = shared.shutdown.notified() => tracing::info!("SHUTDOWN: shutting down"),
        }
    }
}
