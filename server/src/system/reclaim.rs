//! Frees large values and whole databases on a thread of its own, so that no client waits for it.

use crate::system::limits;
use curfew_shard::Garbage;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread;

/// The way to the freeing thread.
pub struct Reclaimer {
    queue: mpsc::Sender<Garbage>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    pending: AtomicU64,
    freed: AtomicU64,
}

impl Reclaimer {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Reclaimer> {
        let (queue, garbage) = mpsc::channel();
        let counts = Arc::<Counts>::default();
        let seen = counts.clone();
        thread::Builder::new().name("reclaimer".into()).spawn(move || {
            // Where there are no more cores than shards, it would keep one from its clients and its deadlines.
            limits::step_back();
            for item in garbage {
                drop::<Garbage>(item);
                seen.pending.fetch_sub(1, Relaxed);
                seen.freed.fetch_add(1, Relaxed);
            }
        })?;
        Ok(Reclaimer { queue, counts })
    }

    /// Takes something to be freed. If the thread is gone (the process ends), it is freed here.
    pub fn free(&self, garbage: Garbage) {
        self.counts.pending.fetch_add(1, Relaxed);
        if self.queue.send(garbage).is_err() {
            self.counts.pending.fetch_sub(1, Relaxed);
        }
    }

    /// Objects that wait: INFO's `lazyfree_pending_objects`.
    pub fn pending(&self) -> u64 {
        self.counts.pending.load(Relaxed)
    }

    /// Objects freed: INFO's `lazyfreed_objects`.
    pub fn freed(&self) -> u64 {
        self.counts.freed.load(Relaxed)
    }
}
