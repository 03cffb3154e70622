"""What the tests of Curfew with redis-py share: one server for the run, and a client over RESP2 and RESP3.

CURFEW_SERVER names the binary (scripts/test.sh sets it). CURFEW_TEST_SUBJECT=reference runs the same tests against the
Redis of CURFEW_REFERENCE, which must pass them too.
"""

import os
import pathlib
import socket
import subprocess
import time

import pytest
import redis

ROOT = pathlib.Path(__file__).resolve().parents[3]
PATIENCE = 20.0  # seconds; the machine may be busy with other things
SHARDS = 2


def program():
    if os.environ.get("CURFEW_TEST_SUBJECT") == "reference":
        folder = pathlib.Path(os.environ.get("CURFEW_REFERENCE", ROOT / ".cache/reference"))
        return [str(folder / "redis-server"), "--save", ""]
    server = os.environ.get("CURFEW_SERVER", str(ROOT / "target/debug/curfew-server"))
    return [server, "--shards", str(SHARDS), "--metrics-port", "0"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, condition):
    """Looks every few milliseconds until the condition holds, and returns what it returned."""
    end = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain until {what}"
        time.sleep(0.002)


def start(folder, *options):
    """A server on a free port: the process and the port. Tries again where somebody else took the port meanwhile."""
    for _ in range(5):
        port = free_port()
        log = open(folder / f"log-{port}", "wb")
        arguments = [*program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), *options]
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            try:
                with redis.Redis(port=port, protocol=2) as client:
                    if client.ping():
                        return process, port
            except redis.AuthenticationError:  # also a ConnectionError
                return process, port
            except redis.ConnectionError:
                time.sleep(0.005)
        process.kill()
        process.wait()
    raise AssertionError((folder / f"log-{port}").read_text(errors="replace"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The port of the server that most tests share."""
    process, port = start(tmp_path_factory.mktemp("server"), "--notify-keyspace-events", "KEA")
    yield port
    assert process.poll() is None, "the server ended by itself"
    process.terminate()
    assert process.wait(PATIENCE) == 0


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def protocol(request):
    return request.param


@pytest.fixture
def connect(server, protocol):
    """Makes clients of the shared server; they are closed at the end."""
    clients = []

    def make(**options):
        options = {"decode_responses": True, "socket_timeout": PATIENCE, **options}
        clients.append(redis.Redis(port=server, protocol=protocol, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect):
    """A client of an empty server."""
    client = connect()
    client.flushall()
    return client
