"""RQ: queues, workers, retries, dependencies, schedules and results, every job done exactly as often as it should be."""

import datetime
import os
import pathlib
import subprocess
import sys

import pytest
import redis
from conftest import PATIENCE, wait_until
from rq import Queue, RateLimit, Repeat, Retry, SimpleWorker
from rq.command import send_shutdown_command
from rq.exceptions import DuplicateJobError
from rq.group import Group
from rq.job import Callback, Dependency, JobStatus
from rq.registry import DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry
from rq.scheduler import RQScheduler
from rq.worker import Worker

import queue_jobs


@pytest.fixture
def raw(client, connect):
    """RQ keeps pickled values, so it wants bytes."""
    return connect(decode_responses=False)


@pytest.fixture
def queue(raw):
    return Queue("jobs", connection=raw)


class Hand(SimpleWorker):
    """Takes no commands over pub/sub, as it would wait for a second to leave the channel; worker processes do, below."""

    def subscribe(self):
        pass


def work(*queues):
    """Does all that is there, in this process."""
    Hand(queues, connection=queues[0].connection).work(burst=True, logging_level="ERROR")


def done(raw):
    return {job.decode(): int(times) for job, times in raw.hgetall("done").items()}


def enqueue_what_is_due(queue):
    """What the scheduler's process does once in a second."""
    scheduler = RQScheduler([queue], connection=queue.connection)
    scheduler.acquire_locks()
    scheduler.prepare_registries()
    scheduler.enqueue_scheduled_jobs()
    scheduler.release_locks()


def test_jobs_and_results(raw, queue):
    jobs = [queue.enqueue(queue_jobs.add, number, 1) for number in range(20)]
    jobs += queue.enqueue_many([Queue.prepare_data(queue_jobs.add, (number, 1)) for number in range(20, 40)])
    assert len(queue) == 40 and queue.get_job_position(jobs[3]) == 3
    work(queue)
    assert queue.is_empty()
    assert [job.return_value(refresh=True) for job in jobs] == list(range(1, 41))
    assert done(raw) == {job.id: 1 for job in jobs}
    assert all(job.get_status() == JobStatus.FINISHED for job in jobs)
    assert sorted(FinishedJobRegistry(queue=queue).get_job_ids()) == sorted(job.id for job in jobs)
    assert jobs[0].latest_result().return_value == 1 and 0 < raw.ttl(jobs[0].key) <= 500


def test_front_unique_and_cancelled(raw, queue):
    first = queue.enqueue(queue_jobs.add, 1, 1, job_id="first", unique=True)
    with pytest.raises(DuplicateJobError):
        queue.enqueue(queue_jobs.add, 1, 1, job_id="first", unique=True)
    urgent = queue.enqueue(queue_jobs.add, 2, 2, at_front=True)
    unwanted = queue.enqueue(queue_jobs.add, 3, 3)
    unwanted.cancel()
    assert queue.get_job_ids() == [urgent.id, first.id]
    work(queue)
    assert done(raw) == {"first": 1, urgent.id: 1}
    assert unwanted.get_status() == JobStatus.CANCELED


def test_retries_failures_and_callbacks(raw, queue):
    lucky = queue.enqueue(queue_jobs.fail_times, 2, retry=Retry(max=3), on_success=Callback(queue_jobs.on_success))
    lost = queue.enqueue(queue_jobs.fail_times, 9, retry=Retry(max=2), on_failure=Callback(queue_jobs.on_failure))
    work(queue)
    assert lucky.get_status() == JobStatus.FINISHED and lucky.return_value(refresh=True) == 3
    assert done(raw) == {lucky.id: 3, lost.id: 3}
    assert raw.lrange("succeeded", 0, -1) == [lucky.id.encode()]
    assert raw.lrange("failed", 0, -1).count(lost.id.encode()) >= 1
    registry = FailedJobRegistry(queue=queue)
    assert registry.get_job_ids() == [lost.id]
    assert "failure 3" in lost.latest_result().exc_string
    registry.requeue(lost.id)
    work(queue)
    assert done(raw)[lost.id] >= 4 and lost.get_status() == JobStatus.FAILED


def test_dependencies(raw, queue):
    other = Queue("other", connection=raw)
    firsts = [queue.enqueue(queue_jobs.add, number, 0) for number in range(5)]
    second = other.enqueue(queue_jobs.results_of_dependencies, depends_on=firsts)
    third = queue.enqueue(queue_jobs.results_of_dependencies, depends_on=second)
    broken = queue.enqueue(queue_jobs.fail_times, 9)
    after_all = queue.enqueue(queue_jobs.add, 7, 7, depends_on=Dependency(broken, allow_failure=True))
    never = queue.enqueue(queue_jobs.add, 8, 8, depends_on=broken)
    assert second.id in DeferredJobRegistry(queue=other) and second.get_status() == JobStatus.DEFERRED
    work(queue, other)
    assert [second.return_value(refresh=True), third.return_value(refresh=True)] == [10, 10]
    assert after_all.return_value(refresh=True) == 14 and never.get_status() == JobStatus.DEFERRED
    ids = [job.id for job in [*firsts, second, third, broken, after_all]]
    assert done(raw) == dict.fromkeys(ids, 1)


def test_scheduled_jobs(raw, queue):
    now = datetime.datetime.now(datetime.timezone.utc)
    soon = queue.enqueue_at(now + datetime.timedelta(seconds=1), queue_jobs.add, 1, 2)
    late = queue.enqueue_in(datetime.timedelta(hours=1), queue_jobs.add, 3, 4)
    again = queue.enqueue(queue_jobs.add, 5, 6, repeat=Repeat(times=2))
    registry = ScheduledJobRegistry(queue=queue)
    assert soon in registry and late in registry and queue.get_job_ids() == [again.id]
    work(queue)
    assert done(raw) == {again.id: 3}

    def is_done():
        enqueue_what_is_due(queue)
        work(queue)
        return done(raw) == {again.id: 3, soon.id: 1}

    wait_until("the job that was due is done", is_done)
    assert registry.get_job_ids() == [late.id]
    due = (now + datetime.timedelta(seconds=1)).replace(microsecond=0)  # RQ goes by whole seconds
    assert datetime.datetime.now(datetime.timezone.utc) >= due


def test_groups_and_limits(raw, queue):
    group = Group.create(connection=raw)
    made = group.enqueue_many(queue, [Queue.prepare_data(queue_jobs.add, (number, 1)) for number in range(5)])
    assert {job.id for job in group.get_jobs()} == {job.id for job in made}
    limited = [queue.enqueue(queue_jobs.add, number, 1, rate_limit=RateLimit("key", 2)) for number in range(6)]
    assert len(queue) == 5 + 2, "only two of those with the key may be in the queue"
    work(queue)
    assert done(raw) == {job.id: 1 for job in [*made, *limited]}


def test_worker_processes(server):
    """Two workers, one over RESP2 and one over RESP3, that fork for each job and wait in blocking pops until there is one."""
    folder = str(pathlib.Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": folder}
    raw = redis.Redis(port=server)
    raw.flushall()
    queue = Queue("jobs", connection=raw)
    workers = []
    try:
        for protocol in 2, 3:
            url = f"redis://127.0.0.1:{server}/0?protocol={protocol}"
            command = [sys.executable, "-m", "rq.cli", "worker", "--url", url, "--quiet", "jobs"]
            workers.append(subprocess.Popen(command, cwd=folder, env=environment))
        wait_until("both workers are there", lambda: len(Worker.all(connection=raw)) == 2)
        jobs = [queue.enqueue(queue_jobs.add, number, 1) for number in range(8)]
        results = [wait_until("it is done", lambda: job.return_value(refresh=True)) for job in jobs]
        assert results == list(range(1, 9)) and done(raw) == {job.id: 1 for job in jobs}
        for known in Worker.all(connection=raw):
            send_shutdown_command(raw, known.name)  # over pub/sub
        assert [worker.wait(PATIENCE) for worker in workers] == [0, 0]
        assert Worker.all(connection=raw) == []
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
        raw.close()
