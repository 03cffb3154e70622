#!/usr/bin/env bash
# Runs the unit tests of the modules that use `unsafe` under valgrind's memcheck. Any invalid access, use of
# uninitialised memory or definite leak fails it. One line of `run` for each such module.
set -euo pipefail
cd "$(dirname "$0")/.."

# Property tests and large tables look at this: a hundredth of the usual size is slow enough under memcheck.
export CURFEW_TEST_SCALE=small
export PROPTEST_CASES=${PROPTEST_CASES:-8}

command -v valgrind >/dev/null || {
    echo "memcheck: valgrind is missing (apt-get install valgrind)" >&2
    exit 1
}

# run PACKAGE FILTER: the unit tests of the package's library whose path contains the filter.
run() {
    local package=$1 filter=$2 binary count
    binary=$(cargo test --quiet -p "$package" --lib --no-run --message-format=json |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
    [[ -n $binary ]] || {
        echo "memcheck: no test binary of $package" >&2
        return 1
    }
    count=$("$binary" --list "$filter" | grep -c ': test$' || true)
    [[ $count -gt 0 ]] || {
        echo "memcheck: $package has no tests matching '$filter'; is the module renamed?" >&2
        return 1
    }
    echo "memcheck: $count tests of $package matching '$filter'"
    valgrind --tool=memcheck --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite "$binary" --test-threads=1 "$filter"
}

run curfew-shard keyspace
