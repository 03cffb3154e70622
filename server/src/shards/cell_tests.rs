//! Shards entered from many threads at once. `tests/loom_cell.rs` goes through the orders of a few steps instead.

use crate::shards::cell::{Job, ShardCell, Turn};
use curfew_shard::Shard;
use curfew_shard::keyspace::Hasher;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

fn cell() -> Arc<ShardCell> {
    Arc::new(ShardCell::new(Shard::new(0, 1, Hasher::new(1)), Box::new(|| {})))
}

/// Polls by hand and spins in between: enough for tests without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn every_entry_is_served_and_nobody_is_inside_with_another() {
    let cell = cell();
    let (done, inside) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let enter = |inside: &AtomicBool| assert!(!inside.swap(true, Ordering::SeqCst));
    let threads: Vec<_> = (0..4u64)
        .map(|index| {
            let (cell, done, inside) = (cell.clone(), done.clone(), inside.clone());
            thread::spawn(move || {
                for turn in 0..2_000u64 {
                    let note = |shard: &mut Shard| {
                        enter(&inside);
                        shard.stats.hits += 1;
                        inside.store(false, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    };
                    match (index + turn) % 3 {
                        0 => match cell.try_enter() {
                            Some(mut guard) => note(&mut guard),
                            None => {
                                let (done, inside) = (done.clone(), inside.clone());
                                cell.leave(Box::new(move |turn| {
                                    let Turn::Shard(shard) = turn else { panic!("not busy") };
                                    assert!(!inside.swap(true, Ordering::SeqCst));
                                    shard.stats.hits += 1;
                                    inside.store(false, Ordering::SeqCst);
                                    done.fetch_add(1, Ordering::SeqCst);
                                }));
                            }
                        },
                        1 => note(&mut block_on(cell.acquire()).expect("not busy")),
                        _ => {
                            // A waiter that gives up, wherever it stands.
                            let waker = Waker::noop();
                            let mut waiter = Box::pin(cell.acquire());
                            if let Poll::Ready(guard) = waiter.as_mut().poll(&mut Context::from_waker(waker)) {
                                note(&mut guard.expect("not busy"));
                            } else {
                                drop(waiter);
                                done.fetch_add(1, Ordering::SeqCst);
                                block_on(cell.acquire()).expect("not busy").stats.hits += 1;
                            }
                        }
                    }
                    // The bell is silent in this test: serve what a long queue left behind.
                    drop(cell.try_enter());
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    drop(cell.try_enter());
    assert_eq!(done.load(Ordering::SeqCst), 8_000);
    assert_eq!(cell.try_enter().expect("free at the end").stats.hits, 8_000);
}

#[test]
fn a_busy_script_turns_everybody_away() {
    let cell = cell();
    let guard = cell.try_enter().expect("free");
    let told = Arc::new(AtomicBool::new(false));
    let tell = |told: &Arc<AtomicBool>| -> Job {
        let told = told.clone();
        Box::new(move |turn| told.store(matches!(turn, Turn::Busy), Ordering::SeqCst))
    };
    cell.leave(tell(&told));
    let mut waiter = Box::pin(cell.acquire());
    assert!(waiter.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    cell.set_busy(true);
    assert!(told.swap(false, Ordering::SeqCst));
    assert!(block_on(waiter).is_none());
    assert!(block_on(cell.acquire()).is_none());
    cell.leave(tell(&told));
    assert!(told.load(Ordering::SeqCst));
    cell.set_busy(false);
    drop(guard);
    assert!(cell.try_enter().is_some());
}
