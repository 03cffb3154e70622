"""Values, numbers, bytes and text, pipelines."""

import pytest
import redis


def test_values(client):
    assert client.get("key") is None
    assert client.set("key", "value") is True
    assert client.get("key") == "value"
    assert client.set("key", "other", nx=True) is None
    assert client.set("key", "other", xx=True, get=True) == "value"
    assert client.getdel("key") == "other"
    assert client.exists("key") == 0
    assert client.append("key", "ab") == 2
    assert client.setrange("key", 1, "xyz") == 4
    assert client.getrange("key", 0, 1) == "ax"
    assert client.strlen("key") == 4
    assert client.mset({"a": 1, "b": 2}) is True
    assert client.mget("a", "nothing", "b") == ["1", None, "2"]
    assert client.msetnx({"c": 3, "a": 9}) in (0, False)
    assert client.delete("a", "b", "nothing") == 2


def test_numbers(client):
    assert client.incr("count") == 1
    assert client.incrby("count", 41) == 42
    assert client.decr("count", 2) == 40
    assert client.incrbyfloat("price", "10.5") == 10.5
    assert client.incrbyfloat("price", 0.1) == 10.6
    with pytest.raises(redis.ResponseError, match="value is not an integer or out of range"):
        client.incr("price")


def test_text_and_bytes(client, connect):
    text = "überall – 時間\0"
    client.set("text", text)
    assert client.get("text") == text
    raw = connect(decode_responses=False)
    assert raw.get("text") == text.encode()
    everything = bytes(range(256))
    assert raw.set(everything, everything)
    assert raw.get(everything) == everything
    assert raw.mget("text", "nothing") == [text.encode(), None]


def test_large_values(client, connect):
    raw = connect(decode_responses=False)
    large = bytes(range(256)) * (32 * 1024)  # 8 MiB
    raw.set("large", large)
    assert raw.get("large") == large
    assert raw.getrange("large", len(large) - 3, -1) == b"\xfd\xfe\xff"


def test_scanning(client):
    client.mset({f"key:{number}": number for number in range(500)})
    client.set("other", 1)
    assert set(client.scan_iter(match="key:*", count=50)) == {f"key:{number}" for number in range(500)}
    assert client.dbsize() == 501
    assert len(client.keys("key:1?")) == 10
    assert client.type("other") == "string"
    assert client.randomkey() is not None


def test_databases(client, connect):
    one = connect(db=1)
    client.set("key", "zero")
    assert one.get("key") is None
    assert client.copy("key", "copied", destination_db=1)
    assert client.move("key", 1)
    assert (client.get("key"), one.get("key"), one.get("copied")) == (None, "zero", "zero")


def test_pipelines(client):
    pipeline = client.pipeline(transaction=False)
    for number in range(5000):
        pipeline.incrby(f"n{number % 7}", number)
    replies = pipeline.execute()
    assert replies[4999] == sum(number for number in range(5000) if number % 7 == 4999 % 7)
    pipeline.set("text", "abc").incr("text").get("text")
    replies = pipeline.execute(raise_on_error=False)
    assert replies[0] is True and isinstance(replies[1], redis.ResponseError) and replies[2] == "abc"


def test_unknown_commands_and_arguments(client):
    with pytest.raises(redis.ResponseError, match="unknown command 'NOSUCH', with args beginning with: 'a'"):
        client.execute_command("NOSUCH", "a")
    with pytest.raises(redis.ResponseError, match="wrong number of arguments for 'get' command"):
        client.execute_command("GET")
    assert client.ping()
