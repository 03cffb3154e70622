#!/usr/bin/env bash
# Everything that must hold before a change goes in; `make test` and CI run this. Each part is named as it starts, and
# all parts run even where one fails, so that one run tells everything. The failed ones are listed at the end.
#
#   scripts/test.sh             all parts
#   scripts/test.sh PART...     only these: prepare format clippy docs rust python memcheck
set -uo pipefail
cd "$(dirname "$0")/.."
# Eleven thousand connections at once are part of the tests.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
export CURFEW_REFERENCE=${CURFEW_REFERENCE:-$PWD/.cache/reference}

# What the others need. Valgrind and libfaketime are the only things that are installed in the system, and only by root.
prepare() {
    scripts/reference-servers.sh || return
    scripts/python-client.sh || return
    local missing=()
    command -v valgrind >/dev/null || missing+=(valgrind libc6-dbg)
    compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(faketime)
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if [[ $(id -u) == 0 ]]; then
        timeout 300 apt-get -qq update && timeout 300 apt-get -qq install -y --no-install-recommends "${missing[@]}"
    elif [[ ${missing[*]} == faketime ]]; then
        echo "libfaketime is missing and this is not root, so a test is skipped: apt-get install faketime"
    else
        echo "valgrind is missing and this is not root: apt-get install ${missing[*]}" >&2
        return 1
    fi
}

format() {
    cargo fmt --all --check
}

clippy() {
    cargo clippy --quiet --workspace --all-targets -- -D warnings
}

docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --document-private-items
}

# nextest where it is installed (it runs each test in a process of its own, and bounds its time); compiling it in CI
# would take longer than the tests.
rust() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --no-fail-fast && cargo test --quiet --workspace --doc
    else
        cargo test --workspace --no-fail-fast
    fi
}

python() {
    compgen -G 'server/tests/python/*.py' >/dev/null || {
        echo "no server/tests/python/*.py"
        return 0
    }
    cargo build --quiet -p curfew-server || return
    CURFEW_SERVER=$PWD/target/debug/curfew-server .cache/venv/bin/pytest -q -p no:cacheprovider server/tests/python
}

memcheck() {
    scripts/memcheck.sh
}

parts=(prepare format clippy docs rust python memcheck)
[[ $# -gt 0 ]] && parts=("$@")
failed=()
for part in "${parts[@]}"; do
    declare -F "$part" >/dev/null || {
        echo "no such part: $part" >&2
        exit 2
    }
    printf '\n==> %s\n' "$part"
    started=$SECONDS
    if "$part"; then
        printf -- '--- %s: passed in %d s\n' "$part" $((SECONDS - started))
    else
        printf -- '--- %s: FAILED after %d s\n' "$part" $((SECONDS - started))
        failed+=("$part")
    fi
done
if [[ ${#failed[@]} -gt 0 ]]; then
    printf '\nFAILED: %s\n' "${failed[*]}"
    exit 1
fi
printf '\nAll passed: %s\n' "${parts[*]}"
