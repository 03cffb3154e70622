#!/usr/bin/env bash
# Runs the unit tests of the modules that use `unsafe` under valgrind's memcheck. Any invalid access, use of
# uninitialised memory or definite leak fails it. One line of `run` for each such module. What is no error of ours is in
# memcheck.supp, with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."

# Large tables look at this: a hundredth of the usual size is slow enough under memcheck.
export CURFEW_TEST_SCALE=${CURFEW_TEST_SCALE:-100}
export PROPTEST_CASES=${PROPTEST_CASES:-8}
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-8} # as .cargo/config.toml says to cargo

command -v valgrind >/dev/null || {
    echo "memcheck: valgrind is missing (apt-get install valgrind)" >&2
    exit 1
}

# The binaries that the other tests were run from too, so that nothing is compiled twice.
programs=$(scripts/run-tests.py --programs)

# run PACKAGE KIND FILTER...: the unit tests of the package's target of this kind (lib, bin) whose path contains one of the
# filters.
run() {
    local package=$1 kind=$2 binary filter count
    shift 2
    binary=$(awk -v package="$package" -v kind="$kind" '$1 == "test" && $2 == package && $3 == kind { print $5 }' <<<"$programs")
    [[ -x $binary ]] || {
        echo "memcheck: no test binary of $package" >&2
        return 1
    }
    for filter in "$@"; do
        count=$("$binary" --list "$filter" | grep -c ': test$' || true)
        [[ $count -gt 0 ]] || {
            echo "memcheck: $package has no tests matching '$filter'; is the module renamed?" >&2
            return 1
        }
        echo "memcheck: $count tests of $package matching '$filter'"
    done
    # Threads that spin would starve the one they wait for without fair scheduling; and nothing may hang CI.
    timeout 900 valgrind --tool=memcheck --quiet --fair-sched=try --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite --suppressions=scripts/memcheck.supp "$binary" --test-threads=1 "$@"
}

run curfew-shard lib keyspace unit command::string command::generic
run curfew-server bin cell_tests config::cell script::lib system
