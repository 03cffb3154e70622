"""redis-cli and redis-benchmark at work: those of the Redis that scripts/reference-servers.sh fetches."""

import os
import pathlib
import subprocess

import pytest

from conftest import PATIENCE, ROOT, wait_until
from test_types import fill

TOOLS = pathlib.Path(os.environ.get("CURFEW_REFERENCE", ROOT / ".cache/reference"))
pytestmark = pytest.mark.skipif(not (TOOLS / "redis-cli").exists(), reason="no redis-cli: scripts/reference-servers.sh")


@pytest.fixture
def run(server, protocol):
    """Runs a tool and returns what it wrote."""

    def run(tool, *arguments, **options):
        command = [str(TOOLS / tool), "-p", str(server), *(["-3"] if protocol == 3 else []), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 3, **options)
        assert done.returncode == 0 and not done.stderr, f"{command}: {done}"
        return done.stdout

    return run


def test_the_keyspace_is_walked(client, run):
    fill(client)
    client.mset({f"key:{number}": "v" for number in range(500)})
    names = run("redis-cli", "--scan").split()
    assert sorted(names) == sorted(client.keys())
    assert len(run("redis-cli", "--scan", "--pattern", "key:1?", "--count", "100").split()) == 10
    sampled = f"Sampled {len(names)} keys in the keyspace!"
    biggest = run("redis-cli", "--bigkeys")
    assert sampled in biggest and 'Biggest   list found "list" has 3 items' in biggest
    assert 'Biggest stream found "stream" has 1 entries' in biggest and 'Biggest   hash found "hash" has 2' in biggest
    memory = run("redis-cli", "--memkeys", "--memkeys-samples", "0")
    assert sampled in memory and 'Biggest    set found "set" has ' in memory and " 0 bytes" not in memory


def test_mass_insertion(client, run):
    commands = "".join(f"SET key:{number} {number}\r\nRPUSH list {number}\r\n" for number in range(5000))
    assert "errors: 0, replies: 10000" in run("redis-cli", "--pipe", input=commands)
    assert client.dbsize() == 5001 and client.llen("list") == 5000


def test_a_session(client, run, protocol):
    lines = "MULTI\nRPUSH list a b\nZADD zset 1.5 m\nEXEC\nHSET hash f v\nHGETALL hash\nZSCORE zset m\nBLPOP none 0.01\n"
    replies = ["OK", "QUEUED", "QUEUED", "2", "1", "1", *(["f v"] if protocol == 3 else ["f", "v"]), "1.5", ""]
    assert run("redis-cli", input=lines).splitlines()[: len(replies)] == replies
    assert run("redis-cli", "-x", "SET", "text", input="from its input") == "OK\n"
    assert run("redis-cli", "--json", "LRANGE", "list", "0", "-1") == '["a","b"]\n'
    assert run("redis-cli", "-r", "3", "INCR", "count").split() == ["1", "2", "3"]


def test_statistics(client, server):
    """It goes on until it is ended: two lines, then it is."""
    command = [str(TOOLS / "redis-cli"), "-p", str(server), "--stat", "-i", "0.01"]
    fill(client)
    # A pipe would have it keep its lines back; a terminal does not.
    reader, writer = os.openpty()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writer)
    os.close(writer)
    seen = bytearray()

    def two_lines():
        seen.extend(os.read(reader, 4096))
        lines = seen.decode().split("\n")[2:-1]  # without two lines of headings, and the one that is not whole yet
        return len(lines) >= 2 and [line.split() for line in lines]

    try:
        lines = wait_until("two lines are there", two_lines)
    finally:
        process.kill()
        process.wait()
        os.close(reader)
    assert lines[0][0] == lines[1][0] == "9", "that many keys"


def test_benchmark(client, run):
    tests = "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset,xadd"
    found = run("redis-benchmark", "--csv", "-n", "500", "-r", "100", "-P", "4", "-t", tests).splitlines()
    assert [line.split(",")[0].split()[0].strip('"') for line in found[1:]] == [
        "PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP", "SADD", "HSET", "SPOP",
        "ZADD", "ZPOPMIN", "LPUSH", "LRANGE_100", "MSET", "XADD",
    ]
    assert client.xlen("mystream") == 500
