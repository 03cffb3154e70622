#!/usr/bin/env bash
# BullMQ (the job queue for Node.js) at work over Curfew, through ioredis and through node-redis: every job must be done
# exactly once. server/tests/bullmq/main.js says what is done. Takes about half a minute; needs node 20 and npm, and the
# network for the first time.
#
#   scripts/bullmq.sh                all scenarios
#   scripts/bullmq.sh flows events   those whose names contain one of these
#
#   CURFEW_SERVER         the server's binary (default: the debug build, which is built then)
#   CURFEW_TEST_SUBJECT   `reference`: the same over the Redis of CURFEW_REFERENCE, which must pass it too
#   CURFEW_REFERENCE      the folder with redis-server (default: .cache/reference)
set -euo pipefail
cd "$(dirname "$0")/.."

source=$PWD/server/tests/bullmq
installed=$PWD/.cache/bullmq
seconds=90 # for all scenarios over one driver

fail() {
    printf 'bullmq: %s\n' "$*" >&2
    exit 1
}

for tool in node npm; do
    command -v "$tool" >/dev/null || fail "$tool is missing."
done
# package.json pins what is asked for, and that pins most of what it needs; no package's own scripts are run.
if ! cmp -s "$source/package.json" "$installed/installed.json"; then
    rm -rf "$installed"
    mkdir -p "$installed"
    cp "$source/package.json" "$installed/"
    (cd "$installed" && npm install --silent --ignore-scripts --omit=optional --no-package-lock --no-audit --no-fund) ||
        fail "npm could not install $source/package.json."
    cp "$source/package.json" "$installed/installed.json"
fi

if [[ ${CURFEW_TEST_SUBJECT:-} == reference ]]; then
    server=("${CURFEW_REFERENCE:-$PWD/.cache/reference}/redis-server" --save "")
else
    if [[ -z ${CURFEW_SERVER:-} ]]; then
        cargo build --quiet -p curfew-server
        CURFEW_SERVER=${CARGO_TARGET_DIR:-target}/debug/curfew-server
    fi
    server=("$CURFEW_SERVER" --shards 4 --metrics-port 0)
fi

folder=$(mktemp -d)
process=
finish() {
    if [[ -n $process ]]; then
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap finish EXIT

# answers PORT: whether our server answers PING there.
answers() {
    kill -0 "$process" 2>/dev/null && node -e '
        const socket = require("net").connect(process.argv[1], "127.0.0.1", () => socket.write("PING\r\n"));
        socket.on("data", (data) => process.exit(data.toString() === "+PONG\r\n" ? 0 : 1));
        socket.on("error", () => process.exit(1));
        setTimeout(() => process.exit(1), 5000);' "$1"
}

# start: on a free port; again where somebody else took it meanwhile.
start() {
    local attempt
    for attempt in 1 2 3 4 5; do
        port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
        "${server[@]}" --port "$port" --bind 127.0.0.1 --dir "$folder" >"$folder/log" 2>&1 &
        process=$!
        for _ in {1..100}; do
            answers "$port" && return
            kill -0 "$process" 2>/dev/null || break
            sleep 0.05
        done
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
        process=
    done
    cat "$folder/log" >&2
    fail "the server does not start: ${server[*]}"
}

failed=
for driver in ioredis redis; do
    # A server for each, so that nothing of the first is in the way of the second.
    start
    NODE_PATH=$installed/node_modules timeout "$seconds" node "$source/main.js" "$port" "$driver" "$@" || failed+=" $driver"
    kill -0 "$process" 2>/dev/null || {
        cat "$folder/log" >&2
        fail "the server ended by itself"
    }
    kill "$process"
    wait "$process" || fail "the server did not end well: exit code $?"
    process=
done
[[ -z $failed ]] || fail "failed over$failed"
echo "bullmq: all passed"
