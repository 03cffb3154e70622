// BullMQ at work over the server at 127.0.0.1:PORT: scripts/bullmq.sh starts both. Each scenario has a queue of its own,
// and each job says when it is done, so that a job that is lost, or done twice, is seen.
//
//   node main.js PORT ioredis|redis [SCENARIO...]

'use strict';

const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');
const { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } = require('bullmq');

const [port, driver, ...wanted] = process.argv.slice(2);
const PATIENCE = 15_000; // ms that one scenario may take; the machine may be busy
const open = []; // what the running scenario has to close, last opened first
const clients = [];

/** Options for a queue, worker, etc.: ioredis gets an address, as it is BullMQ's own; node-redis a client. */
async function options(more = {}) {
    if (driver === 'ioredis') return { connection: { host: '127.0.0.1', port: Number(port) }, ...more };
    const { createClient } = require('redis');
    const client = createClient({ socket: { host: '127.0.0.1', port: Number(port) } });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return { connection: client, ...more };
}

const watched = (thing) => {
    thing.on('error', (error) => problems.push(error));
    thing.setMaxListeners(0); // a hundred jobs are waited for at once
    open.push(thing);
    return thing;
};
const problems = [];

const queue = async (name, more) => watched(new Queue(name, await options(more)));
const events = async (name) => {
    // From the first event on: by itself it begins with what comes after its first XREAD, whenever that is.
    const made = watched(new QueueEvents(name, await options({ lastEventId: '0-0' })));
    await made.waitUntilReady();
    return made;
};
const flows = async () => watched(new FlowProducer(await options()));

/** A worker; what it does is noted in `tally` where there is one. */
async function worker(name, work, more) {
    const made = watched(new Worker(name, work, await options(more)));
    await made.waitUntilReady();
    return made;
}

/** Counts how often each job was done. */
class Tally {
    times = new Map();
    order = [];

    done(key) {
        this.times.set(key, (this.times.get(key) ?? 0) + 1);
        this.order.push(key);
    }

    /** Waits for all of them, then makes sure that each was done once and no other was. */
    async each(keys) {
        await until(`${keys.length} jobs are done`, () => this.order.length >= keys.length);
        await sleep(50); // a second time would come right behind
        const twice = [...this.times].filter(([, count]) => count !== 1);
        assert.deepEqual(twice, [], 'done more than once');
        assert.deepEqual([...this.times.keys()].sort(), [...keys].sort());
    }
}

async function until(what, condition) {
    const end = Date.now() + PATIENCE;
    for (;;) {
        const result = await condition();
        if (result) return result;
        assert.ok(Date.now() < end, `waited ${PATIENCE} ms in vain until ${what}`);
        await sleep(5);
    }
}

const numbers = (count) => Array.from({ length: count }, (_, number) => number);

const scenarios = {
    async 'workers with concurrency'() {
        const tally = new Tally();
        const jobs = await queue('plain');
        let running = 0;
        let most = 0;
        const work = async (job) => {
            most = Math.max(most, ++running);
            await sleep(job.data.n % 3);
            running--;
            tally.done(job.data.n);
            return job.data.n * 2;
        };
        for (const _ of numbers(3)) await worker('plain', work, { concurrency: 10 });
        await Promise.all([
            jobs.addBulk(numbers(600).map((n) => ({ name: 'bulk', data: { n } }))),
            ...numbers(200).map((n) => jobs.add('single', { n: 600 + n })),
        ]);
        await tally.each(numbers(800));
        assert.ok(most > 1 && most <= 30, `${most} at once`);
        await until('all are completed', async () => (await jobs.getCompletedCount()) === 800);
        const counts = await jobs.getJobCounts();
        assert.equal(counts.completed, 800);
        for (const state of ['active', 'waiting', 'delayed', 'failed', 'prioritized']) assert.equal(counts[state], 0);
        const some = await jobs.getCompleted(0, 9);
        for (const job of some) assert.equal(job.returnvalue, job.data.n * 2);
        assert.equal(some.length, 10);
    },

    async 'delayed jobs'() {
        const tally = new Tally();
        const jobs = await queue('delayed');
        const early = [];
        await worker('delayed', async (job) => {
            if (Date.now() < job.timestamp + job.data.delay) early.push(job.data);
            tally.done(job.data.n);
        });
        await jobs.addBulk(numbers(60).map((n) => ({ name: 'j', data: { n, delay: 20 * n }, opts: { delay: 20 * n } })));
        const late = await jobs.add('promoted', { n: 60, delay: 0 }, { delay: 3_600_000 });
        assert.equal(await late.getState(), 'delayed');
        await late.promote();
        const nearer = await jobs.add('moved', { n: 61, delay: 0 }, { delay: 3_600_000 });
        await nearer.changeDelay(100);
        await tally.each(numbers(62));
        assert.deepEqual(early, [], 'done before their time');
        assert.equal(await jobs.getDelayedCount(), 0);
    },

    async 'priorities and LIFO'() {
        const tally = new Tally();
        const jobs = await queue('priorities');
        await jobs.pause();
        const priorities = [5, 1, 3, 0, 2, 4, 1, 5];
        for (const [n, priority] of priorities.entries()) await jobs.add('j', { n }, priority ? { priority } : {});
        await jobs.add('first', { n: 8 }, { lifo: true });
        const changed = await jobs.add('changed', { n: 9 }, { priority: 100 });
        await changed.changePriority({ priority: 1 });
        const counts = await jobs.getCountsPerPriority([0, 1, 5]);
        assert.deepEqual([counts[0], counts[1], counts[5]], [2, 3, 2]);
        await worker('priorities', async (job) => tally.done(job.data.n), { concurrency: 1 });
        await sleep(100);
        assert.equal(tally.order.length, 0, 'it is paused');
        await jobs.resume();
        await tally.each(numbers(10));
        assert.deepEqual(tally.order, [8, 3, 1, 6, 9, 4, 2, 5, 0, 7]);
    },

    async 'retries with backoff'() {
        const jobs = await queue('retries');
        const seen = new Map();
        const busy = await worker('retries', async (job) => {
            const times = seen.get(job.data.n) ?? [];
            seen.set(job.data.n, [...times, Date.now()]);
            if (job.name === 'hopeless') throw new UnrecoverableError('give up');
            if (times.length < job.data.failures) throw new Error(`failure ${times.length}`);
        }, { concurrency: 5 });
        const failed = [];
        busy.on('failed', (job) => failed.push(job.data.n));
        await jobs.addBulk([
            ...numbers(10).map((n) => ({
                name: 'fixed',
                data: { n, failures: 2 },
                opts: { attempts: 3, backoff: { type: 'fixed', delay: 50 } },
            })),
            { name: 'growing', data: { n: 10, failures: 3 }, opts: { attempts: 4, backoff: { type: 'exponential', delay: 40 } } },
            { name: 'always', data: { n: 11, failures: 9 }, opts: { attempts: 2 } },
            { name: 'hopeless', data: { n: 12, failures: 9 }, opts: { attempts: 5 } },
        ]);
        await until('all have ended', async () => {
            const { completed, failed: lost } = await jobs.getJobCounts('completed', 'failed');
            return completed === 11 && lost === 2;
        });
        assert.deepEqual(numbers(13).map((n) => seen.get(n).length), [...Array(10).fill(3), 4, 2, 1]);
        const growing = seen.get(10);
        assert.ok(growing[1] - growing[0] >= 40 && growing[2] - growing[1] >= 80 && growing[3] - growing[2] >= 160);
        const [one, other] = await jobs.getFailed();
        assert.deepEqual([one.failedReason, other.failedReason].sort(), ['failure 1', 'give up']);
        // Retried by hand, it fails once more.
        const always = one.name === 'always' ? one : other;
        await always.retry('failed');
        await until('it failed again', async () => seen.get(11).length === 3 && (await jobs.getFailedCount()) === 2);
        assert.equal(failed.length, 10 * 2 + 3 + 2 + 1 + 1);
    },

    async 'rate limiting'() {
        const tally = new Tally();
        const jobs = await queue('limited');
        const times = [];
        const work = async (job) => {
            times.push(Date.now());
            tally.done(job.data.n);
        };
        for (const _ of numbers(2)) await worker('limited', work, { concurrency: 4, limiter: { max: 5, duration: 200 } });
        await jobs.addBulk(numbers(30).map((n) => ({ name: 'j', data: { n } })));
        await tally.each(numbers(30));
        assert.ok(times.at(-1) - times[0] >= 5 * 200 - 50, `30 jobs in ${times.at(-1) - times[0]} ms`);
        // A limit of the moment, given by the worker itself, which puts its job back.
        const once = new Tally();
        const tries = [];
        const other = await queue('limited-by-hand');
        const made = await worker('limited-by-hand', async (job) => {
            tries.push(Date.now());
            if (tries.length === 1) {
                await made.rateLimit(200);
                throw Worker.RateLimitError();
            }
            once.done(job.data.n);
        }, { limiter: { max: 1, duration: 500 } });
        await other.add('j', { n: 0 });
        await once.each([0]);
        assert.ok(tries.length === 2 && tries[1] - tries[0] >= 190, `${tries}`);
    },

    async 'flows'() {
        const tally = new Tally();
        const producer = await flows();
        const parents = await queue('flow-parents');
        const children = await queue('flow-children');
        const work = async (job) => {
            tally.done(job.data.key);
            const values = Object.values(await job.getChildrenValues());
            return values.reduce((sum, value) => sum + value, job.data.value ?? 0);
        };
        await worker('flow-parents', work, { concurrency: 4 });
        await worker('flow-children', work, { concurrency: 4 });
        const heard = await events('flow-parents');
        const child = (key) => ({ name: 'leaf', queueName: 'flow-children', data: { key, value: 1 } });
        const flow = (f) => ({
            name: 'root',
            queueName: 'flow-parents',
            data: { key: `${f}` },
            children: numbers(3).map((m) => ({
                name: 'middle',
                queueName: 'flow-parents',
                data: { key: `${f}.${m}` },
                children: numbers(5).map((c) => child(`${f}.${m}.${c}`)),
            })),
        });
        const nodes = await producer.addBulk(numbers(8).map(flow));
        nodes.push(await producer.add(flow(8)));
        const sums = await Promise.all(nodes.map((node) => node.job.waitUntilFinished(heard, PATIENCE)));
        assert.deepEqual(sums, Array(9).fill(15));
        const keys = numbers(9).flatMap((f) => [
            `${f}`,
            ...numbers(3).flatMap((m) => [`${f}.${m}`, ...numbers(5).map((c) => `${f}.${m}.${c}`)]),
        ]);
        await tally.each(keys);
        assert.equal(await parents.getCompletedCount(), 9 * 4);
        assert.equal(await children.getCompletedCount(), 9 * 15);
        const tree = await producer.getFlow({ id: nodes[0].job.id, queueName: 'flow-parents' });
        assert.equal(tree.children.length, 3);
        assert.ok(tree.children.every((middle) => middle.children.length === 5));
    },

    async 'flows that fail'() {
        const producer = await flows();
        const parents = await queue('failing-parents');
        await worker('failing-parents', async (job) => {
            const ignored = await job.getIgnoredChildrenFailures();
            return { ignored: Object.values(ignored) };
        });
        await worker('failing-children', async (job) => {
            if (job.name === 'bad') throw new Error('bad child');
        });
        const heard = await events('failing-parents');
        const tree = (option) => ({
            name: 'root',
            queueName: 'failing-parents',
            children: [
                { name: 'good', queueName: 'failing-children' },
                { name: 'bad', queueName: 'failing-children', opts: { [option]: true } },
            ],
        });
        const fails = await producer.add(tree('failParentOnFailure'));
        await assert.rejects(fails.job.waitUntilFinished(heard, PATIENCE), /failed/);
        const ignores = await producer.add(tree('ignoreDependencyOnFailure'));
        assert.deepEqual(await ignores.job.waitUntilFinished(heard, PATIENCE), { ignored: ['bad child'] });
        const removes = await producer.add(tree('removeDependencyOnFailure'));
        assert.deepEqual(await removes.job.waitUntilFinished(heard, PATIENCE), { ignored: [] });
        const counts = await parents.getJobCounts('completed', 'failed', 'waiting-children');
        assert.deepEqual([counts.completed, counts.failed, counts['waiting-children']], [2, 1, 0]);
    },

    async 'events'() {
        const jobs = await queue('heard');
        const heard = await events('heard');
        const seen = { added: [], waiting: [], active: [], progress: [], completed: [], failed: [] };
        for (const [name, list] of Object.entries(seen)) heard.on(name, (event) => list.push(event.jobId));
        let drained = 0;
        heard.on('drained', () => drained++);
        await worker('heard', async (job) => {
            await job.updateProgress({ half: job.data.n });
            await job.log('half of it');
            await job.log('all of it');
            if (job.data.n % 10 === 9) throw new Error('one in ten');
            return job.data.n + 1;
        }, { concurrency: 5 });
        const made = await jobs.addBulk(numbers(100).map((n) => ({ name: 'j', data: { n } })));
        const ends = await Promise.allSettled(made.map((job) => job.waitUntilFinished(heard, PATIENCE)));
        for (const [n, end] of ends.entries()) {
            if (n % 10 === 9) assert.match(end.reason.message, /one in ten/);
            else assert.equal(end.value, n + 1);
        }
        await until('all events have come', () => seen.completed.length === 90 && seen.failed.length === 10);
        const ids = made.map((job) => job.id).sort();
        for (const name of ['added', 'waiting', 'active', 'progress']) assert.deepEqual(seen[name].toSorted(), ids, name);
        assert.deepEqual([...seen.completed, ...seen.failed].sort(), ids);
        await until('it is drained', () => drained >= 1);
        assert.deepEqual((await jobs.getJobLogs(made[0].id)).logs, ['half of it', 'all of it']);
        await jobs.trimEvents(10);
    },

    async 'pause and resume'() {
        const tally = new Tally();
        const jobs = await queue('paused');
        const made = await worker('paused', async (job) => tally.done(job.data.n), { concurrency: 3 });
        const heard = await events('paused');
        const changes = [];
        heard.on('paused', () => changes.push('paused'));
        heard.on('resumed', () => changes.push('resumed'));
        await jobs.add('j', { n: 0 });
        await until('the first is done', () => tally.order.length === 1);
        await jobs.pause();
        assert.equal(await jobs.isPaused(), true);
        await jobs.addBulk(numbers(20).map((n) => ({ name: 'j', data: { n: n + 1 } })));
        await sleep(150);
        assert.equal(tally.order.length, 1, 'a paused queue did a job');
        await jobs.resume();
        await tally.each(numbers(21));
        await until('both were heard', () => changes.join() === 'paused,resumed');
        // A worker by itself.
        await made.pause();
        await jobs.add('j', { n: 21 });
        await sleep(150);
        assert.equal(tally.order.length, 21, 'a paused worker did a job');
        made.resume();
        await tally.each(numbers(22));
    },

    async 'removal and cleaning'() {
        const tally = new Tally();
        const jobs = await queue('cleaned');
        await jobs.pause();
        const made = await jobs.addBulk(numbers(30).map((n) => ({ name: 'j', data: { n } })));
        const delayed = await jobs.addBulk(numbers(10).map((n) => ({ name: 'd', data: { n }, opts: { delay: 3_600_000 } })));
        for (const job of made.slice(0, 10)) await job.remove();
        assert.equal(await jobs.remove(delayed[0].id), 1);
        assert.equal(await jobs.getJob(made[0].id), undefined);
        assert.equal((await jobs.clean(0, 4, 'delayed')).length, 4);
        assert.equal(await jobs.getDelayedCount(), 5);
        await worker('cleaned', async (job) => {
            tally.done(job.data.n);
            if (job.data.n >= 25) throw new Error('for the list of the failed');
        });
        await jobs.resume();
        await tally.each(numbers(30).slice(10));
        await until('all have ended', async () => (await jobs.getFailedCount()) === 5 && (await jobs.getCompletedCount()) === 15);
        assert.equal((await jobs.clean(0, 10, 'completed')).length, 10);
        assert.equal((await jobs.clean(0, 0, 'failed')).length, 5);
        assert.equal(await jobs.getCompletedCount(), 5);
        await jobs.drain(true);
        assert.equal(await jobs.getDelayedCount(), 0);
        await jobs.pause();
        await jobs.obliterate({ force: true });
        const counts = await jobs.getJobCounts();
        assert.ok(Object.values(counts).every((count) => count === 0), JSON.stringify(counts));
        // Kept by number.
        const few = await queue('kept', { defaultJobOptions: { removeOnComplete: 3 } });
        const kept = new Tally();
        await worker('kept', async (job) => kept.done(job.data.n));
        await few.addBulk(numbers(20).map((n) => ({ name: 'j', data: { n } })));
        await kept.each(numbers(20));
        await until('three are kept', async () => (await few.getCompletedCount()) === 3);
    },

    async 'job schedulers'() {
        const seen = { every: [], pattern: [], removed: [] };
        const jobs = await queue('repeated');
        await worker('repeated', async (job) => seen[job.name].push(job.id), { concurrency: 3 });
        await jobs.upsertJobScheduler('every', { every: 150, limit: 6 }, { name: 'every', data: {} });
        await jobs.upsertJobScheduler('pattern', { pattern: '* * * * * *', limit: 2 }, { name: 'pattern', data: {} });
        await jobs.upsertJobScheduler('removed', { every: 200 }, { name: 'removed', data: {} });
        assert.equal(await jobs.getJobSchedulersCount(), 3);
        await until('it came twice', () => seen.removed.length >= 2);
        assert.equal(await jobs.removeJobScheduler('removed'), true);
        const removed = seen.removed.length;
        await until('all came', () => seen.every.length >= 6 && seen.pattern.length >= 2);
        await sleep(400); // there would be one more of each
        assert.deepEqual([seen.every.length, seen.pattern.length], [6, 2]);
        assert.ok(seen.removed.length <= removed + 1, 'it comes although it is removed');
        const ids = Object.values(seen).flat();
        assert.equal(new Set(ids).size, ids.length, 'done twice');
    },

    async 'deduplication and own ids'() {
        const tally = new Tally();
        const jobs = await queue('unique');
        const heard = await events('unique');
        let duplicates = 0;
        heard.on('duplicated', () => duplicates++);
        heard.on('deduplicated', () => duplicates++);
        await jobs.pause();
        for (const _ of numbers(5)) {
            await jobs.add('j', { n: 0 }, { jobId: 'mine' });
            await jobs.add('j', { n: 1 }, { deduplication: { id: 'simple' } });
            await jobs.add('j', { n: 2 }, { deduplication: { id: 'timed', ttl: 60_000 } });
        }
        await until('all were heard', () => duplicates === 12);
        await worker('unique', async (job) => tally.done(job.data.n));
        await jobs.resume();
        await tally.each([0, 1, 2]);
        await until('the simple one is free again', async () => {
            await jobs.add('j', { n: 1 }, { deduplication: { id: 'simple' } });
            return tally.times.get(1) === 2;
        });
    },

    async 'a worker that is lost'() {
        const jobs = await queue('stalled');
        const heard = await events('stalled');
        const stalled = [];
        heard.on('stalled', (event) => stalled.push(event.jobId));
        const begun = [];
        const quick = { lockDuration: 400, stalledInterval: 200 };
        // It neither ends its jobs nor renews their locks, as if its process had died.
        const lost = await worker('stalled', (job) => {
            begun.push(job.data.n);
            return begun.length <= 5 ? new Promise(() => {}) : undefined;
        }, { ...quick, concurrency: 5, skipLockRenewal: true, skipStalledCheck: true });
        const made = await jobs.addBulk(numbers(5).map((n) => ({ name: 'j', data: { n } })));
        await until('all are begun', () => begun.length === 5);
        await lost.close(true);
        const tally = new Tally();
        await worker('stalled', async (job) => tally.done(job.data.n), quick);
        await tally.each(numbers(5));
        await until('all were heard', () => stalled.length === 5);
        assert.deepEqual(stalled.sort(), made.map((job) => job.id).sort());
    },

    async 'global concurrency'() {
        const tally = new Tally();
        const jobs = await queue('global');
        await jobs.setGlobalConcurrency(2);
        let running = 0;
        let most = 0;
        const work = async (job) => {
            most = Math.max(most, ++running);
            await sleep(5);
            running--;
            tally.done(job.data.n);
        };
        for (const _ of numbers(3)) await worker('global', work, { concurrency: 5 });
        await jobs.addBulk(numbers(60).map((n) => ({ name: 'j', data: { n } })));
        await tally.each(numbers(60));
        assert.ok(most <= 2, `${most} at once`);
    },

    async 'large and strange data'() {
        const jobs = await queue('data');
        const heard = await events('data');
        await worker('data', async (job) => job.data);
        const values = [
            { text: 'x'.repeat(1_000_000) },
            { text: 'ünïcödé \u0000 \r\n "quoted" 🚀', list: [1, 2.5, -0, null, true, [[]]], map: {} },
            numbers(10_000),
        ];
        for (const value of values) {
            const job = await jobs.add('j', value);
            const back = await job.waitUntilFinished(heard, PATIENCE);
            assert.equal(JSON.stringify(back), JSON.stringify(value));
            await job.updateData({ seen: true });
            assert.deepEqual((await jobs.getJob(job.id)).data, { seen: true });
        }
    },
};

async function main() {
    let failures = 0;
    for (const [name, scenario] of Object.entries(scenarios)) {
        if (wanted.length && !wanted.some((part) => name.includes(part))) continue;
        const start = Date.now();
        let failure = await scenario().then(() => null, (error) => error);
        while (open.length) await Promise.race([open.pop().close().catch(() => {}), sleep(2_000)]);
        for (const client of clients.splice(0)) client.destroy?.call(client);
        if (!failure && problems.length) failure = problems[0];
        problems.length = 0;
        console.log(`${failure ? 'FAILED' : 'ok'}  ${driver}: ${name} (${Date.now() - start} ms)`);
        if (failure) {
            failures++;
            console.log(failure.stack ?? failure);
        }
    }
    process.exit(failures ? 1 : 0);
}

process.on('unhandledRejection', (error) => problems.push(error));
main();
