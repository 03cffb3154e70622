"""Pools, names, passwords, and what the server tells about itself."""

import threading

import pytest
import redis

import conftest


def test_a_pool_of_connections(client, server, protocol):
    pool = redis.BlockingConnectionPool(
        port=server, protocol=protocol, max_connections=5, timeout=conftest.PATIENCE, decode_responses=True
    )
    shared = redis.Redis(connection_pool=pool)
    failures = []

    def work(number):
        try:
            for round in range(50):
                shared.set(f"key:{number}", round)
                assert shared.get(f"key:{number}") == str(round)
                shared.incr("count")
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(conftest.PATIENCE * 3)
        assert not thread.is_alive(), "a thread hangs"
    assert not failures, failures
    assert client.get("count") == "500"
    pool.disconnect()


def test_a_name_and_an_identity(client, connect):
    named = connect(client_name="worker", single_connection_client=True)
    assert named.client_getname() == "worker"
    assert named.client_id() > 0
    listed = [entry for entry in client.client_list() if entry["name"] == "worker"]
    assert len(listed) == 1 and listed[0]["id"] == str(named.client_id())
    assert listed[0]["lib-name"].startswith("redis-py")
    assert named.client_kill_filter(_id=named.client_id(), skipme=True) == 0


def test_a_password(tmp_path, protocol):
    process, port = conftest.start(tmp_path, "--requirepass", "secret")
    try:
        with redis.Redis(port=port, protocol=protocol, password="secret", decode_responses=True) as client:
            assert client.set("key", "v") and client.get("key") == "v"
        with redis.Redis(port=port, protocol=protocol, username="default", password="secret") as client:
            assert client.ping()
        with redis.Redis(port=port, protocol=protocol, password="wrong") as client:
            with pytest.raises(redis.AuthenticationError):
                client.ping()
        with redis.Redis(port=port, protocol=protocol) as client:
            with pytest.raises(redis.AuthenticationError):
                client.ping()
    finally:
        process.terminate()
        assert process.wait(conftest.PATIENCE) == 0


def test_what_the_server_tells(client):
    info = client.info()
    major, minor, _ = info["redis_version"].split(".")
    assert (int(major), int(minor)) >= (7, 4)
    assert info["role"] == "master" and info["connected_clients"] >= 1
    assert client.config_get("databases") == {"databases": "16"}
    client.config_set("timeout", 0)
    assert client.config_get("maxmemory*")["maxmemory-policy"] == "noeviction"
    assert client.command_count() > 100
    seconds, micros = client.time()
    assert seconds > 1_600_000_000 and 0 <= micros < 1_000_000
    assert client.echo("hello") == "hello"
