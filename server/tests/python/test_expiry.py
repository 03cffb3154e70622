"""Deadlines, and the events that announce them."""

import time

from conftest import wait_until


def test_deadlines(client):
    client.set("key", "v", ex=100)
    assert 98 <= client.ttl("key") <= 100
    assert client.expire("key", 1000, gt=True) and not client.expire("key", 10, gt=True)
    assert client.persist("key") and client.ttl("key") == -1
    assert client.ttl("nothing") == -2
    deadline = int(time.time() * 1000) + 60_000
    assert client.pexpireat("key", deadline)
    assert client.pexpiretime("key") == deadline
    assert client.getex("key", persist=True) == "v"
    assert client.pexpiretime("key") == -1
    assert client.expire("key", -1) and not client.exists("key")


def test_keys_go_on_time(client):
    client.set("key", "v", px=30)
    wait_until("it is gone", lambda: not client.exists("key"))
    assert client.set("key", "new", nx=True)


def subscribe(client, pattern):
    listener = client.pubsub()
    listener.psubscribe(pattern)
    assert wait_until("it is subscribed", lambda: listener.get_message(timeout=0.1))["type"] == "psubscribe"
    return listener


def events(listener, count):
    """The next so many events: (event, key)."""
    found = []

    def enough():
        message = listener.get_message(timeout=0.05)
        if message:
            found.append((message["channel"].rsplit(":", 1)[1], message["data"]))
        return len(found) >= count

    wait_until(f"{count} events are there", enough)
    return found


def test_events_of_one_key_keep_their_order(client, connect):
    listener = subscribe(connect(), "__keyevent@0__:*")
    client.set("key", "v")
    client.expire("key", 100)
    client.rename("key", "other")
    client.incr("count")
    client.set("other", "v", px=20)
    expected = ["set key", "expire key", "rename_from key", "rename_to other", "incrby count", "set other", "expire other", "expired other"]
    assert [f"{name} {key}" for name, key in events(listener, len(expected))] == expected
    listener.close()


def test_every_key_of_one_deadline_is_announced_once(client, connect):
    listener = subscribe(connect(), "__keyevent@0__:expired")
    keys = {f"key:{number}" for number in range(200)}
    with client.pipeline(transaction=True) as pipeline:
        for key in keys:
            pipeline.set(key, "v", px=50)
        pipeline.execute()
    found = [key for _, key in events(listener, len(keys))]
    assert len(found) == len(keys) and set(found) == keys
    assert client.dbsize() == 0
    listener.close()


def test_events_on_the_channel_of_a_key(client, connect):
    listener = connect().pubsub()
    listener.subscribe("__keyspace@0__:session")
    wait_until("it is subscribed", lambda: listener.get_message(timeout=0.1))
    client.set("session", "v", px=20)
    found = []

    def gone():
        message = listener.get_message(timeout=0.05)
        found.extend([message["data"]] if message else [])
        return "expired" in found

    wait_until("it is announced", gone)
    assert found == ["set", "expire", "expired"]
    listener.close()
