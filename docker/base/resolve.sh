#!/usr/bin/env bash
# Ask Debian's archive, for linux/amd64: which packages make the base image and what a project adds to it, and what the
# security archive has.
#
#   resolve.sh SUITE PACKAGE... -- ADDED...   the packages with their dependencies (without recommended packages)
#   resolve.sh --security SUITE               the packages of the security archive: name, version
#
#   resolve.sh trixie ca-certificates libstdc++6 netbase python3 python3-venv tzdata -- libgomp1
#
# The first form prints one line per package, sorted, tab-separated: name, version, architecture, size, sha256, path in the
# archive's pool, suite, the newest version in the security suite (or -), and what it is for: `base` (PACKAGE...: these, the
# essential packages, and what both depend on), `added` (ADDED... and what these depend on, without the essential packages),
# or `both`. It contains no host name. Read are the suite's `main`, its security suite and its updates; a path that begins
# with `pool/updates/` is of the security archive.
#
# It uses the network and changes nothing on the host: apt works in a temporary folder with an empty package status,
# and checks the archive's signature with Debian's own keyring.
#
# Variables: HAKOBUNE_DEBIAN_MIRROR (see mirror.sh); HAKOBUNE_OFFLINE=1 uses no network.
# Exit codes: 0 the list on stdout; 20 wrong arguments; 30 apt finds no solution; 31 packages that Debian does not have (each
# on stderr as `unknown: NAME SIMILAR-NAMES...`); 33 no network; 34 no apt, no keyring or no mirror address; 35 disk full.
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

usage() { fail 20 "usage: resolve.sh SUITE PACKAGE... -- ADDED... | resolve.sh --security SUITE"; }
mode=resolve
[ "${1:-}" != --security ] || { mode=security && shift; }
[ $# -ge 1 ] || usage
suite=$1
shift
[[ $suite =~ ^[a-z]+$ ]] || fail 20 "'$suite' is not the name of a Debian suite"
packages=()
added=()
is_added=0
for word in "$@"; do
    if [ "$word" = -- ] && [ $is_added = 0 ]; then
        is_added=1
        continue
    fi
    [[ $word =~ ^[a-z0-9][a-z0-9+.-]+$ ]] || fail 20 "'$word' is not the name of a Debian package"
    if [ $is_added = 1 ]; then added+=("$word"); else packages+=("$word"); fi
done
[ $mode$((${#packages[@]} + ${#added[@]})) != resolve0 ] || usage

case ${HAKOBUNE_OFFLINE:-} in
    1 | true | yes) fail 33 "HAKOBUNE_OFFLINE is set" ;;
    "" | 0 | false | no) ;;
    *) fail 20 "HAKOBUNE_OFFLINE is '$HAKOBUNE_OFFLINE'; use 1 or 0" ;;
esac
command -v apt-get >/dev/null || fail 34 "apt is missing: run this on Debian or Ubuntu, or in a container of one of them"
keyring=""
for candidate in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
    [ -r "$candidate" ] && keyring=$candidate && break
done
[ -n "$keyring" ] || fail 34 "Debian's keyring is missing: install the package debian-archive-keyring"
here=$(dirname "$0")
archive=$("$here/mirror.sh") || exit 34
security=$("$here/mirror.sh" security) || exit 34

root=$(mktemp -d) || fail 35 "could not create a temporary folder"
trap 'rm -rf "$root"' EXIT
chmod 755 "$root" # apt's download helpers run as another user
# What those leave when they are ended halfway is removed with the rest.
mkdir -m 1777 "$root/tmp" && export TMPDIR=$root/tmp
mkdir -p "$root"/{etc/apt/preferences.d,etc/apt/apt.conf.d,lists/partial,cache/archives/partial} || fail 35 "cannot write to $root"
: >"$root/status"
{
    [ "$mode" = security ] || printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$archive" "$suite" "$keyring" "$archive" "$suite-updates"
    echo "deb [signed-by=$keyring] $security $suite-security main"
} >"$root/etc/apt/sources.list"
# The host's apt.conf still applies: it may name a proxy.
options=(
    -o "Dir::State=$root" -o "Dir::State::lists=$root/lists" -o "Dir::State::status=$root/status"
    -o "Dir::State::extended_states=$root/extended_states" -o "Dir::Cache=$root/cache"
    -o "Dir::Etc::sourcelist=$root/etc/apt/sources.list" -o "Dir::Etc::sourceparts=/dev/null"
    -o "Dir::Etc::preferences=/dev/null" -o "Dir::Etc::preferencesparts=/dev/null"
    -o APT::Architecture=amd64 -o "APT::Architectures={amd64;}" -o APT::Default-Release= -o Acquire::Languages=none
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o APT::Install-Recommends=false -o APT::Get::AutomaticRemove=false
    -o Debug::NoLocking=true
    -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin -o Acquire::GzipIndexes=false
    -o "pkgCacheGen::ForceEssential=," # apt itself is part of the base only if it is requested
)

if ! apt-get "${options[@]}" -qq -o APT::Update::Error-Mode=any update >"$root/update.log" 2>&1; then
    sed 's/^/    /' "$root/update.log" >&2
    grep -qi 'no space left' "$root/update.log" && fail 35 "the disk of $root is full"
    grep -qiE 'resolv|connect|timed out|unreachable' "$root/update.log" && fail 33 "could not reach the mirror"
    fail 30 "could not read the package lists of suite '$suite' (wrong suite, or not signed by Debian)"
fi

# --- what the security archive has ------------------------------------------------------------------------------------

if [ "$mode" = security ]; then
    apt-cache "${options[@]}" dumpavail | awk -v OFS='\t' '/^Package: / { name = $2 } /^Version: / { print name, $2 }' | sort -u
    exit
fi

# --- the packages -----------------------------------------------------------------------------------------------------

# A simulated installation into an empty system lists the complete closure.
plan() { # file, package...
    local file=$1 unknown name
    shift
    if ! apt-get "${options[@]}" -s install '?essential' "$@" >"$file" 2>"$file.log"; then
        unknown=$(sed -nE "s/^E: (Unable to locate package |Package '?)([a-z0-9+.-]+).*/\2/p" "$file.log" | sort -u)
        if [ -n "$unknown" ]; then
            for name in $unknown; do
                echo "unknown: $name $(apt-cache "${options[@]}" pkgnames "${name%"${name##*[!0-9.-]}"}" | sort | head -n 3 | xargs)" >&2
            done
            exit 31
        fi
        grep -vE '^W:' "$file.log" | sed 's/^/    /' >&2
        fail 30 "apt finds no solution to install: $*"
    fi
    awk '$1 == "Inst" { sub(/:.*/, "", $2); print $2 }' "$file" | sort -u >"$file.names"
    [ -s "$file.names" ] || fail 30 "apt planned no packages"
}
plan "$root/all" "${packages[@]}" "${added[@]}"
cp "$root/all.names" "$root/base.names"
: >"$root/added.names"
if [ ${#added[@]} -gt 0 ]; then
    plan "$root/essential" &
    essential=$!
    plan "$root/added" "${added[@]}" &
    if [ ${#packages[@]} = 0 ]; then : >"$root/base.names"; else plan "$root/base" "${packages[@]}"; fi
    wait $! && wait $essential || exit 30
    comm -23 "$root/added.names" "$root/essential.names" >"$root/own" && mv "$root/own" "$root/added.names"
fi
sort -u "$root/base.names" "$root/added.names" >"$root/names"
[ -s "$root/names" ] || exit 0 # all that is asked for is essential

# Which suite a planned version is of, and the newest version in the security suite.
awk -v OFS='\t' -v suite="$suite" '$1 == "Inst" {
    sub(/:.*/, "", $2)
    print $2, suite (/ Debian-Security:/ ? "-security" : / Debian:[^ ,]*-updates\// && !/ Debian:[^ ,-]*\// ? "-updates" : "")
}' "$root/all" | sort -u >"$root/suites"
xargs apt-cache "${options[@]}" madison <"$root/names" 2>/dev/null |
    awk -F ' *\\| *' -v OFS='\t' '$3 ~ /-security\// { sub(/^ +/, "", $1); if (!($1 in seen)) print $1, $2; seen[$1] = 1 }' |
    sort -u >"$root/fixed"

xargs apt-cache "${options[@]}" show --no-all-versions <"$root/names" | awk -v OFS='\t' -v root="$root" '
    BEGIN {
        while ((getline line <(root "/suites")) > 0) { split(line, f, "\t"); suites[f[1]] = f[2] }
        while ((getline line <(root "/fixed")) > 0) { split(line, f, "\t"); fixed[f[1]] = f[2] }
        while ((getline line <(root "/base.names")) > 0) base[line] = 1
        while ((getline line <(root "/added.names")) > 0) added[line] = 1
    }
    function flush() {
        if (name == "") return
        role = (name in base) ? ((name in added) ? "both" : "base") : "added"
        print name, version, architecture, size, sha256, path, suites[name], (name in fixed) ? fixed[name] : "-", role
        name = ""
    }
    /^Package: / { flush(); name = $2 }
    /^Version: / { version = $2 }
    /^Architecture: / { architecture = $2 }
    /^Size: / { size = $2 }
    /^SHA256: / { sha256 = $2 }
    /^Filename: / { path = $2 }
    END { flush() }' | sort >"$root/list"

[ "$(cut -f 1 "$root/list" | sort)" = "$(cat "$root/names")" ] || fail 30 "apt's plan and its package records differ"
grep -qvE '^[a-z0-9+.-]+	[A-Za-z0-9.+:~-]+	(amd64|all)	[0-9]+	[0-9a-f]{64}	pool/[A-Za-z0-9/_.+~:%-]+\.deb	[a-z-]+	[A-Za-z0-9.+:~-]+	(base|added|both)$' "$root/list" &&
    fail 30 "a package record has an unexpected form"
cat "$root/list"
