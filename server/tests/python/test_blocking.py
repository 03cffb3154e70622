"""Blocking pops from threads, and streams with consumer groups."""

import threading

import pytest
import redis

from conftest import PATIENCE, wait_until
from test_transactions import in_threads


def blocked(client, count):
    """Waits until so many clients wait for keys."""
    wait_until(f"{count} clients are blocked", lambda: client.info("clients")["blocked_clients"] == count)


def test_producers_and_consumers(client, connect):
    """Each of 400 elements is popped by exactly one of the consumers, in whichever way they pop."""
    pops = [
        lambda mine: (mine.blpop(["jobs", "more"], timeout=PATIENCE) or [None, None])[1],
        lambda mine: (mine.brpop(["more", "jobs"], timeout=PATIENCE) or [None, None])[1],
        lambda mine: mine.blmove("jobs", "seen", PATIENCE, "LEFT", "RIGHT"),
        lambda mine: ((mine.blmpop(PATIENCE, 2, "jobs", "more", direction="LEFT") or [None, [None]])[1])[0],
    ]
    got = []

    def work(number):
        mine = connect(socket_timeout=PATIENCE * 2)
        if number < len(pops):
            while (element := pops[number](mine)) != "end":
                assert element is not None, "nothing came"
                got.append(element)
        else:
            for element in range(200):
                mine.rpush("jobs", f"{number}:{element}")

    producers = range(len(pops), len(pops) + 2)

    def ends():
        wait_until("all are consumed", lambda: len(got) >= 400)
        for remaining in range(len(pops), 0, -1):
            blocked(client, remaining)
            client.rpush("jobs", "end")

    finisher = threading.Thread(target=ends)
    finisher.start()
    in_threads(len(pops) + 2, work)
    finisher.join(PATIENCE)
    assert sorted(got) == sorted(f"{number}:{element}" for number in producers for element in range(200))


def test_first_come_first_served(client, connect):
    order = []

    def wait(number):
        order.append((number, connect().bzpopmin("zset", timeout=PATIENCE)))

    threads = []
    for number in range(3):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        blocked(client, number + 1)
    client.zadd("zset", {"c": 3, "a": 1, "b": 2})
    for thread in threads:
        thread.join(PATIENCE)
    assert {number: tuple(reply) for number, reply in order} == {
        0: ("zset", "a", 1.0),
        1: ("zset", "b", 2.0),
        2: ("zset", "c", 3.0),
    }


def test_timeouts_and_unblocking(client, connect):
    assert client.blpop(["none"], timeout=0.05) is None
    assert client.bzpopmax(["none"], timeout=0.05) is None
    assert client.blmove("none", "other", 0.05) is None
    mine = connect()
    number = mine.client_id()
    failures = []

    def wait():
        try:
            mine.blpop(["none"], timeout=PATIENCE)
        except redis.ResponseError as error:
            failures.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    blocked(client, 1)
    assert client.client_unblock(number, error=True)
    thread.join(PATIENCE)
    assert failures == ["UNBLOCKED client unblocked via CLIENT UNBLOCK"]


def pairs(reply):
    """The entries of one stream in the reply of XREAD, which redis-py gives as a list or as a map."""
    entries = reply["stream"] if isinstance(reply, dict) else reply[0][1]
    return entries[0] if entries and isinstance(entries[0], list) else entries


def test_streams(client):
    ids = [client.xadd("stream", {"n": number, "text": "v"}) for number in range(10)]
    assert client.xlen("stream") == 10
    assert [(key, fields["n"]) for key, fields in client.xrange("stream", min=ids[3], count=2)] == [
        (ids[3], "3"),
        (ids[4], "4"),
    ]
    assert [key for key, _ in client.xrevrange("stream", count=1)] == [ids[9]]
    assert [key for key, _ in pairs(client.xread({"stream": ids[7]}))] == ids[8:]
    assert client.xdel("stream", ids[0]) == 1 and client.xtrim("stream", maxlen=5, approximate=False) == 4
    info = client.xinfo_stream("stream")
    assert info["length"] == 5 and info["entries-added"] == 10 and info["last-generated-id"] == ids[9]
    assert client.xadd("stream", {"n": 10}, maxlen=3, approximate=False) and client.xlen("stream") == 3


def test_consumer_groups(client, connect):
    """Four consumers share 200 entries; one of them is lost with what it has, which another claims."""
    client.xgroup_create("stream", "group", id="0", mkstream=True)
    with pytest.raises(redis.ResponseError, match="BUSYGROUP"):
        client.xgroup_create("stream", "group")
    got = {number: [] for number in range(4)}
    total = threading.Semaphore(0)

    def work(number):
        mine = connect(socket_timeout=PATIENCE * 2)
        if number == 4:
            for entry in range(200):
                mine.xadd("stream", {"n": entry})
            for _ in range(200):
                assert total.acquire(timeout=PATIENCE)
            for _ in range(4):
                mine.xadd("stream", {"n": "end"})
            return
        while True:
            reply = mine.xreadgroup("group", f"c{number}", {"stream": ">"}, count=1, block=int(PATIENCE * 1000))
            assert reply, "nothing came"
            ((key, fields),) = pairs(reply)
            if fields["n"] == "end":
                mine.xack("stream", "group", key)
                return
            got[number].append(int(fields["n"]))
            if number > 0:  # the first one never says that it is done
                assert mine.xack("stream", "group", key) == 1
            total.release()

    in_threads(5, work)
    assert sorted(sum(got.values(), [])) == list(range(200))
    pending = client.xpending("stream", "group")
    assert pending["pending"] == len(got[0])
    waiting = client.xpending_range("stream", "group", "-", "+", 1000, consumername="c0")
    assert len(waiting) == len(got[0]) and all(entry["times_delivered"] == 1 for entry in waiting)
    claimed = client.xautoclaim("stream", "group", "c1", min_idle_time=0, count=1000)
    assert [int(fields["n"]) for _, fields in claimed[1]] == sorted(got[0])
    again = client.xreadgroup("group", "c1", {"stream": "0"}, count=1000)
    assert len(pairs(again) if again else []) == len(got[0])
    if got[0]:
        assert client.xack("stream", "group", *(key for key, _ in claimed[1])) == len(got[0])
    (group,) = client.xinfo_groups("stream")
    assert (group["name"], group["pending"], group["entries-read"], group["lag"]) == ("group", 0, 204, 0)
    assert {consumer["name"] for consumer in client.xinfo_consumers("stream", "group")} == {"c0", "c1", "c2", "c3"}
    assert client.xgroup_destroy("stream", "group") == 1


def test_locks_and_a_condition(client, connect):
    """A lock, with the waiters told through a list rather than by asking again and again."""

    def work(_):
        mine = connect()
        for _ in range(20):
            assert mine.blpop(["token"], timeout=PATIENCE)
            count = int(mine.get("count") or 0)
            mine.set("count", count + 1)
            mine.rpush("token", 1)

    client.rpush("token", 1)
    in_threads(4, work)
    assert client.get("count") == "80" and client.llen("token") == 1


def test_keyspace_events_of_the_new_types(client, connect):
    listener = connect().pubsub(ignore_subscribe_messages=True)
    listener.psubscribe("__keyevent@0__:*")
    wait_until("it is subscribed", lambda: client.pubsub_numpat() >= 1)
    client.rpush("list", 1)
    client.lpop("list")
    client.zadd("zset", {"a": 1})
    client.xadd("stream", {"f": "v"})
    client.hset("hash", "f", "v")
    client.hpexpire("hash", 20, "f")
    found = []

    def enough():
        message = listener.get_message(timeout=0.05)
        found.extend([(message["channel"].split(":")[1], message["data"])] if message else [])
        return len(found) >= 9

    wait_until("all events came", enough)
    assert found == [
        ("rpush", "list"), ("lpop", "list"), ("del", "list"), ("zadd", "zset"), ("xadd", "stream"), ("hset", "hash"),
        ("hexpire", "hash"), ("hexpired", "hash"), ("del", "hash"),
    ]
    listener.close()
