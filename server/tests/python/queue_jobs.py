"""What the workers of RQ and Celery do in test_rq.py and test_celery.py: each job leaves in Redis that it was done.

A module of its own, as the workers import it in processes of theirs. CURFEW_TEST_PORT is the server's port there.
"""

import os

from celery import Celery
from rq import get_current_job

PORT = os.environ.get("CURFEW_TEST_PORT", "1")


def add(a, b):
    """RQ: the sum; counted under done:<job>."""
    job = get_current_job()
    job.connection.hincrby("done", job.id, 1)
    return a + b


def fail_times(times):
    """RQ: fails so often, then tells how often it was begun."""
    job = get_current_job()
    begun = job.connection.hincrby("done", job.id, 1)
    if begun <= times:
        raise RuntimeError(f"failure {begun}")
    return begun


def results_of_dependencies():
    """RQ: the sum of what the jobs returned that this one waited for."""
    job = get_current_job()
    job.connection.hincrby("done", job.id, 1)
    return sum(dependency.return_value() for dependency in job.fetch_dependencies())


def on_success(job, connection, result):
    connection.rpush("succeeded", job.id)


def on_failure(job, connection, *_):
    connection.rpush("failed", job.id)


app = Celery("queue_jobs", broker=f"redis://127.0.0.1:{PORT}/0", backend=f"redis://127.0.0.1:{PORT}/1")
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 60},
    result_expires=600,
    task_track_started=True,
    worker_hijack_root_logger=False,
)


@app.task(bind=True, name="add")
def celery_add(self, a, b):
    self.backend.client.hincrby("done", self.request.id, 1)
    return a + b


@app.task(bind=True, name="total")
def celery_total(self, numbers):
    self.backend.client.hincrby("done", self.request.id, 1)
    return sum(numbers)


@app.task(bind=True, name="flaky", max_retries=3)
def celery_flaky(self, failures):
    begun = self.backend.client.hincrby("done", self.request.id, 1)
    if begun <= failures:
        raise self.retry(countdown=0.01)
    return begun


@app.task(name="broken")
def celery_broken():
    raise ValueError("as it should")
