#!/usr/bin/env bash
# Fetches the servers that the tests compare with: Redis 8.0 and the newest Valkey that Debian has.
#
# The packages and the libraries that they need come from the Debian archive that this machine's apt is configured
# with, whatever release the machine runs. apt is given its own sources, lists and caches, and the packages are only
# unpacked: nothing of the system is installed or changed, and root is not needed. The programs are started through the
# dynamic loader that came with them, so the machine's own C library does not matter.
#
#   CURFEW_REFERENCE       where to put it (default: .cache/reference in the repository)
#   CURFEW_DEBIAN_ARCHIVE  the archive's address, where apt's configuration names none (http://host/debian)
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
target=${CURFEW_REFERENCE:-$repository/.cache/reference}
packages=(redis-server redis-tools valkey-server valkey-tools libc6 libssl3t64 libjemalloc2 liblzf1 libsystemd0
    libstdc++6 libgcc-s1 libatomic1 libcap2 liblua5.1-0 libhiredis1.1.0 libzstd1 zlib1g)
programs=(redis-server redis-cli redis-benchmark valkey-server valkey-cli valkey-benchmark)
# sid has the newest; trixie is stable and still has Redis 8.0. The first that gives a Redis 8.0 that runs is taken.
suites=(sid trixie)
wanted='v=8\.0\.'

fail() {
    printf 'reference-servers: %s\n' "$*" >&2
    exit 1
}

say() {
    printf 'reference-servers: %s\n' "$*"
}

# The address of the first Debian archive in apt's configuration. `debian-security` and the like have other contents.
configured_archive() {
    local parts main
    eval "$(apt-config shell parts Dir::Etc::sourceparts/d main Dir::Etc::sourcelist/f)"
    {
        # One line each: deb [options] ADDRESS suite component...
        cat "$main" "$parts"*.list 2>/dev/null | sed -nE 's/^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p'
        # deb822: paragraphs with `Types: deb` and one or several `URIs:`.
        cat "$parts"*.sources 2>/dev/null | sed -nE 's/^URIs:[[:space:]]*//Ip' | tr -s '[:space:]' '\n'
    } | grep -E '/debian(\.list)?/?$' | head -n 1
}

complete() {
    [[ -f $target/complete ]] || return 1
    local program
    for program in "${programs[@]}"; do
        [[ -x $target/$program ]] || return 1
    done
}

# write_wrapper NAME PROGRAM: a script in the new folder that starts the program by the folder's own loader.
write_wrapper() {
    local name=$1 program=$2
    cat >"$work/$name" <<WRAPPER
#!/bin/sh
exec '$final/$loader' --library-path '$final/$libraries' --argv0 $name '$final/root/usr/bin/$program' "\$@"
WRAPPER
    chmod +x "$work/$name"
}

# from_suite SUITE: fetches and unpacks into $work. False, with apt's complaint shown, where something is missing.
from_suite() {
    local suite=$1
    rm -rf "$work/apt" "$work/debs" "$work/root"
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/apt/state" "$work/debs" "$work/root"
    : >"$work/apt/status"
    printf 'deb [%s] %s %s main\n' "$signed" "$archive" "$suite" >"$work/apt/sources.list"
    # The machine's configuration (proxies, credentials) without its folders and hooks; our folders in their place.
    {
        apt-config dump | grep -vE '^(Dir|APT::Update::(Pre|Post)-Invoke[A-Za-z-]*|DPkg::[A-Za-z-]*(Invoke|Pkgs)[A-Za-z-]*)(::|[[:space:]])'
        cat <<CONF
Dir "/";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "$(system_folder Dir::Etc::trusted/f)";
Dir::Etc::trustedparts "$(system_folder Dir::Etc::trustedparts/d)";
Dir::Etc::netrc "$(system_folder Dir::Etc::netrc/f)";
Dir::Etc::netrcparts "$(system_folder Dir::Etc::netrcparts/d)";
Dir::Bin::methods "$(system_folder Dir::Bin::methods/d)";
Dir::Bin::dpkg "$(system_folder Dir::Bin::dpkg/f)";
Dir::State "$work/apt/state";
Dir::State::lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt/cache";
Dir::Log "$work/apt";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
    } >"$work/apt/apt.conf"
    export APT_CONFIG=$work/apt/apt.conf
    say "reading the package lists of $suite from $archive"
    apt-get -qq update || { unset APT_CONFIG; return 1; }
    say "downloading ${#packages[@]} packages"
    (cd "$work/debs" && apt-get -qq download "${packages[@]}") || { unset APT_CONFIG; return 1; }
    unset APT_CONFIG
    local deb
    for deb in "$work"/debs/*.deb; do
        dpkg -x "$deb" "$work/root" || return 1
    done
    libraries=$(cd "$work" && find root/usr/lib root/lib -maxdepth 1 -type d -name '*-linux-gnu*' 2>/dev/null | head -n 1)
    [[ -n $libraries ]] || { say "no library folder in the packages of $suite" >&2; return 1; }
    loader=$(cd "$work" && find "$libraries" -maxdepth 1 -name 'ld-linux*.so.*' | head -n 1)
    [[ -n $loader ]] || { say "no dynamic loader in the packages of $suite" >&2; return 1; }
    # Debian's redis-server is a link to redis-check-rdb: one program that looks at its own name.
    local version
    version=$("$work/$loader" --library-path "$work/$libraries" --argv0 redis-server "$work/root/usr/bin/redis-check-rdb" --version) || return 1
    [[ $version =~ $wanted ]] || { say "$suite has another Redis: $version" >&2; return 1; }
}

# system_folder KEY/TYPE: a path of the machine's own configuration.
system_folder() {
    local value=
    eval "$(env -u APT_CONFIG apt-config shell value "$1")"
    printf '%s' "$value"
}

if complete; then
    exit 0
fi
for tool in apt-get apt-config dpkg; do
    command -v "$tool" >/dev/null || fail "$tool is missing: this works on Debian and its relatives. Unpack Redis 8.0 and Valkey by hand and name their folder in CURFEW_REFERENCE."
done

archive=${CURFEW_DEBIAN_ARCHIVE:-$(configured_archive || true)}
[[ -n $archive ]] || fail "apt's configuration names no Debian archive. Set CURFEW_DEBIAN_ARCHIVE=http://host/debian."
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [[ -r $keyring ]]; then
    signed="signed-by=$keyring"
else
    # No Debian keys on this machine (a derivative, say): the programs are only run in tests, on loopback.
    say "warning: no $keyring, so the signature of the package lists is not checked" >&2
    signed="trusted=yes"
fi

mkdir -p "$(dirname "$target")"
exec 9>"$target.lock"
flock 9 || fail "cannot lock $target.lock"
if complete; then
    exit 0 # another run finished it while we waited
fi
work=$target.new
final=$target
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
found=
for suite in "${suites[@]}"; do
    if from_suite "$suite"; then
        found=$suite
        break
    fi
    say "$suite did not work, trying the next" >&2
done
[[ -n $found ]] || fail "none of these has a Redis 8.0 that runs here: ${suites[*]} at $archive"

write_wrapper redis-server redis-check-rdb
write_wrapper valkey-server valkey-check-rdb
for program in redis-cli redis-benchmark valkey-cli valkey-benchmark; do
    write_wrapper "$program" "$program"
done
rm -rf "$work/apt" "$work/debs" "$target"
mv "$work" "$target"
trap - EXIT
for program in "${programs[@]}"; do
    "$target/$program" --version >/dev/null || fail "$target/$program does not start"
done
"$target/redis-server" --version >"$target/complete"
"$target/valkey-server" --version >>"$target/complete"
say "ready in $target (from $found):"
cat "$target/complete"
