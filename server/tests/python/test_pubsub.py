"""Channels and patterns."""

from conftest import wait_until


def messages(listener, count):
    found = []

    def enough():
        message = listener.get_message(timeout=0.05)
        found.extend([message] if message else [])
        return len(found) >= count

    wait_until(f"{count} messages are there", enough)
    return [(message["type"], message["channel"], message["data"]) for message in found]


def test_channels_and_patterns(client, connect):
    listener = connect().pubsub()
    listener.subscribe("news")
    listener.psubscribe("w*")
    assert messages(listener, 2) == [("subscribe", "news", 1), ("psubscribe", "w*", 2)]
    assert client.publish("news", "hello") == 1
    assert client.publish("weather", "rain") == 1
    assert client.publish("sports", "nobody") == 0
    assert messages(listener, 2) == [("message", "news", "hello"), ("pmessage", "weather", "rain")]
    assert client.pubsub_channels() == ["news"]
    assert [tuple(pair) for pair in client.pubsub_numsub("news", "sports")] == [("news", 1), ("sports", 0)]
    assert client.pubsub_numpat() == 1
    listener.unsubscribe("news")
    assert messages(listener, 1) == [("unsubscribe", "news", 1)]
    assert client.publish("news", "nobody") == 0
    listener.close()


def test_handlers_and_order(client, connect):
    got = []
    listener = connect().pubsub(ignore_subscribe_messages=True)
    listener.subscribe(numbers=lambda message: got.append(int(message["data"])))
    wait_until("it is subscribed", lambda: client.pubsub_numsub("numbers")[0][1] == 1)
    pipeline = client.pipeline(transaction=False)
    for number in range(1000):
        pipeline.publish("numbers", number)
    assert pipeline.execute() == [1] * 1000

    def all_there():
        listener.get_message(timeout=0.05)
        return len(got) >= 1000

    wait_until("all are there", all_there)
    assert got == list(range(1000))
    listener.close()


def test_shard_channels(client, connect):
    listener = connect().pubsub()
    listener.ssubscribe("orders")
    assert messages(listener, 1) == [("ssubscribe", "orders", 1)]
    assert client.execute_command("SPUBLISH", "orders", "one") == 1
    assert messages(listener, 1) == [("smessage", "orders", "one")]
    listener.close()
