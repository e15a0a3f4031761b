#!/usr/bin/env bash
# Print the address of the Debian archive that this host installs from, to read another suite of the same archive.
#
#   mirror.sh             the address of the archive (the folder with dists/ and pool/)
#   mirror.sh security    the address of its security archive
#
# HAKOBUNE_DEBIAN_MIRROR takes precedence: the archive's address and, after a blank, that of the security archive, unless
# it is called like the archive with `-security` behind. Otherwise apt itself reads the host's sources, so that this
# project names no mirror. Updates, third-party and disabled entries are ignored.
# It must not use the network, and must not change anything on the host: apt works on a temporary copy of the sources.
#
# Exit codes: 0 an address on stdout; 20 wrong arguments; 34 no address found.
set -u
export LC_ALL=C
unset APT_CONFIG

case "$#${1:-}" in
    0) wanted=archive ;;
    1security) wanted=security ;;
    *) echo "usage: mirror.sh [security]    (prints the address of the host's Debian archive)" >&2; exit 20 ;;
esac

os_release=${HAKOBUNE_TEST_ROOT:-}/etc/os-release
apt_dir=${HAKOBUNE_TEST_ROOT:-}/etc/apt

not_found() {
    echo "mirror.sh: $1" >&2
    echo "mirror.sh: set HAKOBUNE_DEBIAN_MIRROR to the address of a Debian mirror (the folder with dists/ and pool/)" >&2
    exit 34
}

security_of() { # the archive's address
    case $1 in
        */debian) echo "$1-security" ;;
        *)
            echo "mirror.sh: the security archive beside $1 is not known" >&2
            echo "mirror.sh: name both archives: HAKOBUNE_DEBIAN_MIRROR='$1 ADDRESS-OF-THE-SECURITY-ARCHIVE'" >&2
            exit 34 ;;
    esac
}

if [ -n "${HAKOBUNE_DEBIAN_MIRROR:-}" ]; then
    read -r archive security _ <<<"$HAKOBUNE_DEBIAN_MIRROR"
    [ $wanted = security ] || { echo "${archive%/}"; exit 0; }
    [ -n "$security" ] || security=$(security_of "${archive%/}") || exit
    echo "${security%/}"
    exit 0
fi

field() { sed -n "s/^$1=//p" "$os_release" 2>/dev/null | tr -d '"'; }
[ "$(field ID)" = debian ] || not_found "this host is not Debian, so its apt sources do not name a Debian archive"
codename=$(field VERSION_CODENAME)
command -v apt-get >/dev/null || not_found "apt is missing, so it cannot read this host's sources"

# Only the files that this user can read: apt rejects all of them if it cannot read one.
copy=$(mktemp -d) || not_found "could not create a temporary folder"
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/sources.list.d"
cp "$apt_dir/sources.list" "$copy/" 2>/dev/null || : >"$copy/sources.list"
cp "$apt_dir"/sources.list.d/*.list "$apt_dir"/sources.list.d/*.sources "$copy/sources.list.d/" 2>/dev/null

list_targets() { # format
    apt-get -o "Dir::Etc::sourcelist=$copy/sources.list" -o "Dir::Etc::sourceparts=$copy/sources.list.d" \
        indextargets --no-release-info --format "$1" "Identifier: Packages" "Component: main" 2>"$copy/log"
}

# apt prints an entry's key only when it rejects a later entry of the same archive with another key. It accepts one after an
# entry without a key. For entries that differ in another option first (trusted, say) it prints no key: these count as Debian's,
# and whoever reads a suite from there checks its signature anyway.
is_signed_by_another() { # address, suite
    echo "deb [signed-by=/hakobune] $1 $2 main" >"$copy/sources.list.d/zzzz-hakobune.list"
    ! list_targets x >/dev/null && grep -q 'option Signed-By ' "$copy/log" &&
        ! grep -q ': [^ ]*debian-archive[^ ]* != ' "$copy/log"
}

# Rank: the folder's name first, because an entry without a key may be a third party's, then the file's name.
# shellcheck disable=SC2016 # apt's own variables
list_targets '$(SOURCESENTRY) $(RELEASE) $(REPO_URI)' >"$copy/targets" ||
    not_found "apt cannot read the sources in $apt_dir: $(sed -n "s|$copy|$apt_dir|g; s/^E: //p" "$copy/log" | head -n 1)"
awk -v codename="$codename" -v folder="$copy/" '
    $3 ~ /^cdrom:/ { next }
    {
        kind = $2 ~ /-security$/ ? "security" : "archive"
        if (kind == "archive" && ((" " codename " stable oldstable testing unstable sid ") !~ (" " $2 " ") || $3 ~ /-security\/$/)) next
        file = substr($1, length(folder) + 1)
        print ($3 !~ /\/debian(-security)?\/$/) (file !~ /^sources\.list:|\/debian\./), kind, $3, $2
    }' "$copy/targets" | sort -s -k 1,1 | uniq >"$copy/candidates"

# The first address of a kind that is Debian's own, or nothing.
first() { # kind
    local kind candidate suite address=""
    while read -r _ kind candidate suite; do
        [ "$kind" = "$1" ] || continue
        is_signed_by_another "$candidate" "$suite" && continue
        address=${candidate%/}
        break
    done <"$copy/candidates"
    case $address in
        mirror+file:*) # a file with one address per line, as in Debian's cloud images
            address=$(awk '/^[a-z]/ { print $1; exit }' "${HAKOBUNE_TEST_ROOT:-}/${address#mirror+file:}" 2>/dev/null) ;;
    esac
    echo "${address%/}"
}

address=$(first archive)
[ -n "$address" ] || not_found "no entry for Debian's main archive in $apt_dir"
if [ $wanted = security ]; then
    security=$(first security)
    [ -n "$security" ] || security=$(security_of "$address") || exit
    address=$security
fi
echo "$address"
