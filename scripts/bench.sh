#!/usr/bin/env bash
# Curfew beside Redis and Valkey: builds what is needed, measures, prints one table, and leaves it in
# benches/results/latest.md. `make bench` calls it. See benches/README.md for what the rows are.
#
#   ROWS=get,eval     only these rows
#   QUICK=1           a first look, in a minute and a half
#   ROUNDS=25         so many rounds of the request path in place of seven: what a change of 2 % needs here
#   CURFEW_REFERENCE  the folder with redis-server and valkey-server (default: .cache/reference)
#   CURFEW_BEFORE     an older curfew-server to compare with, instead of Redis and Valkey: what a change has cost
#   CURFEW_SERVER     another curfew-server to measure; nothing of the server is built then
set -euo pipefail
cd "$(dirname "$0")/.."

export CURFEW_REFERENCE=${CURFEW_REFERENCE:-$PWD/.cache/reference}
if [[ ! -x $CURFEW_REFERENCE/redis-server || ! -x $CURFEW_REFERENCE/valkey-server ]]; then
    scripts/reference-servers.sh >&2
fi
if [[ -n ${CURFEW_SERVER:-} ]]; then
    cargo build --release -p curfew-benches --bins
else
    # As in the Makefile, so that the second build finds the first one's work.
    cargo build --release --workspace --bins
    CURFEW_SERVER=${CARGO_TARGET_DIR:-target}/release/curfew-server
fi
export CURFEW_SERVER BENCH_RESULTS=benches/results/latest.md
exec "${CARGO_TARGET_DIR:-target}/release/curfew-compare"
