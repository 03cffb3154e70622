//! One who waits: the command, its place in the queues, and what came of it.

use super::Wait;
use super::claim::{Claim, Look, State};
use crate::slots::shard_of;
use curfew_protocol::spec::Spec;
use curfew_protocol::{Error, Reply, Resp, args};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the waiting ended.
#[derive(Debug)]
pub enum Outcome {
    /// Served: the reply.
    Reply(Reply),
    /// Served with an error, or ended by one.
    Error(Error),
    /// Its time was over: it gets a null array.
    Null,
}

/// What of the client's state its command depends on.
#[derive(Copy, Clone, Debug)]
pub struct ClientState {
    /// The database.
    pub db: usize,
    /// The protocol of the reply.
    pub resp: Resp,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
}

/// See the module's documentation. Shared by the queues and by the client's connection.
pub struct Waiter {
    /// Ascending in the order of arrival: the place in every queue.
    pub id: u64,
    /// The client's state.
    pub client: ClientState,
    /// The command.
    pub wait: Wait,
    /// The shards of all keys that the command names, as bits: who tries again holds them all.
    pub shards: u64,
    /// Those of them that only keys are on which are not waited for (BLMOVE's destination): without them it cannot be
    /// served.
    pub others: u64,
    /// It is told when a key goes, too.
    pub(super) is_told_of_loss: bool,
    /// The shards in whose queues it stands, as bits. Written by whoever holds the shard.
    pub(super) queued: AtomicU64,
    state: State,
    outcome: Mutex<Option<Outcome>>,
    wake: Box<dyn Fn() + Send + Sync>,
    is_gone: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Waiter {
    /// One that is about to wait for a command with the facts `spec`. `id` is higher than that of anybody who came before,
    /// `shards` is the number of shards (64 at most), `wake` tells its connection to look, and
    /// `is_gone` says whether its client has gone or has been told to: nobody is served then.
    pub fn new(
        id: u64,
        client: ClientState,
        wait: Wait,
        spec: &Spec,
        shards: usize,
        wake: Box<dyn Fn() + Send + Sync>,
        is_gone: Box<dyn Fn() -> bool + Send + Sync>,
    ) -> Waiter {
        let bit = |key: &[u8]| 1u64 << shard_of(key, shards);
        let args = wait.args.view();
        let named = spec.key_positions(&args).into_iter().flatten().map(|at| args.at(at));
        let is_other = |key: &&[u8]| !wait.keys.iter().any(|waited| **waited == **key);
        let others = named.filter(is_other).fold(0, |bits, key| bits | bit(key));
        let shards = wait.keys.iter().fold(others, |bits, key| bits | bit(key));
        // XREADGROUP as in Redis: a group goes with its stream.
        let is_told_of_loss = args::is(args.at(0), "xreadgroup") || args::is(args.at(0), "curfew.waitgone");
        Waiter {
            id,
            client,
            wait,
            shards,
            others,
            is_told_of_loss,
            queued: AtomicU64::new(0),
            state: State::new(),
            outcome: Mutex::new(None),
            wake,
            is_gone,
        }
    }

    // ---- for whoever serves it, with its key's shard held -----------------------------------------------------------------

    /// Claims it to serve it. One whose client has gone is ended instead, so that nothing is taken for it: looked at under the claim,
    /// since whoever ends a client claims after saying so, and one of the two sees the other.
    pub fn claim(&self) -> Claim {
        let claim = self.state.claim();
        if claim == Claim::Mine && (self.is_gone)() {
            self.serve(Outcome::Null);
            return Claim::Over;
        }
        claim
    }

    /// There is nothing for it: it goes on waiting.
    pub fn put_back(&self) {
        if !self.state.put_back() {
            (self.wake)();
        }
    }

    /// It cannot be served without more shards. Whoever takes hold of all of them first serves it ([`Waiter::resume`]): the
    /// caller, or its connection, which the caller wakes.
    pub fn call(&self) {
        self.state.call();
    }

    /// It is served.
    pub fn serve(&self, outcome: Outcome) {
        self.finish(outcome);
        (self.wake)();
    }

    // ---- for its connection, and for those who end it ------------------------------------------------------------------------

    /// Ends it, unless it is being served at this moment (`Elsewhere`: its connection is woken when that is over) or is over
    /// already. Does not wake its connection. The connection leaves the queues.
    pub fn end(&self, outcome: Outcome) -> Claim {
        let claim = self.state.claim_to_end();
        if claim == Claim::Mine {
            self.finish(outcome);
        }
        claim
    }

    /// Tells its connection to look.
    pub fn wake(&self) {
        (self.wake)();
    }

    /// Whether there is something for its connection to do.
    pub fn look(&self) -> Look {
        self.state.look()
    }

    /// The caller holds all its shards, and goes through its keys next. False if it is not called any more.
    pub fn resume(&self) -> bool {
        self.state.resume()
    }

    /// What came of it; once.
    pub fn take_outcome(&self) -> Option<Outcome> {
        self.outcome().take()
    }

    /// The shards in whose queues it stands, as bits. Exact for whoever holds the shard in question.
    pub fn queued(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    fn finish(&self, outcome: Outcome) {
        *self.outcome() = Some(outcome);
        self.state.finish();
    }

    fn outcome(&self) -> MutexGuard<'_, Option<Outcome>> {
        // Nothing can panic while it is locked.
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
