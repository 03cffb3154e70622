#!/usr/bin/env bash
# Random input of all kinds from a seed that is new each time. (`make test` takes the same seed everywhere.) `make fuzz` calls it.
#
#   scripts/fuzz.sh                 a minute for each of: the parser and the wire, arguments, property tests, lives under a made-up
#                                   clock, commands beside Redis; and once each test of the server that draws numbers
#   SECONDS_EACH=600 scripts/fuzz.sh
#   SEED=12345 scripts/fuzz.sh      as a run that printed this seed
#
# What it finds stays: proptest writes a case into shard/proptest-regressions (or protocol/, server/), where every later run
# begins with it; commit that file, or better, turn the case into a test with a name. For the others the output has the seed:
# CURFEW_SEED=... cargo test ... repeats it.
set -uo pipefail
cd "$(dirname "$0")/.."
export CURFEW_REFERENCE=${CURFEW_REFERENCE:-$PWD/.cache/reference}

seconds=${SECONDS_EACH:-60}
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "fuzz: seed $seed (SEED=$seed repeats it), $seconds s each"

failed=()
# attempt WHAT COMMAND...: notes it where it fails.
attempt() {
    local what=$1
    shift
    "$@" || {
        echo "fuzz: FAILED: $what, seed $seed" >&2
        failed+=("$what (seed $seed)")
    }
}
# run WORD...: the tests whose names contain one of the words.
run() {
    scripts/run-tests.py --seconds $((seconds + 120)) "$@"
}
# The name of a test's module from its file: shard/src/value/hash/tests.rs has curfew-shard::curfew_shard value::hash::tests.
modules() {
    local package file
    for package in protocol shard server; do
        while IFS= read -r file; do
            sed -E "s|^$package/src/||; s|\.rs\$||; s|/mod\$||; s|/|::|g; s|^| |" <<<"$file"
        done < <(grep -rlE 'proptest! *\{' "$package/src")
    done
}
# goes_on: whether the time of this part has not run out; it runs once at least.
goes_on() {
    ((round == 0 || SECONDS - started < seconds))
}

scripts/run-tests.py --programs >/dev/null || exit 1

echo "fuzz: every test with fuzz in its name"
export CURFEW_SEED=$seed
attempt "wire and arguments" env CURFEW_FUZZ_SECONDS="$seconds" scripts/run-tests.py --seconds $((seconds + 120)) fuzz

echo "fuzz: property tests"
mapfile -t words < <(modules)
for ((round = 0, started = SECONDS; ; ++round)); do
    goes_on || break
    export PROPTEST_RNG_SEED=$((seed + round)) CURFEW_SEED=$((seed + round))
    attempt "property tests, PROPTEST_RNG_SEED=$PROPTEST_RNG_SEED" run "${words[@]}" "curfew-shard::replay "
done

echo "fuzz: lives under a made-up clock"
for ((round = 0, started = SECONDS; ; ++round)); do
    goes_on || break
    export CURFEW_SEED=$((seed + round * 1000)) # each goes through some hundred from there on
    attempt "lives, CURFEW_SEED=$CURFEW_SEED" run "curfew-shard::simulation " "curfew-shard::fields " "curfew-shard::crash "
done

echo "fuzz: tests of the server that draw numbers"
export CURFEW_SEED=$seed
mapfile -t words < <(grep -l 'Random::of(' server/tests/*.rs | sed -E 's|.*/(.*)\.rs|curfew-server::\1 |')
attempt "the server" run "${words[@]}"

echo "fuzz: commands beside Redis"
attempt "differential" env CURFEW_DIFF_SECONDS="$seconds" scripts/run-tests.py --seconds $((seconds + 120)) "curfew-server::differential "

if [[ ${#failed[@]} -gt 0 ]]; then
    printf 'fuzz: FAILED: %s\n' "${failed[@]}"
    exit 1
fi
echo "fuzz: nothing found, seed $seed"
