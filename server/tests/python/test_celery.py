"""Celery with its broker (lists, blocking pops, pub/sub) and results on Curfew: one worker process, groups, chains, chords.

The worker has a server of its own, as the broker's keys would be flushed by the other tests.
"""

import importlib
import os
import pathlib
import subprocess
import sys

import pytest
import redis
from conftest import PATIENCE, start, wait_until

FOLDER = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """The module of the tasks, with a worker that does them."""
    folder = tmp_path_factory.mktemp("celery")
    server, port = start(folder)
    os.environ["CURFEW_TEST_PORT"] = str(port)
    import queue_jobs

    jobs = importlib.reload(queue_jobs)
    command = [sys.executable, "-m", "celery", "-A", "queue_jobs", "worker", "--pool", "solo", "--loglevel", "WARNING"]
    with open(folder / "worker", "wb") as log:
        environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
        worker = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:

        def answers():
            assert worker.poll() is None, (folder / "worker").read_text(errors="replace")
            return jobs.app.control.ping(timeout=0.2)

        wait_until("the worker answers", answers)
        yield jobs
        worker.terminate()
        assert worker.wait(PATIENCE) == 0, (folder / "worker").read_text(errors="replace")
    finally:
        worker.kill()
        worker.wait()
        del os.environ["CURFEW_TEST_PORT"]
        jobs.app.close()
        server.terminate()
        assert server.wait(PATIENCE) == 0


@pytest.fixture
def done(jobs):
    """How often each task was done."""
    with redis.Redis(port=int(jobs.PORT), db=1, decode_responses=True) as client:
        client.delete("done")
        yield lambda: {task: int(times) for task, times in client.hgetall("done").items()}


def test_tasks(jobs, done):
    results = [jobs.celery_add.delay(number, 1) for number in range(30)]
    assert [result.get(timeout=PATIENCE) for result in results] == list(range(1, 31))
    assert done() == {result.id: 1 for result in results}
    assert all(result.successful() for result in results)
    results[0].forget()
    assert results[0].state == "PENDING"


def test_chains_groups_and_chords(jobs, done):
    from celery import chain, chord, group

    result = chain(jobs.celery_add.s(1, 2), jobs.celery_add.s(10), jobs.celery_add.s(100))()
    assert result.get(timeout=PATIENCE) == 113
    assert group(jobs.celery_add.s(number, number) for number in range(10))().get(timeout=PATIENCE) == [
        2 * number for number in range(10)
    ]
    total = chord((jobs.celery_add.s(number, 1) for number in range(10)), jobs.celery_total.s())()
    assert total.get(timeout=PATIENCE) == 55
    counts = done()
    assert len(counts) == 3 + 10 + 11 and set(counts.values()) == {1}


def test_retries_countdowns_and_errors(jobs, done):
    assert jobs.celery_flaky.delay(2).get(timeout=PATIENCE) == 3
    late = jobs.celery_add.apply_async((2, 2), countdown=0.3)
    assert late.get(timeout=PATIENCE) == 4
    with pytest.raises(ValueError, match="as it should"):
        jobs.celery_broken.delay().get(timeout=PATIENCE)
    assert sorted(done().values()) == [1, 3]


def test_control(jobs):
    """Commands to the worker go over pub/sub, its answers over lists."""
    inspect = jobs.app.control.inspect(timeout=0.5)
    (name, queues), *_ = inspect.active_queues().items()
    assert name.startswith("celery@") and [queue["name"] for queue in queues] == ["celery"]
