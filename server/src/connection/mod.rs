//! One connection: reads requests, has them executed in the order sent, writes the replies.
//!
//! The life of a wake-up: read what has come; parse all of it; take consecutive data commands for one shard as one run,
//! enter the shard and execute them there (or leave the batch in the shard's inbox and await it); execute everything else
//! one by one; write all replies with one call. Replies that a client does not read stop the reading, not the server.

pub mod gate;

use crate::clients::client::{Client, OutputLimit, signal};
use crate::config::Config;
use crate::exec::call;
use crate::request::route::{ShardSet, Target};
use crate::request::table::{Command, Run};
use crate::session::batch::Batch;
use crate::session::{Ctx, ReplyMode, Session};
use crate::shards::cell::Turn;
use crate::shards::hold;
use crate::shards::hold::Shards;
use crate::shared::Shared;
use crate::system::{clock, coroutine};
use crate::units::{blocked, evict, trigger};
use crate::{keeper, script, thread};
use curfew_protocol::request::Limits;
use curfew_protocol::spec::BLOCKING;
use curfew_protocol::{Args, Error, args};
use curfew_shard::wait::Waiter;
use curfew_shard::{Unit, class};
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
    let mut connection = Connection { shared, stream, client: client.clone(), batch: None };
    let batch = Box::new(Batch::new(Session::new(client.clone(), authenticated)));
    connection.batch = Some(batch);
    connection.run().await;
    let dropped = client.close();
    if client.passed_limit.load(Relaxed) {
        shared.stats.output_limit_kills.fetch_add(1, Relaxed);
        shared.stats.messages_dropped.fetch_add(dropped, Relaxed);
    }
    if let Some(mut batch) = connection.batch.take() {
        shared.pubsub.leave(&client, &mut batch.session.subscriptions);
        gate::unwatch(shared, &mut batch.session).await;
    }
    shared.clients.remove(client.id);
    shared.stats.threads[client.thread].connections.fetch_sub(1, Relaxed);
}

/// One connection. `blocked.rs` has what it does while its client waits for keys.
pub struct Connection<S> {
    /// The shared state.
    pub shared: &'static Shared,
    stream: S,
    /// What others see of it.
    pub client: Arc<Client>,
    /// None only while another thread executes it.
    pub batch: Option<Box<Batch>>,
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
                let Some(batch) = &mut self.batch else { return };
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
        let Some(batch) = &mut self.batch else { return Woken::Read(Ok(0)) };
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
    async fn process(&mut self) -> Result<(), ()> {
        let config = thread::with(|thread| thread.config());
        loop {
            let Some(batch) = &mut self.batch else { return Err(()) };
            let limits =
                Limits { bulk_max: config.proto_max_bulk_len as usize, unauthenticated: !batch.session.authenticated };
            if let Err(error) = batch.parse(limits, self.shared.shards.len()) {
                let error = Error::made(format!("ERR Protocol error: {error}"));
                thread::with(|thread| thread.stats.error(&error));
                batch.buffers.out.error(&error);
                return Err(());
            }
            if batch.pending().is_empty() {
                batch.compact();
                return self.check_input(&config);
            }
            self.client.active_ms.store(clock::moment().ms, Relaxed);
            while self.batch.as_ref().is_some_and(|batch| !batch.pending().is_empty()) {
                self.step().await?;
                if self.batch.as_ref().is_some_and(|batch| batch.buffers.out.len() >= WRITE_BYTES) {
                    self.relieve(&config).await?;
                }
                if self.client.signals() & signal::KILL != 0 {
                    return Err(());
                }
            }
            let Some(batch) = &mut self.batch else { return Err(()) };
            batch.compact();
        }
    }

    /// Cuts off a client that has sent too much which cannot be executed yet.
    pub fn check_input(&self, config: &Config) -> Result<(), ()> {
        let bytes = self.batch.as_ref().map_or(0, |batch| batch.buffers.input.len());
        if bytes as u64 > config.client_query_buffer_limit {
            self.shared.stats.query_limit_kills.fetch_add(1, Relaxed);
            tracing::warn!(client = self.client.id, "client closed: query buffer limit reached");
            return Err(());
        }
        Ok(())
    }

    /// Executes the next run of data commands for one shard, or the next command.
    async fn step(&mut self) -> Result<(), ()> {
        let Some(batch) = &mut self.batch else { return Err(()) };
        let resp = batch.buffers.out.resp;
        if let Target::Shard(shard) = batch.pending()[0].target
            && batch.session.is_plain(resp)
            && !gate::is_closed(self.shared)
        {
            let same = |request: &&crate::session::batch::Parsed| request.target == Target::Shard(shard);
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
                let may_enter = |request: &&crate::session::batch::Parsed| {
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
        let Some(batch) = &mut self.batch else { return false };
        let data = |request: &&crate::session::batch::Parsed| {
            request.command.as_ref().is_ok_and(|command| matches!(command.run, Run::Data(_)))
        };
        let count = batch.pending().iter().take_while(data).count();
        let resp = batch.buffers.out.resp;
        if count == 0 || !batch.session.is_plain_in_multi(resp) || gate::is_closed(self.shared) {
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
    async fn enter(&mut self, shard: u16, count: usize) -> Result<(), ()> {
        let shared = self.shared;
        if trigger::exist(shared) {
            return self.enter_apart(shard, count).await;
        }
        let cell = &shared.shards[usize::from(shard)];
        let Some(batch) = &mut self.batch else { return Err(()) };
        if let Some(mut guard) = cell.try_enter() {
            let now_ms = thread::with(|thread| call::run(thread, &mut guard, batch, count));
            drop(guard);
            batch.advance(count);
            keeper::tend(shared, self.client.thread, now_ms);
            return Ok(());
        }
        let Some(mut batch) = self.batch.take() else { return Err(()) };
        let (give_back, returned) = oneshot::channel();
        cell.leave(Box::new(move |turn| {
            match turn {
                Turn::Shard(inside) => {
                    thread::with(|thread| call::run(thread, inside, &mut batch, count));
                }
                Turn::Busy => {
                    let error = shared.scripts.busy_error(ShardSet::one(shard.into()));
                    (0..count).for_each(|_| batch.buffers.out.error(&error));
                }
            }
            batch.advance(count);
            // If the connection has gone, so has the need for its batch.
            let _ = give_back.send(batch);
        }));
        self.batch = returned.await.ok();
        Ok(())
    }

    /// The same while there are triggers, which may take long: always here, on a stack that can be left.
    async fn enter_apart(&mut self, shard: u16, count: usize) -> Result<(), ()> {
        let shared = self.shared;
        let cell = &shared.shards[usize::from(shard)];
        // Once more than needed and it goes on, late triggers or not: they may be thousands.
        for at_once in [false, true] {
            // Nobody has to wait for a busy script of another shard because of it.
            let _ = keeper::together(shared, cell).await;
            let acquired = cell.acquire().await;
            let Some(batch) = &mut self.batch else { return Err(()) };
            let Some(mut guard) = acquired else {
                let error = shared.scripts.busy_error(ShardSet::one(shard.into()));
                (0..count).for_each(|_| batch.buffers.out.error(&error));
                batch.advance(count);
                return Ok(());
            };
            let run = || thread::with(|thread| call::run_apart(thread, &mut guard, batch, count, at_once));
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
    async fn single(&mut self) -> Result<(), ()> {
        let Some(batch) = &mut self.batch else { return Err(()) };
        // What was sent before this command takes effect arrives before its reply.
        if self.client.signals() & signal::MESSAGES != 0 {
            self.client.take_messages(&mut batch.buffers.out);
        }
        let mark = batch.buffers.out.len();
        batch.session.reply_at = mark;
        let command = match &batch.pending()[0].command {
            Ok(command) => *command,
            Err(error) => {
                let error = (**error).clone();
                if args::is(batch.request(0).1.at(0), "exec") {
                    return self.abort(mark, &error).await;
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
        let Some(batch) = &mut self.batch else { return Err(()) };
        if let Err(error) = gate::check(&batch.session, batch.buffers.out.resp, self.shared, command) {
            gate::refused(&mut batch.session, Some(command));
            if command.spec.name == "exec" {
                return self.abort(mark, &error).await;
            }
            thread::with(|thread| thread.stats.error(&error));
            batch.buffers.out.error(&error);
            return self.finish(mark);
        }
        if !gate::pass(self.shared, &batch.session, command).await {
            return Err(());
        }
        let Some(batch) = &mut self.batch else { return Err(()) };
        let batch = &mut **batch;
        if batch.session.transaction.is_some() && gate::is_queued(command) {
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
        let Some((_, args)) = run.iter().next() else { return Err(()) };
        match command.run {
            Run::Inline(handler) => thread::with(|thread| {
                let start = thread.ticks();
                let mut ctx = Ctx { thread, session, out, now: clock::moment(), command };
                if let Err(error) = handler(&mut ctx, args) {
                    ctx.out.truncate(mark);
                    call::fail(&mut ctx, &error);
                    thread.stats.commands[command.id].failed.add(1);
                }
                thread.stats.executed(command.id, 1, thread.nanos(start, thread.ticks()));
            }),
            _ => {
                if let Some(waiter) = held(self.shared, command, args, out, session).await {
                    return self.blocked(&waiter).await;
                }
            }
        }
        self.finish(mark)
    }

    /// EXEC itself was refused: that ends the transaction.
    async fn abort(&mut self, mark: usize, reason: &Error) -> Result<(), ()> {
        let Some(batch) = &mut self.batch else { return Err(()) };
        let error = gate::aborted(reason);
        thread::with(|thread| thread.stats.error(&error));
        batch.buffers.out.error(&error);
        batch.session.transaction = None;
        self.client.multi.store(-1, Relaxed);
        gate::unwatch(self.shared, &mut batch.session).await;
        self.finish(mark)
    }

    /// After a single command: CLIENT REPLY, QUIT, and messages that came for the client meanwhile.
    fn finish(&mut self, mark: usize) -> Result<(), ()> {
        let Some(batch) = &mut self.batch else { return Err(()) };
        batch.advance(1);
        self.replied(mark)
    }

    /// The rest of [`Self::finish`], for a command whose request is behind us.
    pub fn replied(&mut self, mark: usize) -> Result<(), ()> {
        let Some(batch) = &mut self.batch else { return Err(()) };
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
        if session.closing { Err(()) } else { Ok(()) }
    }

    /// Writes what has gathered in the midst of a batch. A client that does not read stops its own execution there; or it
    /// is cut off, if `client-output-buffer-limit` says so: then the replies gather up to the limit, as in Redis.
    async fn relieve(&mut self, config: &Config) -> Result<(), ()> {
        let Some(batch) = &mut self.batch else { return Err(()) };
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
                    Poll::Ready(_) => return Poll::Ready(Err(())),
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
            false => Err(()),
        }
    }

    /// Writes all replies. Waits for a slow client without reading more from it, and gives up when it is killed.
    pub async fn flush(&mut self) -> Result<(), ()> {
        let Some(batch) = &mut self.batch else { return Err(()) };
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
                None | Some(0) => return Err(()),
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

/// Executes a command that needs a hold, as one unit. Answers who waits, if there is nothing for the command yet.
async fn held(
    shared: &'static Shared,
    command: &'static Command,
    args: Args<'_>,
    out: &mut curfew_protocol::Reply,
    session: &mut Session,
) -> Option<Arc<Waiter>> {
    let mark = out.len();
    let may_be_long = script::may_run(command, session) || trigger::exist(shared);
    let mut with_all = false;
    loop {
        let set = match with_all {
            true => ShardSet::all(shared.shards.len()),
            false => gate::reach(shared, command, args, session),
        };
        let mut hold = match hold::acquire(shared, set).await {
            Ok(hold) => hold,
            Err(error) => {
                thread::with(|thread| thread.stats.error(&error));
                out.truncate(mark);
                out.error(&error);
                return None;
            }
        };
        let mut body = || unit(shared, command, args, out, session, &mut hold, mark);
        // A script or a trigger may take long: it runs on a stack that can be left, so that others have their turns.
        match if may_be_long { coroutine::run(body).await } else { body() } {
            Executed::Done => return None,
            Executed::Waits(waiter) => return Some(waiter),
            Executed::Again => out.truncate(mark),
            Executed::WithAll => with_all = true,
        }
    }
}

/// What came of an execution.
enum Executed {
    /// It is answered.
    Done,
    /// It has to be done again, with another hold.
    Again,
    /// It has not begun, and is to be done with all shards held.
    WithAll,
    /// There is nothing for it yet.
    Waits(Arc<Waiter>),
}

/// Executes a command on the shards held.
fn unit(
    shared: &'static Shared,
    command: &'static Command,
    args: Args<'_>,
    out: &mut curfew_protocol::Reply,
    session: &mut Session,
    hold: &mut hold::Hold<'static>,
    mark: usize,
) -> Executed {
    // Let go of at the very end: who lets go of a shard may have to run something on it.
    let mut extra = Vec::new();
    let own = session.client.thread;
    let (executed, ended_ms) = thread::with(|thread| {
        let settings = thread.settings();
        let now = clock::moment();
        // Its own for the time of the unit: should a script be suspended, the thread's other units need one too.
        let mut sink = thread.sink.take();
        let changes = sink.changes;
        if keeper::has_due(shared, &mut Shards::Hold(hold), now) {
            if hold.len() < shared.shards.len() && trigger::are_wide(shared, class::EXPIRED) {
                thread.sink.replace(sink);
                return (Executed::WithAll, now.ms);
            }
            keeper::clear_due(thread, &mut Shards::Hold(hold), &mut sink, now);
        }
        let mut unit = Unit::new(hold.held(), &mut sink, now, session.db, &settings);
        // Not in EXEC and not in scripts, which are commands of the server's own.
        unit.may_wait = matches!(command.run, Run::Data(_)) && command.is(BLOCKING);
        let mut ctx = Ctx { thread, session, out, now, command };
        let outcome = call::try_within(&mut ctx, &mut unit, args);
        if let Err(error) = &outcome
            && !gate::is_retry(error)
        {
            ctx.out.truncate(mark);
            call::fail(&mut ctx, error);
        }
        let wait = unit.sink().wait.take();
        let waiter = wait.map(|wait| blocked::enter(thread, &mut unit, ctx.session, ctx.out.resp, command, wait));
        if !unit.sink().is_empty() {
            shared.settle(&mut unit, now.ms);
        }
        drop(unit);
        drop(std::mem::take(&mut sink.widened));
        if !sink.called.is_empty() {
            blocked::serve_called(thread, hold.shards_mut().collect(), &mut sink, now, &mut extra);
        }
        // The unit may have taken long, and nothing expires in the middle of one: what has come due meanwhile goes next.
        let ended = clock::moment();
        let steps = keeper::steps_for(hold.len());
        for shard in hold.shards_mut().filter(|shard| shared.shards[usize::from(shard.index())].is_due(ended.ms)) {
            keeper::catch_up(thread, shard, &mut sink, ended, steps);
            sink.widened.clear();
        }
        thread.stats.changes.add(sink.changes - changes);
        // Triggers of those who were served may have taken more shards.
        let widened = std::mem::take(&mut sink.widened);
        thread.sink.replace(sink);
        drop(widened);
        shared.publish_if_limited(hold.shards());
        let executed = match waiter {
            _ if outcome.as_ref().is_err_and(gate::is_retry) => Executed::Again,
            Some(waiter) => Executed::Waits(waiter),
            None => Executed::Done,
        };
        (executed, ended.ms)
    });
    keeper::tend(shared, own, ended_ms);
    executed
}
