//! The claims of `shard/src/shard/wait/claim.rs`, model-checked: one waits on two shards at once, others wait behind it on each, and
//! an element comes to each shard while it is served, called or ended. In every order of the steps, each element has found
//! somebody at the end, and no claim is given twice. Loom
//! reports a deadlock if the connection is not woken.
//!
//! `claim.rs` is compiled into this test with loom's atomics as its `crate::sync`, so no special build is needed.

use claim::{Claim, Look, State};
use loom::sync::{Condvar, Mutex, MutexGuard};
use loom::thread;
use std::sync::Arc;

#[path = "../../shard/src/shard/wait/claim.rs"]
mod claim;

/// `shard/src/sync.rs` of the model.
mod sync {
    pub use loom::sync::atomic::{AtomicU8, Ordering};
}

/// See `loom_cell.rs`.
const PREEMPTIONS: usize = 3;

/// Served on either shard, with the connection looking on.
#[test]
fn loom_served_on_one_of_two_shards() {
    model(|| {
        let scene = Scene::new([true, true], false);
        let pushers = scene.pushers();
        scene.connection();
        scene.end(pushers, 1);
    });
}

/// On one of the shards there is nothing for it, but for the one behind it.
#[test]
fn loom_passed_over_on_one_shard() {
    model(|| {
        let scene = Scene::new([false, true], false);
        let pushers = scene.pushers();
        scene.connection();
        scene.end(pushers, 1);
    });
}

/// It needs both shards: whoever comes first calls its connection.
#[test]
fn loom_called() {
    model(|| {
        let scene = Scene::new([true, true], true);
        let pushers = scene.pushers();
        scene.connection();
        scene.end(pushers, 1);
    });
}

/// Its time is over at any moment.
#[test]
fn loom_ended_in_the_middle() {
    for needs_both in [false, true] {
        model(move || {
            let scene = Scene::new([false, true], needs_both);
            let pushers = scene.pushers();
            let ended = loop {
                match scene.state.claim_to_end() {
                    Claim::Mine => {
                        scene.state.finish();
                        break true;
                    }
                    Claim::Over => break false,
                    Claim::Elsewhere => thread::yield_now(),
                }
            };
            scene.leave();
            scene.end(pushers, usize::from(!ended));
        });
    }
}

// ---- below -------------------------------------------------------------------------------------------------------------

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    builder.max_branches = 10_000;
    builder.check(test);
}

/// One shard with one key.
struct Shard {
    elements: usize,
    /// The one who waits on both shards stands in the queue.
    first: bool,
    /// One who waits on this shard alone, behind it.
    second: bool,
}

struct Scene {
    state: State,
    /// Its connection was woken.
    woken: Mutex<bool>,
    bell: Condvar,
    /// Elements that it was given.
    given: Mutex<usize>,
    shards: [Mutex<Shard>; 2],
    /// Whether what comes to each shard is for it.
    fits: [bool; 2],
    needs_both: bool,
}

impl Scene {
    fn new(fits: [bool; 2], needs_both: bool) -> Arc<Scene> {
        let shard = || Mutex::new(Shard { elements: 0, first: true, second: true });
        Arc::new(Scene {
            state: State::new(),
            woken: Mutex::new(false),
            bell: Condvar::new(),
            given: Mutex::new(0),
            shards: [shard(), shard()],
            fits,
            needs_both,
        })
    }

    /// An element comes to each shard.
    fn pushers(self: &Arc<Scene>) -> [thread::JoinHandle<()>; 2] {
        [0, 1].map(|index| {
            let scene = self.clone();
            thread::spawn(move || {
                let mut shard = scene.enter(index);
                shard.elements += 1;
                scene.serve(index, &mut shard, false);
            })
        })
    }

    /// As `Unit::serve_key`.
    fn serve(&self, index: usize, shard: &mut Shard, holds_both: bool) {
        if shard.first && shard.elements > 0 {
            match self.state.claim() {
                Claim::Elsewhere => return,
                Claim::Over => {}
                Claim::Mine if self.fits[index] && (holds_both || !self.needs_both) => {
                    shard.elements -= 1;
                    *self.given.lock().expect("not poisoned") += 1;
                    shard.first = false;
                    self.state.finish();
                    self.wake();
                }
                Claim::Mine if self.needs_both && !holds_both => {
                    self.state.call();
                    self.wake();
                    return;
                }
                Claim::Mine => {
                    if !self.state.put_back() {
                        self.wake();
                    }
                }
            }
        }
        if shard.second && shard.elements > 0 {
            shard.elements -= 1;
            shard.second = false;
        }
    }

    /// As `Connection::await_outcome`, without a timeout.
    fn connection(&self) {
        loop {
            let mut woken = self.woken.lock().expect("not poisoned");
            while !std::mem::take(&mut *woken) {
                woken = self.bell.wait(woken).expect("not poisoned");
            }
            drop(woken);
            match self.state.look() {
                Look::Over => return self.leave(),
                Look::Waiting => {}
                Look::Called => {
                    let (mut a, mut b) = (self.enter(0), self.enter(1));
                    if self.state.resume() {
                        self.serve(0, &mut a, true);
                        self.serve(1, &mut b, true);
                    }
                }
            }
        }
    }

    fn leave(&self) {
        for index in [0, 1] {
            let mut shard = self.enter(index);
            if std::mem::take(&mut shard.first) {
                self.serve(index, &mut shard, false);
            }
        }
    }

    fn enter(&self, index: usize) -> MutexGuard<'_, Shard> {
        self.shards[index].lock().expect("not poisoned")
    }

    fn wake(&self) {
        *self.woken.lock().expect("not poisoned") = true;
        self.bell.notify_one();
    }

    /// When all have ended.
    fn end(&self, pushers: [thread::JoinHandle<()>; 2], given: usize) {
        pushers.into_iter().for_each(|pusher| pusher.join().expect("no panic"));
        assert_eq!(*self.given.lock().expect("not poisoned"), given);
        for index in [0, 1] {
            let shard = self.enter(index);
            assert_eq!((shard.elements, shard.first), (0, false), "shard {index}");
        }
    }
}
