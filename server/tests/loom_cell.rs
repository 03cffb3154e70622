//! The ground rules of `src/shards/cell.rs`, model-checked: loom runs each test below in every order of its steps that a few
//! preemptions can make, with every value that a load may see.
//!
//! Checked in all of them: nobody is inside with another (loom looks for accesses that are not ordered), every
//! entry is served without anybody ringing, and the shard is free at the end, whoever gave up and wherever they stood.
//! Loom itself reports a deadlock (a waiter whom nobody wakes) and a leak.
//!
//! `src/shards/cell.rs` is compiled into this test with loom's primitives as its `crate::system::sync`, so no special build is needed.

#![allow(unsafe_code)] // loom's UnsafeCell hands out pointers

use cell::{ShardCell, Turn};
use curfew_shard::Shard;
use curfew_shard::keyspace::Hasher;
use loom::cell::UnsafeCell;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

#[path = "../src/shards/cell.rs"]
#[allow(dead_code)] // what only the server uses
mod cell;

/// Preemptions of a thread that could go on. Two find nearly every mistake, says loom; each one more costs some ten times as
/// much.
const PREEMPTIONS: usize = 3;

#[test]
fn loom_every_run_is_served_without_a_bell() {
    model(|| {
        let scene = Scene::new();
        let threads = [0; 2].map(|_| scene.spawn(Scene::enter_or_leave));
        scene.enter_or_leave();
        join(threads);
        assert_eq!(scene.end(), 3);
    });
}

#[test]
fn loom_every_waiter_gets_the_shard() {
    model(|| {
        let scene = Scene::new();
        let threads = [scene.spawn(Scene::acquire), scene.spawn(Scene::enter_or_leave)];
        scene.acquire();
        join(threads);
        assert_eq!(scene.end(), 3);
    });
}

#[test]
fn loom_who_gives_up_does_not_keep_the_shard() {
    model(|| {
        let scene = Scene::new();
        let threads = [scene.spawn(Scene::acquire), scene.spawn(Scene::give_up)];
        scene.enter_or_leave();
        join(threads);
        let served = scene.end();
        assert!(served == 2 || served == 3, "{served}");
    });
}

/// The queue goes on behind one who gives up, whether its turn has come or not.
#[test]
fn loom_who_waits_behind_one_that_gives_up_is_served() {
    model(|| {
        let scene = Scene::new();
        let guard = scene.cell.try_enter().expect("nobody else is there");
        let threads = [scene.spawn(Scene::give_up), scene.spawn(Scene::acquire)];
        scene.leave();
        drop(guard);
        join(threads);
        let served = scene.end();
        assert!(served == 2 || served == 3, "{served}");
    });
}

#[test]
fn loom_a_busy_script_turns_away_or_serves_but_forgets_nobody() {
    model(|| {
        let scene = Scene::new();
        let guard = scene.cell.try_enter().expect("nobody else is there");
        let threads = [scene.spawn(Scene::leave), scene.spawn(Scene::acquire)];
        scene.leave();
        scene.cell.set_busy(true);
        assert!(scene.told_busy.load(std::sync::atomic::Ordering::Relaxed) > 0, "who waited is told at once");
        scene.cell.set_busy(false);
        scene.inside();
        drop(guard);
        join(threads);
        assert_eq!(scene.end(), 4);
    });
}

// ---- below -------------------------------------------------------------------------------------------------------------

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS); // LOOM_MAX_PREEMPTIONS for more
    builder.max_branches = 10_000;
    builder.check(test);
}

/// A shard, and what happened to those who wanted it.
struct Scene {
    cell: ShardCell,
    /// Stands for the shard: loom looks for accesses that are not in order. It counts those who were inside.
    inside: UnsafeCell<usize>,
    /// Those that were answered -BUSY. Not of the model: only counted, and read when all have ended.
    told_busy: std::sync::atomic::AtomicUsize,
}

// SAFETY: whether `inside` is used by one at a time is what loom watches, and fails the test if not; the rest is Sync.
unsafe impl Sync for Scene {}

impl Scene {
    fn new() -> Arc<Scene> {
        let bell = Box::new(|| panic!("nobody needs to ring"));
        Arc::new(Scene {
            cell: ShardCell::new(Shard::new(0, 1, Hasher::new(1)), bell),
            inside: UnsafeCell::new(0),
            told_busy: 0.into(),
        })
    }

    fn spawn(self: &Arc<Scene>, act: fn(&Arc<Scene>)) -> thread::JoinHandle<()> {
        let scene = self.clone();
        thread::spawn(move || act(&scene))
    }

    /// As the request path does it.
    fn enter_or_leave(self: &Arc<Scene>) {
        match self.cell.try_enter() {
            Some(_guard) => self.inside(),
            None => self.leave(),
        }
    }

    fn leave(self: &Arc<Scene>) {
        let scene = self.clone();
        self.cell.leave(Box::new(move |turn| match turn {
            Turn::Shard(_) => scene.inside(),
            Turn::Busy => scene.told(),
        }));
    }

    fn acquire(self: &Arc<Scene>) {
        match block_on(self.cell.acquire()) {
            Some(_guard) => self.inside(),
            None => self.told(),
        }
    }

    /// Wants the shard, and does not wait for it.
    fn give_up(self: &Arc<Scene>) {
        let mut acquire = pin!(self.cell.acquire());
        match acquire.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(_guard)) => self.inside(),
            Poll::Ready(None) => self.told(),
            Poll::Pending => {}
        }
    }

    fn inside(&self) {
        // SAFETY: loom fails the test if another access is not ordered with this one.
        self.inside.with_mut(|inside| unsafe { *inside += 1 });
    }

    fn told(&self) {
        self.told_busy.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// When all have ended: how many were served, without another's help.
    fn end(&self) -> usize {
        let count = || {
            // SAFETY: as in `inside`.
            let inside = self.inside.with(|inside| unsafe { *inside });
            inside + self.told_busy.load(std::sync::atomic::Ordering::Relaxed)
        };
        let served = count();
        drop(self.cell.try_enter().expect("the shard is free at the end"));
        assert_eq!(count(), served, "somebody was left behind");
        served
    }
}

fn join(threads: [thread::JoinHandle<()>; 2]) {
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// Loom's own needs one of its features, and spurious wake-ups.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Bell {
        rung: loom::sync::Mutex<bool>,
        change: loom::sync::Condvar,
    }
    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            *self.rung.lock().expect("not poisoned") = true;
            self.change.notify_one();
        }
    }
    let bell = Arc::new(Bell { rung: loom::sync::Mutex::new(false), change: loom::sync::Condvar::new() });
    let waker = Waker::from(bell.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut rung = bell.rung.lock().expect("not poisoned");
        while !*rung {
            rung = bell.change.wait(rung).expect("not poisoned");
        }
        *rung = false;
    }
}

/// `src/sync.rs` of the model.
mod system {
    pub mod sync {
        pub use loom::sync::Arc;
        use loom::sync::atomic::fence;
        pub use std::sync::atomic::Ordering;

        /// Loom takes SeqCst of a load or a store for little more than AcqRel, but knows what such a fence does; one before each
        /// of them orders them all.
        fn order(ordering: Ordering) {
            if ordering == Ordering::SeqCst {
                fence(ordering);
            }
        }

        macro_rules! atomic {
            ($($name:ident of $value:ty),*) => {$(
                pub struct $name(loom::sync::atomic::$name);

                #[allow(dead_code)] // not all operations of all types
                impl $name {
                    pub fn new(value: $value) -> Self {
                        Self(loom::sync::atomic::$name::new(value))
                    }

                    pub fn load(&self, ordering: Ordering) -> $value {
                        order(ordering);
                        self.0.load(ordering)
                    }

                    pub fn store(&self, value: $value, ordering: Ordering) {
                        order(ordering);
                        self.0.store(value, ordering);
                    }

                    pub fn compare_exchange(
                        &self,
                        current: $value,
                        new: $value,
                        success: Ordering,
                        failure: Ordering,
                    ) -> Result<$value, $value> {
                        order(failure);
                        self.0.compare_exchange(current, new, success, failure)
                    }
                }
            )*};
        }
        atomic!(AtomicBool of bool, AtomicI64 of i64, AtomicU8 of u8, AtomicUsize of usize);

        #[allow(dead_code)] // counted only by those who hold several shards, of which there are none here
        impl AtomicUsize {
            pub fn fetch_add(&self, value: usize, ordering: Ordering) -> usize {
                order(ordering);
                self.0.fetch_add(value, ordering)
            }

            pub fn fetch_sub(&self, value: usize, ordering: Ordering) -> usize {
                order(ordering);
                self.0.fetch_sub(value, ordering)
            }
        }

        /// With parking_lot's signature.
        pub struct Mutex<T>(loom::sync::Mutex<T>);

        impl<T> Mutex<T> {
            pub fn new(value: T) -> Mutex<T> {
                Mutex(loom::sync::Mutex::new(value))
            }

            pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
                self.0.lock().expect("not poisoned")
            }
        }
    }
}
