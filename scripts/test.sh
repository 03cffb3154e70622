#!/usr/bin/env bash
# Everything that must hold before a change goes in; `make test` and CI run this. Each part is named as it starts, and
# all parts run even where one fails, so that one run tells everything. The failed ones are listed at the end, and so is what was
# skipped because something is missing on this machine: in CI (where the variable CI is set) that is a failure.
#
#   scripts/test.sh             all parts
#   scripts/test.sh PART...     only these: prepare format clippy docs rust python memcheck
set -uo pipefail
cd "$(dirname "$0")/.."
# Eleven thousand connections at once are part of the tests.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
export CURFEW_REFERENCE=${CURFEW_REFERENCE:-$PWD/.cache/reference}
# As .cargo/config.toml says to cargo: binaries of tests are also run without it.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-8}
# Whatever skips something adds a line to this file.
CURFEW_SKIPS=$(mktemp)
export CURFEW_SKIPS
trap 'rm -f "$CURFEW_SKIPS"' EXIT

# What the others need. Valgrind and libfaketime are the only things that are installed in the system, and only by root.
prepare() {
    timeout 600 scripts/reference-servers.sh || return
    timeout 600 scripts/python-client.sh || return
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

rust() {
    scripts/run-tests.py && timeout 300 cargo test --quiet --workspace --doc
}

# With the server that the tests of Rust have just used, or that is built as they would: where it is, cargo says.
python() {
    local server
    server=$(scripts/run-tests.py --programs | awk '$1 == "run" && $4 == "curfew-server" { print $5 }')
    [[ -x $server ]] || {
        echo "cargo has built no curfew-server" >&2
        return 1
    }
    # Each test is bounded too (conftest.py).
    CURFEW_SERVER=$server timeout 600 .cache/venv/bin/pytest -q -p no:cacheprovider server/tests/python
}

memcheck() {
    scripts/memcheck.sh
}

parts=(prepare format clippy docs rust python memcheck)
[[ $# -gt 0 ]] && parts=("$@")
failed=() times=()
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
    times+=("$part $((SECONDS - started)) s,")
done
if [[ -s $CURFEW_SKIPS ]]; then
    printf '\nSKIPPED:\n'
    sort -u "$CURFEW_SKIPS" | sed 's/^/    /'
    [[ -z ${CI:-} ]] || failed+=("(in CI nothing may be skipped)")
fi
printf '\n%s %d s in all\n' "${times[*]}" "$SECONDS"
if [[ ${#failed[@]} -gt 0 ]]; then
    printf 'FAILED: %s\n' "${failed[*]}"
    exit 1
fi
printf 'All passed: %s\n' "${parts[*]}"
