"""Lua scripts as applications send them."""

import pytest
import redis

# A rate limiter with an undeclared key, as they are found everywhere.
LIMITER = """
local key = 'limit:' .. ARGV[1]
local count = redis.call('INCR', key)
if count == 1 then redis.call('PEXPIRE', key, ARGV[2]) end
return {count, redis.call('PTTL', key)}
"""


def test_register_script(client):
    add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert add(keys=["count"], args=[5]) == 5
    assert add(keys=["count"], args=[5]) == 10
    client.script_flush()
    assert add(keys=["count"], args=[1]) == 11, "loaded again after NOSCRIPT"
    with client.pipeline() as pipeline:
        add(keys=["count"], args=[1], client=pipeline)
        add(keys=["other"], args=[2], client=pipeline)
        assert pipeline.execute() == [12, 2]


def test_undeclared_keys_and_time(client):
    limiter = client.register_script(LIMITER)
    assert limiter(args=["user", 5000]) == [1, 5000]
    count, ttl = limiter(args=["user", 5000])
    assert count == 2 and 0 < ttl <= 5000


def test_replies_and_errors(client):
    assert client.eval("return {1, 'two', {3, {'four'}}, false}", 0) == [1, "two", [3, ["four"]], None]
    assert client.eval("return cjson.encode({1, 'a', cjson.null})", 0) == '[1,"a",null]'
    assert client.eval("return redis.sha1hex('')", 0) == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert client.eval("return cmsgpack.unpack(cmsgpack.pack({KEYS[1], ARGV[1]}))", 1, "k", "v") == ["k", "v"]
    client.set("text", "abc")
    with pytest.raises(redis.ResponseError, match="value is not an integer or out of range"):
        client.eval("return redis.call('INCR', KEYS[1])", 1, "text")
    with pytest.raises(redis.exceptions.NoScriptError):
        client.evalsha("0" * 40, 0)


def test_script_commands(client):
    sha = client.script_load("return 1")
    assert client.script_exists(sha, "0" * 40) == [True, False]
    assert client.evalsha(sha, 0) == 1
    assert client.eval_ro("return redis.call('EXISTS', KEYS[1])", 1, "nothing") == 0
    with pytest.raises(redis.ResponseError, match="Write commands are not allowed"):
        client.eval_ro("return redis.call('SET', KEYS[1], 1)", 1, "key")


LIBRARY = """#!lua name=counters
redis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
redis.register_function{
    function_name = 'peek',
    callback = function(keys) return redis.call('GET', keys[1]) end,
    flags = {'no-writes'},
    description = 'looks'
}
"""


def test_functions(client):
    assert client.function_load(LIBRARY) == "counters"
    with pytest.raises(redis.ResponseError, match="Library 'counters' already exists"):
        client.function_load(LIBRARY)
    assert client.function_load(LIBRARY, replace=True) == "counters"
    assert client.fcall("add", 1, "count", 5) == 5
    assert client.fcall_ro("peek", 1, "count") == "5"
    with pytest.raises(redis.ResponseError, match="Can not execute a script with write flag"):
        client.fcall_ro("add", 1, "count", 5)
    assert len(client.function_list(library="COUNT*", withcode=True)) == 1
    assert client.function_list(library="nosuch") == []
    payload = client.execute_command("FUNCTION DUMP", **{"NEVER_DECODE": True})
    assert client.function_delete("counters")
    with pytest.raises(redis.ResponseError, match="Function not found"):
        client.fcall("add", 1, "count", 5)
    assert client.function_restore(payload, "FLUSH")
    assert client.fcall("add", 1, "count", 5) == 10
    assert client.function_flush("SYNC")
    assert client.function_list() == []
    with pytest.raises(redis.ResponseError, match="No scripts in execution right now"):
        client.function_kill()
