#!/usr/bin/env bash
# Runs the unit tests of the modules that use `unsafe` under valgrind's memcheck. Any invalid access, use of
# uninitialised memory or definite leak fails it. One line of `checks` for each such module. What is no error of ours is in
# memcheck.supp, with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."

# Large tables look at this: a hundredth of the usual size is slow enough under memcheck.
export CURFEW_TEST_SCALE=${CURFEW_TEST_SCALE:-100}
export PROPTEST_CASES=${PROPTEST_CASES:-8}
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-8} # as .cargo/config.toml says to cargo

# PACKAGE KIND FILTER: the unit tests of the package's target of this kind whose path contains the filter. The longest first: as
# many run at the same time as there are cores.
checks=(
    "curfew-shard lib keyspace"
    "curfew-server bin lua::lib"
    "curfew-shard lib unit"
    "curfew-shard lib command::string"
    "curfew-shard lib command::generic"
    "curfew-server bin cell_tests"
    "curfew-server bin system"
)

command -v valgrind >/dev/null || {
    echo "memcheck: valgrind is missing (apt-get install valgrind)" >&2
    exit 1
}

# The binaries that the other tests were run from too, so that nothing is compiled twice.
programs=$(scripts/run-tests.py --programs)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

check() {
    local package=$1 kind=$2 filter=$3 binary count started=$SECONDS
    binary=$(awk -v package="$package" -v kind="$kind" '$1 == "test" && $2 == package && $3 == kind { print $5 }' <<<"$programs")
    [[ -x $binary ]] || {
        echo "memcheck: no test binary of $package"
        return 1
    }
    count=$("$binary" --list "$filter" | grep -c ': test$' || true)
    [[ $count -gt 0 ]] || {
        echo "memcheck: $package has no tests matching '$filter'; is the module renamed?"
        return 1
    }
    # Threads that spin would starve the one they wait for without fair scheduling; and nothing may hang CI.
    timeout 900 valgrind --tool=memcheck --quiet --fair-sched=try --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite --suppressions=scripts/memcheck.supp "$binary" --quiet --test-threads=1 "$filter" || return
    echo "memcheck: $count tests of $package matching '$filter' in $((SECONDS - started)) s"
}

pids=() failed=()
for number in "${!checks[@]}"; do
    while (($(jobs -rp | wc -l) >= $(nproc))); do
        wait -n || true # its result is asked for below
    done
    # shellcheck disable=SC2086 # three words
    check ${checks[number]} >"$folder/$number" 2>&1 &
    pids[number]=$!
done
for number in "${!checks[@]}"; do
    wait "${pids[number]}" || failed+=("${checks[number]}")
    cat "$folder/$number"
done
[[ ${#failed[@]} -eq 0 ]] || {
    printf 'memcheck: FAILED: %s\n' "${failed[@]}" >&2
    exit 1
}
