#!/usr/bin/env python3
"""Runs the tests of the workspace, each in a process of its own and bounded in time.

    scripts/run-tests.py                             all of them
    scripts/run-tests.py curfew-server::blocking     those whose names contain one of the words; a name is that of the package,
                                                     of the binary and of the test: curfew-shard::curfew_shard value::hash::...
    scripts/run-tests.py --programs                  builds them, and says where cargo has put them

A test that hangs is a failure, not a wait: after TIME_MAX it is ended, with whatever it has started. The integration tests of
the server are whole servers on a machine that may be busy: one of them that fails is tried once more, and if it passes then it is
listed as FLAKY, to be looked at. Tests that passed over something (server/tests/support says `skip`) are listed too.

Needs nothing but cargo and Python, so that every machine runs the same tests in the same way.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TIME_MAX = 120.0  # seconds for one test
SLOWEST = 10  # so many are named at the end


class Program:
    """Something that cargo has built: a binary of tests, or one to be run."""

    def __init__(self, message):
        target = message["target"]
        self.path = message["executable"]
        self.is_tests = message["profile"]["test"]
        self.kind = target["kind"][0]  # lib, bin, test, ...
        self.name = target["name"]
        self.folder = str(pathlib.Path(message["manifest_path"]).parent)
        # As the folder is called: path+file:///.../shard#curfew-shard@0.1.0, or without the name where both are the same.
        self.package = message["package_id"].rsplit("#", 1)[-1].rsplit("/", 1)[-1].split("@")[0]

    def name_of(self, test):
        return f"{self.package}::{self.name} {test}"

    def is_retried(self):
        return self.package == "curfew-server" and self.kind == "test"


class Result:
    def __init__(self, ending, seconds, output):
        self.ending, self.seconds, self.output = ending, seconds, output


class Runner:
    def __init__(self, time_max):
        self.time_max = time_max
        self.lock = threading.Lock()
        self.running = set()
        self.is_over = False

    def run(self, program, test):
        """One test in one process: its ending, None if it passed."""
        environment = {**os.environ, "CARGO_MANIFEST_DIR": program.folder}
        started = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [program.path, "--exact", test, "--nocapture"],
                cwd=program.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            with self.lock:
                self.running.add(process.pid)
            try:
                code = process.wait(self.time_max)
                ending = None if code == 0 else f"exit code {code}" if code > 0 else f"signal {-code}"
            except subprocess.TimeoutExpired:
                ending = f"still running after {self.time_max:.0f} s"
                end_session(process.pid)
                process.wait()
            finally:
                with self.lock:
                    self.running.discard(process.pid)
            seconds = time.monotonic() - started
            output.seek(0)
            text = output.read().decode(errors="replace")
        # A name that the binary does not know would pass.
        if ending is None and "1 passed" not in text:
            ending = "it was not run"
        return Result(ending, seconds, text)

    def end_all(self):
        with self.lock:
            self.is_over = True
            left = list(self.running)
        for session in left:
            end_session(session)


def end_session(session):
    """Ends the leader of a session and all in it: the servers that a test starts are groups of their own."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == session:
                os.kill(int(entry), signal.SIGKILL)
        except (OSError, IndexError, ValueError):
            pass  # it has ended meanwhile


def build():
    """The programs of the workspace, its binaries of tests included. None if they cannot be built."""
    command = ["cargo", "test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]
    cargo = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    programs = []
    for line in cargo.stdout:
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["executable"]:
            programs.append(Program(message))
    return programs if cargo.wait() == 0 else None


def tests_of(program, only_ignored=False):
    command = [program.path, "--list", "--format", "terse", *(["--ignored"] if only_ignored else [])]
    listed = subprocess.run(command, cwd=program.folder, stdout=subprocess.PIPE, text=True, check=True)
    return [line.removesuffix(": test") for line in listed.stdout.splitlines() if line.endswith(": test")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-j", "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="tests at the same time")
    parser.add_argument("--seconds", type=float, default=TIME_MAX, help="the most that a test may take")
    parser.add_argument("--programs", action="store_true", help="only build; print test or run, package, kind, name and path")
    parser.add_argument("words", nargs="*", help="only tests whose names contain one of these")
    options = parser.parse_args()

    started = time.monotonic()
    programs = build()
    if programs is None:
        return 1
    if options.programs:
        for program in programs:
            print("test" if program.is_tests else "run", program.package, program.kind, program.name, program.path)
        return 0
    print(f"built in {time.monotonic() - started:.0f} s", flush=True)

    # Where the caller does not collect what was skipped, it is said here.
    skips = os.environ.get("CURFEW_SKIPS")
    own_skips = tempfile.NamedTemporaryFile() if not skips else None
    if own_skips:
        os.environ["CURFEW_SKIPS"] = own_skips.name

    tests = [
        (program, test)
        for program in programs
        if program.is_tests
        for test in tests_of(program)
        if not options.words or any(word in program.name_of(test) for word in options.words)
    ]
    ignored = {(program, test) for program in programs if program.is_tests for test in tests_of(program, only_ignored=True)}
    with open(os.environ["CURFEW_SKIPS"], "a") as file:
        for program, test in ignored.intersection(tests):
            file.write(f"{program.name_of(test)}: it is marked #[ignore]\n")
    tests = [test for test in tests if test not in ignored]
    if not tests:
        print("no test has such a name", file=sys.stderr)
        return 1
    # Long ones first, as far as that is known: whole servers before single functions.
    tests.sort(key=lambda test: test[0].kind != "test")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    runner = Runner(options.seconds)
    failed, flaky, times = [], [], []

    def one(program, test):
        name = program.name_of(test)
        result = runner.run(program, test)
        again = None
        if result.ending and program.is_retried() and not runner.is_over:
            again = runner.run(program, test)
        with runner.lock:
            times.append((result.seconds + (again.seconds if again else 0), name))
            if result.ending:
                is_flaky = again is not None and again.ending is None
                (flaky if is_flaky else failed).append(f"{name}: {result.ending}")
                print(f"\n{'FLAKY' if is_flaky else 'FAILED'} {name}: {result.ending}, after {result.seconds:.1f} s")
                print(result.output, flush=True)
                if again is not None and again.ending:
                    print(f"--- and again: {again.ending}, after {again.seconds:.1f} s\n{again.output}", flush=True)

    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    try:
        for future in [pool.submit(one, *test) for test in tests]:
            future.result()
    finally:
        # Only if it was interrupted is there anything left.
        pool.shutdown(wait=False, cancel_futures=True)
        runner.end_all()

    print("\nthe slowest:")
    for seconds, name in sorted(times, reverse=True)[:SLOWEST]:
        print(f"    {seconds:6.1f} s  {name}")
    for title, names in (("FLAKY", flaky), ("FAILED", failed)):
        for name in sorted(names):
            print(f"{title} {name}")
    if own_skips:
        for line in sorted(set(pathlib.Path(own_skips.name).read_text().splitlines())):
            print(f"SKIPPED {line}")
    passed = len(tests) - len(failed)
    print(f"{len(tests)} tests in {time.monotonic() - started:.0f} s: {passed} passed, {len(failed)} failed, {len(flaky)} flaky")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
