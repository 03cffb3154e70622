"""What the tests of Curfew with redis-py share: one server for the run, and a client over RESP2 and RESP3.

CURFEW_SERVER names the binary (scripts/test.sh sets it, to the one that cargo has built). CURFEW_TEST_SUBJECT=reference runs
the same tests against the Redis of CURFEW_REFERENCE, which must pass them too. A test that hangs is a failure, and one that is
skipped is written into the file that CURFEW_SKIPS names, as those in Rust are.
"""

import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

ROOT = pathlib.Path(__file__).resolve().parents[3]
PATIENCE = 20.0  # seconds; the machine may be busy with other things
TIME_MAX = 120  # seconds for one test, with what it needs
SHARDS = 2


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    def stop(*_):
        raise TimeoutError(f"{item.nodeid} was still running after {TIME_MAX} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(TIME_MAX)
    try:
        return (yield)
    finally:
        signal.alarm(0)


def pytest_runtest_logreport(report):
    if report.skipped and not hasattr(report, "wasxfail") and "CURFEW_SKIPS" in os.environ:
        with open(os.environ["CURFEW_SKIPS"], "a") as skips:
            skips.write(f"{report.nodeid}: {report.longrepr[2]}\n")


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
                with redis.Redis(port=port, protocol=2, retry=Retry(NoBackoff(), 0)) as client:
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
