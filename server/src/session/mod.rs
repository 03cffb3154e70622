//! What a connection remembers between commands, and what a handler of the server gets to work with.

pub mod batch;
pub mod transaction;

use crate::clients::client::Client;
use crate::clients::pubsub::Subscriptions;
use crate::session::transaction::{Transaction, Watching};
use crate::shards::set::ShardSet;
use curfew_protocol::Resp;
use curfew_shard::Unit;
use curfew_shard::slots::shard_of;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// CLIENT REPLY.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum ReplyMode {
    /// Every command is answered.
    #[default]
    On,
    /// No command is answered. Messages are sent all the same, and so are the confirmations of subscriptions.
    Off,
    /// The next command is not answered.
    SkipNext,
    /// This command is not answered.
    SkipThis,
}

/// The state of one connection. Travels with its batch when another thread runs the batch.
pub struct Session {
    /// What others see of it.
    pub client: Arc<Client>,
    /// The selected database.
    pub db: usize,
    /// Whether it may do more than AUTH, HELLO, QUIT and RESET.
    pub authenticated: bool,
    /// MULTI, if it is under way.
    pub transaction: Option<Box<Transaction>>,
    /// The keys of WATCH.
    pub watching: Watching,
    /// The channels of SUBSCRIBE and its kin.
    pub subscriptions: Subscriptions,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// Where the reply of the command under way starts in the output: a handler that finds the output longer runs within
    /// EXEC.
    pub reply_at: usize,
    /// What the command under way has written is a message, which CLIENT REPLY does not hold back.
    pub pushed: bool,
    /// QUIT: close when the replies are sent.
    pub closing: bool,
    /// Whether this is a script's own session, not a connection's.
    pub is_script: bool,
}

impl Session {
    /// The session of a new connection. `authenticated` if no password is set.
    pub fn new(client: Arc<Client>, authenticated: bool) -> Session {
        Session {
            client,
            db: 0,
            authenticated,
            transaction: None,
            watching: Watching::default(),
            subscriptions: Subscriptions::default(),
            reply_mode: ReplyMode::On,
            no_touch: false,
            reply_at: 0,
            pushed: false,
            closing: false,
            is_script: false,
        }
    }

    /// The session in which a script's calls run: the caller's database, nothing else of the caller's state.
    pub fn of_script(caller: &Session) -> Session {
        Session {
            db: caller.db,
            is_script: true,
            no_touch: caller.no_touch,
            ..Session::new(caller.client.clone(), true)
        }
    }

    /// Makes a script's session that of the next script.
    pub fn reuse_for_script(&mut self, caller: &Session) {
        if !Arc::ptr_eq(&self.client, &caller.client) {
            self.client = caller.client.clone();
        }
        (self.db, self.no_touch) = (caller.db, caller.no_touch);
    }

    /// The shards of all watched keys, of `shards`.
    pub fn watched_shards(&self, shards: usize) -> ShardSet {
        ShardSet::of(self.watching.keys().iter().map(|watched| shard_of(&watched.key, shards)))
    }

    /// Ends the watches, within a unit that holds their shards.
    pub fn unwatch(&mut self, unit: &mut Unit<'_>) {
        if self.watching.keys().is_empty() {
            return;
        }
        let watching = self.watching.take();
        for watched in watching.keys() {
            watching.forget(unit.shard(&watched.key), watched);
        }
        self.client.watching.store(0, Relaxed);
    }

    /// Selects a database that exists.
    pub fn select(&mut self, db: usize) {
        self.db = db;
        if !self.is_script {
            self.client.db.store(db as u32, Relaxed);
        }
    }

    /// Whether a command that only touches data may run without a look at anything else of the session.
    #[inline]
    pub fn is_plain(&self, resp: Resp) -> bool {
        self.transaction.is_none() && self.is_unrestricted(resp)
    }

    /// Whether a data command may be queued without a look at anything else of the session.
    pub fn is_plain_in_multi(&self, resp: Resp) -> bool {
        self.transaction.is_some() && self.is_unrestricted(resp)
    }

    #[inline]
    fn is_unrestricted(&self, resp: Resp) -> bool {
        self.authenticated && self.reply_mode == ReplyMode::On && (resp == Resp::Three || !self.subscriptions.any())
    }
}
