"""MULTI, WATCH with retries, locks, and one deadline for what belongs together."""

import threading

import pytest
import redis
from redis.lock import Lock

from conftest import PATIENCE, wait_until


def in_threads(count, work):
    """Runs work(0) ... work(count - 1) at once and raises what any of them raised."""
    failures = []

    def guarded(number):
        try:
            work(number)
        except BaseException as failure:  # also of assertions, which are for the main thread
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 3)
        assert not thread.is_alive(), "a thread hangs"
    for failure in failures:
        raise failure


def test_transactions_are_all_or_nothing(client):
    with client.pipeline(transaction=True) as pipeline:
        pipeline.set("a", 1).incr("a").mget("a", "b")
        assert pipeline.execute() == [True, 2, ["2", None]]
        pipeline.set("a", 5).execute_command("GET")
        with pytest.raises(redis.ResponseError):
            pipeline.execute()
    assert client.get("a") == "2"


def test_watch(client, connect):
    client.set("key", 1)
    with client.pipeline() as pipeline:
        pipeline.watch("key")
        assert pipeline.get("key") == "1"
        connect().set("key", 2)
        pipeline.multi()
        pipeline.set("key", 3)
        with pytest.raises(redis.WatchError):
            pipeline.execute()
    assert client.get("key") == "2"


def test_watch_with_retries_loses_nothing(client, connect):
    def work(_):
        mine = connect()
        for _ in range(50):
            def step(pipeline):
                value = int(pipeline.get("left") or 0)
                pipeline.multi()
                pipeline.set("left", value + 1)
                pipeline.set("right", value + 1)

            mine.transaction(step, "left", "right")

    in_threads(4, work)
    assert client.mget("left", "right") == ["200", "200"]


def test_one_transaction_one_deadline(client):
    with client.pipeline(transaction=True) as pipeline:
        for number in range(100):
            pipeline.set(f"part:{number}", "v", ex=100)
        pipeline.set("long", "v")
        pipeline.pexpire("long", 100_000)
        pipeline.execute()
    keys = [f"part:{number}" for number in range(100)] + ["long"]
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.pexpiretime(key)
    assert len(set(pipeline.execute())) == 1


def test_keys_of_one_deadline_go_together(client, connect):
    """An observer sees all of them or none, on whichever shards they are."""
    keys = [f"part:{number}" for number in range(20)]
    observer = connect()
    for _ in range(20):
        with client.pipeline(transaction=True) as pipeline:
            for key in keys:
                pipeline.set(key, "v", px=10)
            pipeline.execute()

        def gone():
            count = observer.exists(*keys)
            assert count in (0, len(keys)), f"{count} of {len(keys)} keys of one deadline"
            return count == 0

        wait_until("they are gone", gone)


def test_locks(client, connect):
    lock = client.lock("lock", timeout=10)
    assert isinstance(lock, Lock)
    assert lock.acquire(blocking=False)
    other = connect().lock("lock", timeout=10)
    assert not other.acquire(blocking=False)
    assert lock.locked() and lock.owned() and not other.owned()
    assert lock.extend(20) and 10_000 < client.pttl("lock") <= 30_000
    assert lock.reacquire() and client.pttl("lock") <= 10_000
    lock.release()
    assert other.acquire(blocking=False)
    with pytest.raises(redis.exceptions.LockError):
        lock.release()
    other.release()


def test_a_lock_that_times_out_is_free(client, connect):
    lost = client.lock("lock", timeout=0.05)
    assert lost.acquire(blocking=False)
    assert connect().lock("lock", timeout=10, sleep=0.005).acquire(blocking=True, blocking_timeout=PATIENCE)
    with pytest.raises(redis.exceptions.LockNotOwnedError):
        lost.release()


def test_locks_exclude(client, connect):
    inside = []

    def work(_):
        mine = connect()
        for _ in range(10):
            with mine.lock("lock", timeout=PATIENCE, sleep=0.001):
                inside.append(1)
                assert len(inside) == 1
                mine.incr("count")
                inside.pop()

    in_threads(4, work)
    assert client.get("count") == "40"
