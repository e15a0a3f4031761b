#!/usr/bin/env bash
# Build the base image's root file system from exactly the locked Debian packages: the same tar, byte for byte, each time.
#
#   build.sh PACKAGES.tsv OUT.tar [CACHE_FOLDER]
#
# PACKAGES.tsv is what resolve.sh prints. The packages are downloaded (only those that the cache lacks; its default is
# ${XDG_CACHE_HOME:-~/.cache}/hakobune/debs), their checksums verified, and mmdebstrap unpacks and configures them from a
# folder, without network. OUT.tar appears when all is done, never half-written.
#
# It must not take a package that is not in the list, nor anything of this host: clock, umask, names, locale.
#
# What is left out of the tree stands in leave-out.cfg; finish.sh removes what would differ from run to run.
#
# Variables: HAKOBUNE_DEBIAN_MIRROR (see mirror.sh); HAKOBUNE_OFFLINE=1 takes packages from the cache only.
# Exit codes: 0 done; 20 wrong arguments; 30 the tree could not be built; 31 the mirror no longer has locked packages
# (each on stderr as `gone: NAME VERSION`); 32 a download is damaged, twice; 33 no network (or: offline, and not in the
# cache); 34 a tool, a privilege or the mirror's address is missing; 35 disk full.
set -u
umask 022
export LC_ALL=C TZ=UTC
unset APT_CONFIG
readonly EPOCH=315532800 # 1980-01-01: older than every packaged file, and the earliest time a zip archive can hold
readonly DOWNLOADERS=4
HERE=$(cd "$(dirname "$0")" && pwd)
readonly HERE
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*" >&2; }
fail() { # code, line...
    local code=$1
    shift
    printf 'build.sh: %s\n' "$@" >&2
    exit "$code"
}

read_arguments() {
    { [ $# -ge 2 ] && [ $# -le 3 ]; } || fail 20 "usage: build.sh PACKAGES.tsv OUT.tar [CACHE_FOLDER]"
    LIST=$1 OUT=$2 CACHE=${3:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hakobune/debs}
    [ -r "$LIST" ] || fail 20 "cannot read $LIST"
    case ${HAKOBUNE_OFFLINE:-} in
        1 | true | yes) OFFLINE=1 ;;
        "" | 0 | false | no) OFFLINE=0 ;;
        *) fail 20 "HAKOBUNE_OFFLINE is '$HAKOBUNE_OFFLINE'; use 1 or 0" ;;
    esac
    [ -s "$LIST" ] || fail 20 "$LIST is empty"
    ! grep -nvE '^[a-z0-9+.-]+	[A-Za-z0-9.+:~-]+	(amd64|all)	[0-9]+	[0-9a-f]{64}	pool/[A-Za-z0-9/_.+~:%-]+\.deb$' "$LIST" >&2 ||
        fail 20 "$LIST: the lines above are not name, version, architecture, size, sha256 and pool path"
    mkdir -p "$CACHE" "$(dirname "$OUT")" || fail 35 "cannot create $CACHE or the folder of $OUT"
    CACHE=$(cd "$CACHE" && pwd)
    OUT=$(cd "$(dirname "$OUT")" && pwd)/$(basename "$OUT")
}

require_tools() {
    local sudo="" tool
    for tool in dpkg-deb sha256sum xargs /usr/lib/apt/apt-helper; do
        command -v "$tool" >/dev/null || fail 34 "$tool is missing: run this on Debian or Ubuntu, or in a container of one of them"
    done
    if ! command -v mmdebstrap >/dev/null; then
        if [ "$(id -u)" != 0 ]; then
            sudo="sudo -n"
            sudo -n true 2>/dev/null || fail 34 "mmdebstrap is missing: install it (sudo apt-get install mmdebstrap uidmap)"
        fi
        say "root: running${sudo:+ by sudo}: apt-get update, and apt-get install of mmdebstrap and uidmap"
        # shellcheck disable=SC2086 # empty or two words
        { $sudo apt-get -qq update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
            -o DPkg::Lock::Timeout=300 install mmdebstrap uidmap; } >"$WORK/install.log" 2>&1 ||
            { tail -n 5 "$WORK/install.log" >&2; fail 34 "mmdebstrap is missing and could not be installed: apt-get install mmdebstrap"; }
    fi
    MODE=root
    if [ "$(id -u)" != 0 ]; then
        MODE=unshare
        { command -v newuidmap >/dev/null && grep -q "^$(id -un):" /etc/subuid; } 2>/dev/null ||
            fail 34 "as an ordinary user this needs newuidmap (package uidmap) and a line for $(id -un) in /etc/subuid and /etc/subgid; or run it as root"
    fi
}

# --- the packages ---------------------------------------------------------------------------------------------------

is_intact() { [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$2  -" ]; } # file, sha256

# Writes to $WORK/missing the lines of the list whose package the cache lacks; what is damaged there is thrown away.
find_missing() {
    local name version architecture size sha256 path
    : >"$WORK/missing"
    while IFS=$'\t' read -r name version architecture size sha256 path; do
        is_intact "$CACHE/$sha256.deb" "$sha256" && continue
        rm -f "$CACHE/$sha256.deb"
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$version" "$architecture" "$size" "$sha256" "$path" >>"$WORK/missing"
    done <"$LIST"
}

# Moves a finished, verified download into the cache.
keep() { # sha256
    is_intact "$DOWNLOADS/$1.deb" "$1" && mv "$DOWNLOADS/$1.deb" "$CACHE/$1.deb"
}

fetch() { # address, sha256, ...: several pairs, one after the other
    local arguments=()
    while [ $# -ge 2 ]; do
        arguments+=("$1" "$DOWNLOADS/$2.deb" "SHA256:$2")
        shift 2
    done
    /usr/lib/apt/apt-helper -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o APT::Sandbox::User= download-file "${arguments[@]}" 2>&1
}

stop_if_disk_is_full() { # log
    ! grep -qi 'no space left' "$1" || fail 35 "the disk of $CACHE or ${TMPDIR:-/tmp} is full"
}

download() {
    local mirror security count share name version architecture size sha256 path
    count=$(wc -l <"$WORK/missing")
    share=$(((count + DOWNLOADERS - 1) / DOWNLOADERS))
    [ "$count" -gt 0 ] || return 0
    if [ "$OFFLINE" = 1 ]; then
        awk -F '\t' '{ print "not in the cache: " $1 " " $2 }' "$WORK/missing" >&2
        fail 33 "HAKOBUNE_OFFLINE is set, and $CACHE lacks $count packages"
    fi
    mirror=$("$HERE/mirror.sh") || exit 34
    security=$mirror
    ! grep -q '	pool/updates/' "$WORK/missing" || security=$("$HERE/mirror.sh" security) || exit 34
    export -f fetch
    export DOWNLOADS
    awk -F '\t' -v mirror="$mirror" -v security="$security" '
        { print ($6 ~ /^pool\/updates\// ? security : mirror) "/" $6; print $5 }' "$WORK/missing" |
        xargs -P $DOWNLOADERS -n $((share * 2)) bash -c 'fetch "$@"' fetch >"$WORK/fetch.log"
    while IFS=$'\t' read -r name version architecture size sha256 path; do keep "$sha256"; done <"$WORK/missing"
    stop_if_disk_is_full "$WORK/fetch.log"
    find_missing
    [ -s "$WORK/missing" ] || { say "packages: $count downloaded"; return 0; }
    if ! grep -qE '404 +Not Found|File not found|Hash Sum mismatch|unexpected size' "$WORK/fetch.log"; then
        grep -A1 '^Err:' "$WORK/fetch.log" | tail -n 4 | sed 's/^/    /' >&2
        fail 33 "the mirror cannot be reached"
    fi
    judge_failures "$mirror" "$security"
}

# Tries each failed package once more, alone, so that its own reason is known.
judge_failures() { # mirror, security archive
    local archive name version architecture size sha256 path gone=0 damaged="" unreachable=0
    while IFS=$'\t' read -r name version architecture size sha256 path; do
        rm -f "$DOWNLOADS/$sha256.deb"*
        case $path in pool/updates/*) archive=$2 ;; *) archive=$1 ;; esac
        fetch "$archive/$path" "$sha256" >"$WORK/fetch.log"
        keep "$sha256" && continue
        stop_if_disk_is_full "$WORK/fetch.log"
        if grep -qE '404 +Not Found|File not found' "$WORK/fetch.log" || is_another_build "$DOWNLOADS/$sha256.deb.FAILED"; then
            say "gone: $name $version"
            gone=1
        elif grep -qE 'Hash Sum mismatch|unexpected size' "$WORK/fetch.log"; then
            damaged="$damaged $name"
        else
            unreachable=1
        fi
    done <"$WORK/missing"
    [ $gone = 0 ] || fail 31 "the mirror no longer has the packages above as they were locked"
    [ -z "$damaged" ] || fail 32 "downloaded twice, and twice not what was locked:$damaged"
    [ $unreachable = 0 ] || fail 33 "the mirror cannot be reached"
}

# A whole, readable package with another checksum was not damaged on its way: the mirror has another file there.
is_another_build() { [ -s "$1" ] && dpkg-deb --fsys-tarfile "$1" >/dev/null 2>&1; }

# --- the tree -------------------------------------------------------------------------------------------------------

# A folder that apt can install from: the packages and their index.
make_repository() {
    local name version architecture size sha256 path
    mkdir "$WORK/repository"
    while IFS=$'\t' read -r name version architecture size sha256 path; do
        ln "$CACHE/$sha256.deb" "$WORK/repository/$sha256.deb" 2>/dev/null ||
            cp "$CACHE/$sha256.deb" "$WORK/repository/$sha256.deb" || fail 35 "cannot write to $WORK"
        dpkg-deb -f "$WORK/repository/$sha256.deb" || fail 32 "$name: not a Debian package"
        printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' "$sha256" "$size" "$sha256"
    done <"$LIST" >"$WORK/repository/Packages" || exit
    cut -f 1-3 "$LIST" | sort >"$WORK/expected"
    chmod -R a+rX "$WORK"
}

make_tree() {
    local tree=$WORK/tree # what mmdebstrap leaves when it is ended while it cleans up is removed with the rest
    # Another user's folder is of no use to it there.
    [ "$MODE" = root ] && mkdir "$tree" || tree=${TMPDIR:-/tmp}
    # An environment of its own: no proxy, language or configuration of the caller reaches the packages' scripts.
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ TMPDIR="$tree" LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=$EPOCH \
        EXPECTED="$WORK/expected" mmdebstrap --mode="$MODE" --variant=essential --format=tar --architectures=amd64 \
        --include="$(cut -f 1 "$LIST" | paste -sd ,)" --dpkgopt="$HERE/leave-out.cfg" --customize-hook="$HERE/finish.sh" \
        "" "$PARTIAL" "deb [trusted=yes] copy:$WORK/repository ./" >"$WORK/tree.log" 2>&1 && [ -s "$PARTIAL" ] && return 0
    grep -v '^I: ' "$WORK/tree.log" | tail -n 20 | sed 's/^/    /' >&2
    stop_if_disk_is_full "$WORK/tree.log"
    grep -qiE 'permission denied|not permitted|must be root' "$WORK/tree.log" && fail 34 "mmdebstrap lacks a privilege (mode $MODE)"
    fail 30 "mmdebstrap could not build the tree"
}

read_arguments "$@"
WORK=$(mktemp -d) || fail 35 "no temporary folder could be made"
DOWNLOADS=$CACHE/downloading.$$
PARTIAL=$OUT.partial.$$
trap 'rm -rf --one-file-system "$WORK" "$DOWNLOADS" "$PARTIAL"' EXIT # never into what is still mounted in the tree
trap 'exit 130' INT TERM
mkdir "$DOWNLOADS" || fail 35 "cannot write to $CACHE"
require_tools
find_missing
download
make_repository
make_tree
mv "$PARTIAL" "$OUT" || fail 35 "cannot write $OUT"
say "base: $(wc -l <"$LIST") packages, $(($(wc -c <"$OUT") / 1000000)) MB, sha256 $(sha256sum <"$OUT" | cut -d ' ' -f 1)"
