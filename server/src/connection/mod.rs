//! One connection: reads requests, has them executed in the order sent, writes the replies.
//!
//! The life of a wake-up: read what has come; parse all of it; take consecutive data commands for one shard as one run,
//! enter the shard and execute them there (or leave the batch in the shard's inbox and await it); execute everything else
//! one by one; write all replies with one call. Replies that a client does not read stop the reading, not the server.

mod blocked;
mod gate;
pub mod listen;

use crate::clients::client::{Client, OutputLimit, signal};
use crate::config::Config;
use crate::exec::call;
use crate::exec::handler::{self, Ctx, ServerHandler};
use crate::request::parsed::Parsed;
use crate::request::route::Target;
use crate::request::table::CommandKind;
use crate::session::batch::Batch;
use crate::session::{ReplyMode, Session};
use crate::shards::cell::Turn;
use crate::shards::set::ShardSet;
use crate::shared::Shared;
use crate::system::{clock, coroutine};
use crate::thread;
use crate::units::{evict, expire, held, reach, run, trigger, watch};
use curfew_protocol::Error;
use curfew_protocol::request::RequestLimits;
use curfew_protocol::spec::{ALLOW_BUSY, EXEC};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

/// Bytes asked for by one read.
const READ_BYTES: usize = 16 * 1024;

/// Replies are written once so many bytes have gathered, even if more requests wait: a client that pipelines a million
/// commands and reads nothing costs no more than this.
const WRITE_BYTES: usize = 256 * 1024;

/// Under a memory limit, memory is looked at between runs: requests of one run have about so many bytes at most.
const LIMITED_RUN_BYTES: usize = 64 * 1024;

/// What ended a wait.
pub enum Woken {
    /// Bytes were read; 0: the client has gone.
    Read(std::io::Result<usize>),
    /// A signal is up.
    Signal,
    /// The time is over.
    Time,
}

/// Serves one connection until it ends, and removes every trace of it.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(shared: &'static Shared, stream: S, client: Arc<Client>) {
    let authenticated = shared.config.load().requirepass.0.is_empty();
    let batch = Slot(Some(Box::new(Batch::new(Session::new(client.clone(), authenticated)))));
    let mut connection = Connection { shared, stream, client: client.clone(), batch };
    connection.run().await;
    let dropped = client.close();
    if client.passed_limit.load(Relaxed) {
        shared.stats.output_limit_kills.fetch_add(1, Relaxed);
        shared.stats.messages_dropped.fetch_add(dropped, Relaxed);
    }
    if let Ok(mut batch) = connection.batch.lend() {
        shared.pubsub.leave(&client, &mut batch.session.subscriptions);
        watch::end(shared, &mut batch.session);
    }
    shared.clients.remove(client.id);
    shared.stats.threads[client.thread].connections.fetch_sub(1, Relaxed);
}

/// One connection. `connection/blocked.rs` has what it does while its client waits for keys.
pub struct Connection<S> {
    /// The shared state.
    pub shared: &'static Shared,
    stream: S,
    /// What others see of it.
    pub client: Arc<Client>,
    batch: Slot,
}

/// The connection is to be closed: by what its client did or did not do, or because it has gone. What was executed is answered
/// first, if that can be.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Hangup;

/// The place of the batch, which is away while another thread executes it, and does not come back if that thread ends.
struct Slot(Option<Box<Batch>>);

impl Slot {
    /// The batch. Nobody asks while it is away, so without one the process ends.
    #[inline]
    fn get(&mut self) -> Result<&mut Batch, Hangup> {
        self.0.as_deref_mut().ok_or(Hangup)
    }

    /// Takes the batch out.
    fn lend(&mut self) -> Result<Box<Batch>, Hangup> {
        self.0.take().ok_or(Hangup)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn run(&mut self) {
        loop {
            let signals = self.client.signals();
            if signals & signal::KILL != 0 {
                return;
            }
            if signals & signal::DRAIN != 0 {
                // What was executed is answered.
                let _ = self.flush().await;
                return;
            }
            if signals & signal::MESSAGES != 0 {
                let Ok(batch) = self.batch.get() else { return };
                self.client.take_messages(&mut batch.buffers.out);
            }
            if self.flush().await.is_err() {
                return;
            }
            if signals & signal::SERVED != 0 {
                // It has come late: what the client waited for is over.
                self.client.lower(signal::SERVED);
            }
            match self.wait(None).await {
                Woken::Signal | Woken::Time => continue,
                Woken::Read(Ok(0) | Err(_)) => return,
                Woken::Read(Ok(count)) => thread::with(|thread| thread.stats.bytes_in.add(count as u64)),
            }
            if self.process().await.is_err() {
                let _ = self.flush().await;
                return;
            }
        }
    }

    /// Waits for bytes, for a signal, or until a time. A connection that waits with nothing under way has no buffers.
    pub async fn wait(&mut self, mut alarm: Option<Pin<&mut tokio::time::Sleep>>) -> Woken {
        let Ok(batch) = self.batch.get() else { return Woken::Read(Ok(0)) };
        let (stream, client) = (&mut self.stream, &self.client);
        let idle = batch.is_idle();
        let memory = batch.buffers.input.capacity() + batch.buffers.out.capacity();
        client.memory.store(if idle { 0 } else { memory }, Relaxed);
        if idle {
            let buffers = batch.take_buffers();
            thread::with(|thread| thread.give_buffers(buffers));
        } else {
            batch.reserve(READ_BYTES);
        }
        client.query_bytes.store(batch.buffers.input.len(), Relaxed);
        std::future::poll_fn(|context| {
            client.waker.register(context.waker());
            if client.signals() != 0 {
                return Poll::Ready(Woken::Signal);
            }
            if alarm.as_mut().is_some_and(|alarm| alarm.as_mut().poll(context).is_ready()) {
                return Poll::Ready(Woken::Time);
            }
            // Buffers are borrowed from the thread for the time of the attempt only.
            if idle {
                let mut buffers = thread::with(|thread| thread.take_buffers());
                buffers.input.reserve(READ_BYTES);
                let polled = pin!(stream.read_buf(&mut buffers.input)).poll(context);
                return match polled {
                    Poll::Ready(read) => {
                        batch.put_buffers(buffers);
                        Poll::Ready(Woken::Read(read))
                    }
                    Poll::Pending => {
                        thread::with(|thread| thread.give_buffers(buffers));
                        Poll::Pending
                    }
                };
            }
            pin!(stream.read_buf(&mut batch.buffers.input)).poll(context).map(Woken::Read)
        })
        .await
    }

    /// Executes all complete requests that have been read. An error means that the connection is to be closed, after its
    /// replies are sent.
    async fn process(&mut self) -> Result<(), Hangup> {
        let config = thread::with(|thread| thread.config());
        loop {
            let batch = self.batch.get()?;
            let limits = RequestLimits {
                bulk_max: config.proto_max_bulk_len as usize,
                unauthenticated: !batch.session.authenticated,
            };
            if let Err(error) = batch.parse(limits, self.shared.shards.len()) {
                let error = Error::made(format!("ERR Protocol error: {error}"));
                thread::with(|thread| thread.stats.error(&error));
                batch.buffers.out.error(&error);
                return Err(Hangup);
            }
            if batch.pending().is_empty() {
                batch.compact();
                return self.check_input(&config);
            }
            self.client.active_ms.store(clock::moment().ms, Relaxed);
            while !self.batch.get()?.pending().is_empty() {
                self.step().await?;
                if self.batch.get()?.buffers.out.len() >= WRITE_BYTES {
                    self.relieve(&config).await?;
                }
                if self.client.signals() & signal::KILL != 0 {
                    return Err(Hangup);
                }
            }
            let batch = self.batch.get()?;
            batch.compact();
        }
    }

    /// Cuts off a client that has sent too much which cannot be executed yet.
    pub fn check_input(&mut self, config: &Config) -> Result<(), Hangup> {
        let bytes = self.batch.get()?.buffers.input.len();
        if bytes as u64 > config.client_query_buffer_limit {
            self.shared.stats.query_limit_kills.fetch_add(1, Relaxed);
            tracing::warn!(client = self.client.id, "client closed: query buffer limit reached");
            return Err(Hangup);
        }
        Ok(())
    }

    /// Executes the next run of data commands for one shard, or the next command.
    async fn step(&mut self) -> Result<(), Hangup> {
        let batch = self.batch.get()?;
        let resp = batch.buffers.out.resp;
        if let Target::Shard(shard) = batch.pending()[0].target
            && batch.session.is_plain(resp)
            && !gate::is_closed(self.shared)
        {
            let same = |request: &&Parsed| request.target == Target::Shard(shard);
            let mut count = batch.pending().iter().take_while(same).count();
            if self.shared.memory.is_limited() {
                let mut bytes = 0;
                for ahead in 0..count {
                    bytes += batch.request(ahead).1.bytes();
                    if bytes > LIMITED_RUN_BYTES {
                        count = ahead + 1;
                        break;
                    }
                }
                self.shared.memory.spend(&self.shared.stats, bytes, clock::moment().ms);
                if self.shared.memory.is_over() {
                    return self.single().await;
                }
            }
            if trigger::exist(self.shared) {
                let may_enter = |request: &&Parsed| {
                    request.command.as_ref().is_ok_and(|command| !trigger::needs_all(self.shared, command))
                };
                count = batch.pending()[..count].iter().take_while(may_enter).count();
                if count == 0 {
                    return self.single().await;
                }
            }
            if let Ok(command) = &batch.pending()[count - 1].command {
                self.client.last_command.store(command.id + 1, Relaxed);
            }
            return self.enter(shard, count).await;
        }
        if self.queue() {
            return Ok(());
        }
        self.single().await
    }

    /// Queues the data commands that come next, inside MULTI; false if the next one needs a closer look.
    fn queue(&mut self) -> bool {
        let Ok(batch) = self.batch.get() else { return false };
        let data = |request: &&Parsed| {
            request.command.as_ref().is_ok_and(|command| matches!(command.kind, CommandKind::Data(_)))
        };
        let count = batch.pending().iter().take_while(data).count();
        let resp = batch.buffers.out.resp;
        let is_open = !gate::is_closed(self.shared) && !self.shared.scripts.is_any_busy();
        if count == 0 || !batch.session.is_plain_in_multi(resp) || !is_open {
            return false;
        }
        let (run, out, session) = batch.parts(count);
        let Some(transaction) = &mut session.transaction else { return false };
        for (request, args) in run.iter() {
            if let Ok(command) = request.command {
                transaction.push(command, args);
                out.simple("QUEUED");
            }
        }
        self.client.multi.store(transaction.len() as i64, Relaxed);
        self.client.multi_bytes.store(transaction.bytes(), Relaxed);
        batch.advance(count);
        true
    }

    /// Executes the next `count` commands on a shard: here if it is free, else by whoever has it.
    async fn enter(&mut self, shard: u16, count: usize) -> Result<(), Hangup> {
        let shared = self.shared;
        if trigger::exist(shared) {
            return self.enter_apart(shard, count).await;
        }
        let cell = &shared.shards[usize::from(shard)];
        let batch = self.batch.get()?;
        if let Some(mut guard) = cell.try_enter() {
            let (done, now_ms) = thread::with(|thread| run::run(thread, &mut guard, batch, count));
            drop(guard);
            batch.advance(done);
            expire::tend(shared, self.client.thread, now_ms);
            return Ok(());
        }
        let mut batch = self.batch.lend()?;
        let (give_back, returned) = oneshot::channel();
        cell.leave(Box::new(move |turn| {
            match turn {
                Turn::Shard(inside) => {
                    let (done, _) = thread::with(|thread| run::run(thread, inside, &mut batch, count));
                    batch.advance(done);
                }
                Turn::Busy => batch.refuse(count, &shared.scripts.busy_error(ShardSet::one(shard.into()))),
            }
            // If the connection has gone, so has the need for its batch.
            let _ = give_back.send(batch);
        }));
        self.batch = Slot(returned.await.ok());
        Ok(())
    }

    /// The same while there are triggers, which may take long: always here, on a stack that can be left.
    async fn enter_apart(&mut self, shard: u16, count: usize) -> Result<(), Hangup> {
        let shared = self.shared;
        let cell = &shared.shards[usize::from(shard)];
        // Once more than needed and it goes on, late triggers or not: they may be thousands.
        for at_once in [false, true] {
            // Nobody has to wait for a busy script of another shard because of it.
            let _ = expire::together(shared, cell).await;
            let acquired = cell.acquire().await;
            let batch = self.batch.get()?;
            let Some(mut guard) = acquired else {
                batch.refuse(count, &shared.scripts.busy_error(ShardSet::one(shard.into())));
                return Ok(());
            };
            let run = || thread::with(|thread| run::run_apart(thread, &mut guard, batch, count, at_once));
            let done = coroutine::run(run).await;
            drop(guard);
            if done > 0 {
                batch.advance(done);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Executes the next command alone: everything that is not plain data.
    async fn single(&mut self) -> Result<(), Hangup> {
        let batch = self.batch.get()?;
        // What was sent before this command takes effect arrives before its reply.
        if self.client.signals() & signal::MESSAGES != 0 {
            self.client.take_messages(&mut batch.buffers.out);
        }
        let mark = batch.buffers.out.len();
        batch.session.reply_at = mark;
        let command = match &batch.pending()[0].command {
            Ok(command) => *command,
            Err(unresolved) => {
                if gate::is_http(batch.request(0).1.at(0)) {
                    gate::warn_of_http(&self.client);
                    return Err(Hangup);
                }
                let error = unresolved.error.clone();
                // As EXEC with arguments.
                if unresolved.command.is_some_and(|command| command.is(EXEC)) {
                    return self.abort(mark, &error);
                }
                gate::refused(&mut batch.session, None);
                thread::with(|thread| thread.stats.error(&error));
                batch.buffers.out.error(&error);
                return self.finish(mark);
            }
        };
        self.client.last_command.store(command.id + 1, Relaxed);
        if self.shared.memory.is_over() && gate::needs_memory(command) {
            let shard = match batch.pending()[0].target {
                Target::Shard(shard) => usize::from(shard),
                Target::Inline | Target::Hold => self.client.thread,
            };
            evict::make_room(self.shared, shard).await;
        }
        let batch = self.batch.get()?;
        if let Err(error) = gate::check(&batch.session, batch.buffers.out.resp, self.shared, command) {
            gate::refused(&mut batch.session, Some(command));
            if command.is(EXEC) {
                return self.abort(mark, &error);
            }
            thread::with(|thread| thread.stats.error(&error));
            batch.buffers.out.error(&error);
            return self.finish(mark);
        }
        if !gate::pass(self.shared, &batch.session, command).await {
            return Err(Hangup);
        }
        let batch = self.batch.get()?;
        if batch.session.transaction.is_some() && gate::is_queued(command) {
            if self.shared.scripts.is_any_busy() && !command.is(ALLOW_BUSY) {
                let (_, args) = batch.request(0);
                let needed = reach::reach_in_multi(self.shared, command, args, &batch.session);
                if let Some(error) = watch::refuses_to_queue(self.shared, needed) {
                    gate::refused(&mut batch.session, Some(command));
                    thread::with(|thread| thread.stats.error(&error));
                    batch.buffers.out.error(&error);
                    return self.finish(mark);
                }
            }
            let (run, out, session) = batch.parts(1);
            if let (Some(transaction), Some((_, args))) = (&mut session.transaction, run.iter().next()) {
                transaction.push(command, args);
                self.client.multi.store(transaction.len() as i64, Relaxed);
                self.client.multi_bytes.store(transaction.bytes(), Relaxed);
            }
            out.simple("QUEUED");
            return self.finish(mark);
        }
        let (run, out, session) = batch.parts(1);
        let Some((_, args)) = run.iter().next() else { return Err(Hangup) };
        if let Some(ServerHandler::Inline(handler)) = handler::of(command) {
            thread::with(|thread| {
                let mut ctx = Ctx { thread, session, out, now: clock::moment(), command };
                call::inline(&mut ctx, handler, args);
            });
        } else if let Some(waiter) = held::run(self.shared, held::Request { command, args, out, session }).await {
            return self.blocked(&waiter).await;
        }
        self.finish(mark)
    }

    /// EXEC itself was refused: that ends the transaction.
    fn abort(&mut self, mark: usize, reason: &Error) -> Result<(), Hangup> {
        let batch = self.batch.get()?;
        let error = watch::aborted(reason);
        thread::with(|thread| thread.stats.error(&error));
        batch.buffers.out.error(&error);
        watch::end_transaction(self.shared, &mut batch.session);
        self.finish(mark)
    }

    /// After a single command: CLIENT REPLY, QUIT, and messages that came for the client meanwhile.
    fn finish(&mut self, mark: usize) -> Result<(), Hangup> {
        let batch = self.batch.get()?;
        batch.advance(1);
        self.replied(mark)
    }

    /// The rest of [`Self::finish`], for a command whose request is behind us.
    pub fn replied(&mut self, mark: usize) -> Result<(), Hangup> {
        let batch = self.batch.get()?;
        let session = &mut batch.session;
        let silent = matches!(session.reply_mode, ReplyMode::Off | ReplyMode::SkipThis);
        if silent && !std::mem::take(&mut session.pushed) {
            batch.buffers.out.truncate(mark);
        }
        session.pushed = false;
        session.reply_mode = match session.reply_mode {
            // CLIENT REPLY SKIP itself writes nothing.
            ReplyMode::SkipNext => ReplyMode::SkipThis,
            ReplyMode::SkipThis => ReplyMode::On,
            mode => mode,
        };
        if self.client.signals() & signal::MESSAGES != 0 {
            self.client.take_messages(&mut batch.buffers.out);
        }
        if session.closing { Err(Hangup) } else { Ok(()) }
    }

    /// Writes what has gathered in the midst of a batch. A client that does not read stops its own execution there; or it
    /// is cut off, if `client-output-buffer-limit` says so: then the replies gather up to the limit, as in Redis.
    async fn relieve(&mut self, config: &Config) -> Result<(), Hangup> {
        let batch = self.batch.get()?;
        let limits = &config.client_output_buffer_limit;
        let limit = OutputLimit::from(if batch.session.subscriptions.any() { limits.pubsub } else { limits.normal });
        if limit.is_none() {
            return self.flush().await;
        }
        let (stream, out) = (&mut self.stream, &mut batch.buffers.out);
        let mut written = 0;
        std::future::poll_fn(|context| {
            while written < out.len() {
                match pin!(stream.write(&out.as_bytes()[written..])).poll(context) {
                    Poll::Ready(Ok(count)) if count > 0 => written += count,
                    Poll::Ready(_) => return Poll::Ready(Err(Hangup)),
                    Poll::Pending => break,
                }
            }
            Poll::Ready(Ok(()))
        })
        .await?;
        thread::with(|thread| thread.stats.bytes_out.add(written as u64));
        out.consume(written);
        self.client.reply_bytes.store(out.len(), Relaxed);
        match self.client.check(limit, clock::moment().ms) {
            true => Ok(()),
            false => Err(Hangup),
        }
    }

    /// Writes all replies. Waits for a slow client without reading more from it, and gives up when it is killed.
    pub async fn flush(&mut self) -> Result<(), Hangup> {
        let batch = self.batch.get()?;
        let (stream, client, out) = (&mut self.stream, &self.client, &mut batch.buffers.out);
        let subscriber = batch.session.subscriptions.any();
        let mut written = 0;
        while written < out.len() {
            client.reply_bytes.store(out.len() - written, Relaxed);
            let wrote = std::future::poll_fn(|context| {
                let rest = &out.as_bytes()[written..];
                match pin!(stream.write(rest)).poll(context) {
                    Poll::Ready(result) => Poll::Ready(result.ok()),
                    Poll::Pending => {
                        client.waker.register(context.waker());
                        if client.is_killed() { Poll::Ready(None) } else { Poll::Pending }
                    }
                }
            })
            .await;
            match wrote {
                None | Some(0) => return Err(Hangup),
                Some(count) => written += count,
            }
            // Proof of life: of subscribers for the pace of events, of slow readers for the idle timeout.
            if subscriber || written < out.len() {
                let now = clock::moment().ms;
                client.drained_ms.store(now, Relaxed);
                client.active_ms.store(now, Relaxed);
            }
        }
        if written > 0 {
            thread::with(|thread| thread.stats.bytes_out.add(written as u64));
            client.reply_bytes.store(0, Relaxed);
            out.clear();
            if out.capacity() > WRITE_BYTES {
                out.shrink_to(WRITE_BYTES);
            }
        }
        Ok(())
    }
}
