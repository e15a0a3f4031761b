#!/usr/bin/env bash
# Print the complete list of Debian packages for the base image: the essential packages, the requested ones, and
# their dependencies (without recommended packages), for linux/amd64.
#
#   resolve.sh SUITE PACKAGE...
#   resolve.sh trixie ca-certificates libgomp1 libstdc++6 netbase python3 python3-venv tzdata
#
# One line per package, sorted, tab-separated: name, version, architecture, size, sha256, path in the archive's pool.
# It contains no host name. Only the suite's `main` is read, without its security suite: `main` changes at point
# releases only, so a locked list stays downloadable for weeks, and security updates come with the next point release.
#
# It uses the network and changes nothing on the host: apt works in a temporary folder with an empty package status,
# and checks the archive's signature with Debian's own keyring.
#
# Variables: HAKOBUNE_DEBIAN_MIRROR (see mirror.sh).
# Exit codes: 0 the list on stdout; 20 wrong arguments; 30 a package is unknown or apt finds no solution; 33 no network;
# 34 no apt, no keyring or no mirror address; 35 disk full.
set -u
umask 022
export LC_ALL=C
unset APT_CONFIG

fail() { # code, line...
    local code=$1
    shift
    printf 'resolve.sh: %s\n' "$@" >&2
    exit "$code"
}

[ $# -ge 2 ] || fail 20 "usage: resolve.sh SUITE PACKAGE..."
suite=$1
shift
[[ $suite =~ ^[a-z][a-z0-9-]*$ ]] || fail 20 "'$suite' is not the name of a Debian suite"
for package in "$@"; do
    [[ $package =~ ^[a-z0-9][a-z0-9+.-]+$ ]] || fail 20 "'$package' is not the name of a Debian package"
done

command -v apt-get >/dev/null || fail 34 "apt is missing: run this on Debian or Ubuntu, or in a container of one of them"
keyring=""
for candidate in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
    [ -r "$candidate" ] && keyring=$candidate && break
done
[ -n "$keyring" ] || fail 34 "Debian's keyring is missing: install the package debian-archive-keyring"
mirror=$("$(dirname "$0")/mirror.sh") || exit 34

root=$(mktemp -d) || fail 35 "could not create a temporary folder"
trap 'rm -rf "$root"' EXIT
chmod 755 "$root" # apt's download helpers run as another user
# What those leave when they are ended halfway is removed with the rest.
mkdir -m 1777 "$root/tmp" && export TMPDIR=$root/tmp
mkdir -p "$root"/{etc/apt/preferences.d,etc/apt/apt.conf.d,lists/partial,cache/archives/partial} || fail 35 "cannot write to $root"
: >"$root/status"
echo "deb [signed-by=$keyring] $mirror $suite main" >"$root/etc/apt/sources.list"
# The host's apt.conf still applies: it may name a proxy.
options=(
    -o "Dir::State=$root" -o "Dir::State::lists=$root/lists" -o "Dir::State::status=$root/status"
    -o "Dir::State::extended_states=$root/extended_states" -o "Dir::Cache=$root/cache"
    -o "Dir::Etc::sourcelist=$root/etc/apt/sources.list" -o "Dir::Etc::sourceparts=/dev/null"
    -o "Dir::Etc::preferences=/dev/null" -o "Dir::Etc::preferencesparts=/dev/null"
    -o APT::Architecture=amd64 -o "APT::Architectures={amd64;}" -o APT::Default-Release= -o Acquire::Languages=none
    -o Acquire::Retries=3 -o APT::Install-Recommends=false -o APT::Get::AutomaticRemove=false -o Debug::NoLocking=true
    -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin -o Acquire::GzipIndexes=false
    -o "pkgCacheGen::ForceEssential=," # apt itself is part of the base only if it is requested
)

if ! apt-get "${options[@]}" -qq -o APT::Update::Error-Mode=any update >"$root/update.log" 2>&1; then
    sed 's/^/    /' "$root/update.log" >&2
    grep -qi 'no space left' "$root/update.log" && fail 35 "the disk of $root is full"
    grep -qiE 'resolv|connect|timed out|unreachable' "$root/update.log" && fail 33 "could not reach the mirror"
    fail 30 "could not read the package lists of suite '$suite' (wrong suite, or not signed by Debian)"
fi

# A simulated installation into an empty system lists the complete closure.
if ! apt-get "${options[@]}" -s install '?essential' "$@" >"$root/plan" 2>"$root/plan.log"; then
    grep -vE '^W:' "$root/plan.log" | sed 's/^/    /' >&2
    fail 30 "apt finds no solution to install: $*"
fi
awk '$1 == "Inst" { sub(/:.*/, "", $2); print $2 }' "$root/plan" | sort -u >"$root/names"
[ -s "$root/names" ] || fail 30 "apt planned no packages"

xargs apt-cache "${options[@]}" show --no-all-versions <"$root/names" | awk -v OFS='\t' '
    function flush() { if (name != "") print name, version, architecture, size, sha256, path; name = "" }
    /^Package: / { flush(); name = $2 }
    /^Version: / { version = $2 }
    /^Architecture: / { architecture = $2 }
    /^Size: / { size = $2 }
    /^SHA256: / { sha256 = $2 }
    /^Filename: / { path = $2 }
    END { flush() }' | sort >"$root/list"

[ "$(cut -f 1 "$root/list" | sort)" = "$(cat "$root/names")" ] || fail 30 "apt's plan and its package records differ"
grep -qvE '^[a-z0-9+.-]+	[A-Za-z0-9.+:~-]+	(amd64|all)	[0-9]+	[0-9a-f]{64}	pool/[A-Za-z0-9/_.+~:%-]+\.deb$' "$root/list" &&
    fail 30 "a package record has an unexpected form"
cat "$root/list"
