"""Lists, sets, hashes with field TTLs, sorted sets, geo, HyperLogLog and SORT, as redis-py sees them."""

import time

import pytest
import redis

from conftest import wait_until


def fill(client):
    """One key of each type, in one pipeline."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.set("string", "v").setbit("bits", 7, 1).rpush("list", "a", "b", "c").sadd("set", "a", "b", "c")
        pipeline.hset("hash", mapping={"f": "1", "g": "two"}).zadd("zset", {"a": 1, "b": 2.5, "c": float("inf")})
        pipeline.xadd("stream", {"f": "v"}, id="1-1").pfadd("hll", "a", "b").geoadd("geo", (13.36, 38.11, "Palermo"))
        return pipeline.execute()


def test_a_pipeline_over_every_type(client):
    assert fill(client) == [True, 0, 3, 3, 2, 3, "1-1", 1, 1]
    keys = ["string", "bits", "list", "set", "hash", "zset", "stream", "hll", "geo"]
    for transaction in True, False:
        with client.pipeline(transaction=transaction) as pipeline:
            for key in keys:
                pipeline.type(key)
            types = ["string", "string", "list", "set", "hash", "zset", "stream", "string", "zset"]
            assert pipeline.execute() == types
            pipeline.lrange("list", 0, -1).smembers("set").hgetall("hash").zscore("zset", "b").xlen("stream")
            pipeline.pfcount("hll").zcard("geo").llen("set")
            replies = pipeline.execute(raise_on_error=False)
            assert replies[:7] == [["a", "b", "c"], {"a", "b", "c"}, {"f": "1", "g": "two"}, 2.5, 1, 2, 1]
            assert isinstance(replies[7], redis.ResponseError) and str(replies[7]).startswith("WRONGTYPE")
    assert sorted(client.keys()) == sorted(keys) and client.delete(*keys) == 9 and client.dbsize() == 0


def test_a_transaction_over_every_type_with_watch(client, connect):
    fill(client)
    for key, change in {
        "list": lambda other: other.lpop("list"),
        "set": lambda other: other.srem("set", "a"),
        "hash": lambda other: other.hdel("hash", "f"),
        "zset": lambda other: other.zincrby("zset", 1, "a"),
        "stream": lambda other: other.xtrim("stream", maxlen=0),
        "hll": lambda other: other.pfadd("hll", "another"),
        "geo": lambda other: other.zrem("geo", "Palermo"),
    }.items():
        with client.pipeline() as pipeline:
            pipeline.watch(key)
            pipeline.multi()
            pipeline.set("done", key)
            change(connect())
            with pytest.raises(redis.WatchError):
                pipeline.execute()
    assert client.get("done") is None


def test_iterators_see_every_element_once(client):
    members = [f"member:{number}" for number in range(1000)]
    with client.pipeline(transaction=False) as pipeline:
        for member in members:
            pipeline.set(f"key:{member}", 1)
        pipeline.sadd("set", *members).hset("hash", mapping=dict.fromkeys(members, "v"))
        pipeline.zadd("zset", {member: number for number, member in enumerate(members)})
        pipeline.execute()
    assert sorted(client.scan_iter(match="key:*", count=50)) == sorted(f"key:{member}" for member in members)
    assert sorted(client.scan_iter(_type="zset")) == ["zset"]
    assert sorted(client.sscan_iter("set", count=50)) == sorted(members)
    assert dict(client.hscan_iter("hash", count=50)) == dict.fromkeys(members, "v")
    assert sorted(client.hscan_iter("hash", no_values=True)) == sorted(members)
    scores = dict(client.zscan_iter("zset", count=50))
    assert scores == {member: float(number) for number, member in enumerate(members)}
    assert sorted(client.sscan_iter("set", match="*:99?")) == [f"member:99{digit}" for digit in range(10)]


def test_lists(client):
    assert client.rpush("list", *range(10)) == 10
    assert client.lmove("list", "other", "LEFT", "RIGHT") == "0"
    assert client.lpop("list", 2) == ["1", "2"] and client.rpop("list") == "9"
    assert client.lpos("list", "5") == 2 and client.linsert("list", "BEFORE", "5", "4.5") == 7
    assert client.lmpop(3, "none", "list", "other", direction="RIGHT", count=2) == ["list", ["8", "7"]]
    assert client.ltrim("list", 1, 2) and client.lrange("list", 0, -1) == ["4", "4.5"]
    assert client.lset("list", 0, "x") and client.lrem("list", 0, "4.5") == 1 and client.lindex("list", 0) == "x"


def test_sets(client):
    client.sadd("a", 1, 2, 3)
    client.sadd("b", 2, 3, 4)
    assert client.sinter("a", "b") == {"2", "3"} and client.sunion("a", "b") == {"1", "2", "3", "4"}
    assert client.sdiffstore("c", "a", "b") == 1 and client.smembers("c") == {"1"}
    assert client.smove("a", "b", "1") and client.smismember("b", ["1", "9"]) == [1, 0]
    assert client.sintercard(2, ["a", "b"], limit=1) == 1
    popped = client.spop("b", 2)
    assert len(popped) == 2 and client.scard("b") == 2 and set(client.srandmember("b", 5)) == client.smembers("b")


def test_hashes_and_field_deadlines(client):
    client.hset("hash", mapping={"a": 1, "b": 2, "c": 3})
    assert client.hincrby("hash", "a", 4) == 5 and client.hincrbyfloat("hash", "b", 0.5) == 2.5
    assert client.hmget("hash", "a", "z") == ["5", None] and client.hrandfield("hash", 9, True) is not None
    assert client.hexpire("hash", 100, "a", "z") == [1, -2]
    assert 0 < client.hpttl("hash", "a")[0] <= 100_000 and client.httl("hash", "b", "z") == [-1, -2]
    at = int(time.time()) + 200
    assert client.hexpireat("hash", at, "b") == [1] and client.hexpiretime("hash", "b") == [at]
    assert client.hpersist("hash", "b") == [1]
    assert client.hpexpire("hash", 30, "a") == [1]
    wait_until("the field has gone", lambda: client.hgetall("hash") == {"b": "2.5", "c": "3"})
    assert client.hexpire("hash", 0, "c") == [2] and client.hkeys("hash") == ["b"]
    assert client.hsetex("hash", "d", "4", px=30) == 1 and client.hgetex("hash", "d") == ["4"]
    assert client.hgetdel("hash", "b") == ["2.5"]
    wait_until("the hash has gone with its last field", lambda: not client.exists("hash"))


def test_sorted_sets(client):
    client.zadd("z", {"a": 1, "b": 2, "c": 3, "d": 4})
    assert client.zadd("z", {"a": 5}, gt=True, ch=True) == 1 and client.zadd("z", {"new": 1}, xx=True) == 0
    assert [tuple(pair) for pair in client.zrange("z", 0, 1, withscores=True)] == [("b", 2.0), ("c", 3.0)]
    assert client.zrangebyscore("z", "(2", "+inf") == ["c", "d", "a"]
    assert client.zrange("z", "+inf", "(2", byscore=True, desc=True, offset=1, num=1) == ["d"]
    assert client.zrank("z", "a") == 3 and list(client.zrank("z", "a", withscore=True)) == [3, 5.0]
    assert client.zmscore("z", ["a", "none"]) == [5.0, None] and client.zincrby("z", -10, "a") == -5.0
    client.zadd("y", {"a": 10, "z": 1})
    assert client.zunionstore("sum", {"z": 1, "y": 2}) == 5 and client.zscore("sum", "a") == 15.0
    assert client.zinter(["z", "y"]) == ["a"] and client.zdiff(["z", "y"]) == ["b", "c", "d"]
    assert [tuple(pair) for pair in client.zpopmin("z", 1)] == [("a", -5.0)]
    assert client.zmpop(2, ["none", "z"], max=True)[0] == "z"
    client.zadd("names", dict.fromkeys("abcde", 0))
    assert client.zrangebylex("names", "[b", "(d") == ["b", "c"] and client.zlexcount("names", "-", "+") == 5


def test_geo(client):
    client.geoadd("geo", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"))
    assert client.geodist("geo", "Palermo", "Catania", unit="km") == pytest.approx(166.2742, abs=0.001)
    assert client.geohash("geo", "Palermo", "Catania") == ["sqc8b49rny0", "sqdtr74hyu0"]
    longitude, latitude = client.geopos("geo", "Palermo")[0]
    assert (longitude, latitude) == (pytest.approx(13.361389, abs=1e-5), pytest.approx(38.115556, abs=1e-5))
    found = client.geosearch("geo", longitude=15, latitude=37, radius=200, unit="km", sort="ASC", withdist=True)
    assert [name for name, _ in found] == ["Catania", "Palermo"]
    assert client.geosearch("geo", member="Palermo", width=100, height=100, unit="km") == ["Palermo"]
    assert client.geosearchstore("near", "geo", longitude=15, latitude=37, radius=100, unit="km") == 1


def test_hyperloglog(client):
    for part in range(4):
        client.pfadd(f"hll:{part}", *(f"v:{part}:{number}" for number in range(1000)))
    assert client.pfcount("hll:0") == pytest.approx(1000, rel=0.05)
    assert client.pfcount("hll:0", "hll:1") == pytest.approx(2000, rel=0.05)
    assert client.pfmerge("all", *(f"hll:{part}" for part in range(4)))
    assert client.pfcount("all") == pytest.approx(4000, rel=0.05)


def test_sort(client):
    client.rpush("list", 3, 1, 2)
    client.mset({"weight:1": 30, "weight:2": 20, "weight:3": 10, "name:1": "one", "name:2": "two", "name:3": "three"})
    assert client.sort("list") == ["1", "2", "3"] and client.sort("list", desc=True, start=0, num=2) == ["3", "2"]
    assert client.sort("list", by="weight:*", get="name:*") == ["three", "two", "one"]
    pairs = client.sort("list", get=["#", "name:*"], groups=True)
    assert pairs == [("1", "one"), ("2", "two"), ("3", "three")]
    assert client.sort("list", alpha=True, store="sorted") == 3 and client.lrange("sorted", 0, -1) == ["1", "2", "3"]


def test_scripts_over_every_type(client):
    script = client.register_script("""
        redis.call('RPUSH', 'list', 'a', 'b')
        redis.call('HSET', KEYS[1], 'f', redis.call('LLEN', 'list'))
        redis.call('ZADD', 'zset', '1.5', 'm')
        redis.call('SADD', 'set', 'x')
        local id = redis.call('XADD', 'stream', '5-5', 'f', 'v')
        return {id, redis.call('HGET', KEYS[1], 'f'), redis.call('ZSCORE', 'zset', 'm'), redis.call('SMEMBERS', 'set'),
                redis.call('XRANGE', 'stream', '-', '+'), redis.call('BLPOP', 'none', 0)}
    """)
    assert script(keys=["hash"]) == ["5-5", "2", "1.5", ["x"], [["5-5", ["f", "v"]]], None]
    library = """#!lua name=moves
    redis.register_function('take', function(keys) return redis.call('LMOVE', keys[1], keys[2], 'LEFT', 'RIGHT') end)"""
    assert client.function_load(library, replace=True) == "moves"
    assert client.fcall("take", 2, "list", "taken") == "a" and client.lrange("taken", 0, -1) == ["a"]
    client.function_delete("moves")
