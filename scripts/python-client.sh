#!/usr/bin/env bash
# Makes the virtual environment that the Python client tests run in: .cache/venv with redis-py and pytest.
# Does nothing where it is there already with the versions of scripts/python-requirements.txt.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
venv=$repository/.cache/venv
requirements=$repository/scripts/python-requirements.txt

fail() {
    printf 'python-client: %s\n' "$*" >&2
    exit 1
}

if [[ -x $venv/bin/pytest ]] && cmp -s "$requirements" "$venv/installed-requirements.txt"; then
    exit 0
fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    [[ $(id -u) == 0 ]] || fail "python3 with venv is missing: install the packages python3 and python3-venv."
    apt-get -qq update && apt-get -qq install -y --no-install-recommends python3 python3-venv ||
        fail "apt-get could not install python3 and python3-venv."
fi
rm -rf "$venv"
mkdir -p "$(dirname "$venv")"
python3 -m venv "$venv" || fail "python3 -m venv failed."
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" || fail "pip could not install $requirements."
cp "$requirements" "$venv/installed-requirements.txt"
printf 'python-client: ready in %s\n' "$venv"
