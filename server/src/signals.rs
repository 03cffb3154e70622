//! What ends the process: SIGTERM, SIGINT, or SHUTDOWN.

use crate::node::Node;
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Waits until the process is to end.
pub async fn wait(node: &Node) -> io::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => tracing::info!("SIGTERM: shutting down"),
        _ = int.recv() => tracing::info!("SIGINT: shutting down"),
        () = node.shutdown.notified() => tracing::info!("SHUTDOWN: shutting down"),
    }
    Ok(())
}
