//! Channels and their subscribers.
//!
//! PUBLISH runs on the publisher's thread and puts the message straight into the outbox of each subscriber, so messages
//! of one connection arrive in the order in which they were published. A subscriber's own task moves its outbox behind
//! the replies that it has already written, so a message never lands inside a reply.

use crate::clients::client::{Client, OutputLimit};
use crate::config::Config;
use bytes::Bytes;
use curfew_protocol::{Reply, Resp, glob};
use curfew_shard::{Event, Message, class};
use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

/// A subscriber that has taken bytes within so many milliseconds keeps reading.
const READS_MS: i64 = 1000;

/// What is subscribed to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ChannelKind {
    /// SUBSCRIBE.
    Channel,
    /// PSUBSCRIBE.
    Pattern,
    /// SSUBSCRIBE.
    Shard,
}

/// A session's own subscriptions.
#[derive(Default)]
pub struct Subscriptions {
    /// Names by [`ChannelKind`], in order.
    names: [BTreeSet<Box<[u8]>>; 3],
}

impl Subscriptions {
    /// Whether there is any.
    #[inline]
    pub fn any(&self) -> bool {
        self.names.iter().any(|names| !names.is_empty())
    }

    /// How many of a kind.
    pub fn count(&self, kind: ChannelKind) -> usize {
        self.names[kind as usize].len()
    }

    /// The names of a kind, in order.
    pub fn names(&self, kind: ChannelKind) -> impl Iterator<Item = &[u8]> {
        self.names[kind as usize].iter().map(|name| &**name)
    }
}

/// A pattern and its subscribers.
type Pattern = (Box<[u8]>, Vec<Arc<Client>>);

/// All channels of the process.
#[derive(Default)]
pub struct PubSub {
    channels: DashMap<Box<[u8]>, Vec<Arc<Client>>>,
    shard_channels: DashMap<Box<[u8]>, Vec<Arc<Client>>>,
    /// Patterns are tried one by one for each message, as in Redis.
    patterns: RwLock<Vec<Pattern>>,
    /// Subscriptions to channels and patterns: zero, and nobody hears of events.
    listeners: AtomicUsize,
    limit: AtomicLimit,
    /// Subscribers for whom more waits than [`PubSub::pace_bytes`].
    behind: Mutex<Vec<Arc<Client>>>,
    /// How many those are, readable without the lock.
    behind_count: AtomicUsize,
    /// Messages published by keyspace events.
    pub events: AtomicU64,
}

/// `client-output-buffer-limit pubsub`, readable from any thread.
#[derive(Default)]
struct AtomicLimit {
    hard: AtomicUsize,
    soft: AtomicUsize,
    soft_ms: AtomicI64,
}

impl PubSub {
    /// Puts `client-output-buffer-limit pubsub` into force.
    pub fn set_limit(&self, limit: OutputLimit) {
        self.limit.hard.store(limit.hard, Relaxed);
        self.limit.soft.store(limit.soft, Relaxed);
        self.limit.soft_ms.store(limit.soft_ms, Relaxed);
    }

    fn limit(&self) -> OutputLimit {
        OutputLimit {
            hard: self.limit.hard.load(Relaxed),
            soft: self.limit.soft.load(Relaxed),
            soft_ms: self.limit.soft_ms.load(Relaxed),
        }
    }

    /// The backlog past which events wait for their subscribers, in bytes: far enough below the limits that what is
    /// under way fits too, and that the time of the soft limit never begins to run.
    fn pace_bytes(&self) -> usize {
        let limit = self.limit();
        let parts = [limit.hard / 4, limit.soft / 2];
        // Without any limit a burst is still not gathered in memory.
        parts.into_iter().filter(|part| *part > 0).min().unwrap_or(16 << 20)
    }

    /// The most bytes that wait for a subscriber that is far behind, but has taken some within the last second. One that
    /// does not read is not counted: nobody waits for it. One atomic load while nobody is behind, else O(those behind).
    pub fn backlog(&self, now_ms: i64) -> usize {
        if self.behind_count.load(Relaxed) == 0 {
            return 0;
        }
        let (enough, mut most) = (self.pace_bytes(), 0);
        let mut behind = self.behind.lock();
        behind.retain(|client| {
            let waiting = client.waiting_bytes();
            if client.is_killed() || waiting <= enough {
                client.behind.store(false, Relaxed);
                return false;
            }
            if now_ms - client.drained_ms.load(Relaxed) <= READS_MS {
                most = most.max(waiting);
            }
            true
        });
        self.behind_count.store(behind.len(), Relaxed);
        most
    }

    /// Whether events have to wait for a subscriber.
    pub fn is_crowded(&self, now_ms: i64) -> bool {
        self.backlog(now_ms) > self.pace_bytes()
    }

    /// Remembers a subscriber that is far behind.
    #[cold]
    fn note(&self, client: &Arc<Client>) {
        if client.behind.load(Relaxed) {
            return;
        }
        let mut behind = self.behind.lock();
        if !client.behind.swap(true, Relaxed) {
            behind.push(client.clone());
            self.behind_count.store(behind.len(), Relaxed);
        }
    }

    /// Subscribes; false if it was subscribed already.
    pub fn subscribe(&self, kind: ChannelKind, name: &[u8], client: &Arc<Client>, own: &mut Subscriptions) -> bool {
        if !own.names[kind as usize].insert(name.into()) {
            return false;
        }
        if kind != ChannelKind::Shard {
            self.listeners.fetch_add(1, SeqCst);
        }
        match kind {
            ChannelKind::Channel => self.channels.entry(name.into()).or_default().push(client.clone()),
            ChannelKind::Shard => self.shard_channels.entry(name.into()).or_default().push(client.clone()),
            ChannelKind::Pattern => {
                let mut patterns = self.patterns.write();
                match patterns.iter_mut().find(|(pattern, _)| **pattern == *name) {
                    Some((_, clients)) => clients.push(client.clone()),
                    None => patterns.push((name.into(), vec![client.clone()])),
                }
            }
        }
        count(kind, client, own);
        true
    }

    /// Unsubscribes; false if it was not subscribed.
    pub fn unsubscribe(&self, kind: ChannelKind, name: &[u8], client: &Arc<Client>, own: &mut Subscriptions) -> bool {
        if !own.names[kind as usize].remove(name) {
            return false;
        }
        let leave = |clients: &mut Vec<Arc<Client>>| {
            clients.retain(|other| other.id != client.id);
            clients.is_empty()
        };
        match kind {
            ChannelKind::Channel => drop(self.channels.remove_if_mut(name, |_, clients| leave(clients))),
            ChannelKind::Shard => drop(self.shard_channels.remove_if_mut(name, |_, clients| leave(clients))),
            ChannelKind::Pattern => {
                self.patterns.write().retain_mut(|(pattern, clients)| **pattern != *name || !leave(clients))
            }
        }
        if kind != ChannelKind::Shard {
            self.listeners.fetch_sub(1, SeqCst);
        }
        count(kind, client, own);
        true
    }

    /// Ends all subscriptions of a client that goes or resets.
    pub fn leave(&self, client: &Arc<Client>, own: &mut Subscriptions) {
        for kind in [ChannelKind::Channel, ChannelKind::Pattern, ChannelKind::Shard] {
            while let Some(name) = own.names[kind as usize].first().cloned() {
                self.unsubscribe(kind, &name, client, own);
            }
        }
    }

    /// Sends a message to a channel's subscribers and to those of matching patterns; answers how many there were.
    pub fn publish(&self, channel: &[u8], message: &[u8], now_ms: i64) -> usize {
        let limit = self.limit();
        let mut receivers = 0;
        if let Some(clients) = self.channels.get(channel) {
            receivers += self.send(&clients, &[b"message", channel, message], limit, now_ms);
        }
        let patterns = self.patterns.read();
        for (pattern, clients) in patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel, false)) {
            receivers += self.send(clients, &[b"pmessage", pattern, channel, message], limit, now_ms);
        }
        receivers
    }

    /// Sends a message to the subscribers of a shard channel; answers how many there were.
    pub fn publish_shard(&self, channel: &[u8], message: &[u8], now_ms: i64) -> usize {
        let clients = self.shard_channels.get(channel);
        clients.map_or(0, |clients| self.send(&clients, &[b"smessage", channel, message], self.limit(), now_ms))
    }

    /// How many subscribers a message on `channel` reaches.
    pub fn receivers(&self, channel: &[u8]) -> usize {
        let patterns = self.patterns.read();
        let matching = patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel, false));
        self.subscribers(ChannelKind::Channel, channel) + matching.map(|(_, clients)| clients.len()).sum::<usize>()
    }

    /// Publishes a message of PUBLISH or SPUBLISH; answers how many clients it was sent to.
    pub fn publish_message(&self, message: &Message, now_ms: i64) -> usize {
        match message.shard {
            true => self.publish_shard(&message.channel, &message.text, now_ms),
            false => self.publish(&message.channel, &message.text, now_ms),
        }
    }

    /// Publishes a keyspace event on the channels that `notify-keyspace-events` asks for.
    pub fn publish_event(&self, config: &Config, event: &Event, now_ms: i64) {
        if self.is_idle() {
            return;
        }
        let notify = config.notify_keyspace_events.0;
        if notify & event.class == 0 {
            return;
        }
        let channel = |kind: &str, name: &[u8]| {
            [&config.notify_keyspace_prefix, format!("{kind}@{}__:", event.db).as_bytes(), name].concat()
        };
        if notify & class::KEYSPACE != 0 {
            self.publish(&channel("keyspace", &event.key), event.name.as_bytes(), now_ms);
            self.events.fetch_add(1, Relaxed);
        }
        if notify & class::KEYEVENT != 0 {
            self.publish(&channel("keyevent", event.name.as_bytes()), &event.key, now_ms);
            self.events.fetch_add(1, Relaxed);
        }
    }

    /// Sends one push message to many clients, written once for each protocol.
    fn send(&self, clients: &[Arc<Client>], parts: &[&[u8]], limit: OutputLimit, now_ms: i64) -> usize {
        let write = |resp| {
            let mut reply = Reply::with_capacity(resp, parts.iter().map(|part| part.len() + 16).sum());
            reply.push(parts.len());
            parts.iter().for_each(|part| reply.bulk(part));
            Bytes::from(reply.take())
        };
        let pace = self.pace_bytes();
        let (mut two, mut three) = (None, None);
        for client in clients {
            let message = match client.resp.load(Relaxed) {
                3 => three.get_or_insert_with(|| write(Resp::Three)),
                _ => two.get_or_insert_with(|| write(Resp::Two)),
            };
            if client.send(message, limit, now_ms) > pace {
                self.note(client);
            }
        }
        clients.len()
    }

    /// Channels with at least one subscriber.
    pub fn channels(&self, kind: ChannelKind, matching: Option<&[u8]>) -> Vec<Box<[u8]>> {
        let fits = |name: &[u8]| matching.is_none_or(|pattern| glob::matches(pattern, name, false));
        let map = if kind == ChannelKind::Shard { &self.shard_channels } else { &self.channels };
        map.iter().map(|entry| entry.key().clone()).filter(|name| fits(name)).collect()
    }

    /// Subscribers of one channel, those of patterns apart.
    pub fn subscribers(&self, kind: ChannelKind, channel: &[u8]) -> usize {
        let map = if kind == ChannelKind::Shard { &self.shard_channels } else { &self.channels };
        map.get(channel).map_or(0, |clients| clients.len())
    }

    /// Distinct patterns: PUBSUB NUMPAT.
    pub fn pattern_count(&self) -> usize {
        self.patterns.read().len()
    }

    /// Channels with subscribers: INFO's `pubsub_channels` and `pubsubshard_channels`.
    pub fn channel_count(&self, kind: ChannelKind) -> usize {
        if kind == ChannelKind::Shard { self.shard_channels.len() } else { self.channels.len() }
    }

    /// Whether nobody is subscribed to anything that an event could be published on. One atomic load. What is executed after a
    /// subscription was confirmed finds it.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.listeners.load(SeqCst) == 0
    }
}

/// Keeps the counts that CLIENT LIST shows.
fn count(kind: ChannelKind, client: &Client, own: &Subscriptions) {
    let counter = match kind {
        ChannelKind::Channel => &client.channels,
        ChannelKind::Pattern => &client.patterns,
        ChannelKind::Shard => &client.shard_channels,
    };
    counter.store(own.count(kind) as u32, Relaxed);
}
