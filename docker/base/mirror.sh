#!/usr/bin/env bash
# Print the address of the Debian archive that this host installs from, to read another suite of the same archive.
#
# HAKOBUNE_DEBIAN_MIRROR takes precedence. Otherwise apt itself reads the host's sources, so that this project names no
# mirror. Security, updates, third-party and disabled entries are ignored.
# It must not use the network, and must not change anything on the host: apt works on a temporary copy of the sources.
#
# Exit codes: 0 an address on stdout; 20 wrong arguments; 34 no address found.
set -u
export LC_ALL=C
unset APT_CONFIG

[ $# -eq 0 ] || { echo "usage: mirror.sh    (prints the address of the host's Debian archive)" >&2; exit 20; }

if [ -n "${HAKOBUNE_DEBIAN_MIRROR:-}" ]; then
    echo "${HAKOBUNE_DEBIAN_MIRROR%/}"
    exit 0
fi

os_release=${HAKOBUNE_TEST_ROOT:-}/etc/os-release
apt_dir=${HAKOBUNE_TEST_ROOT:-}/etc/apt

not_found() {
    echo "mirror.sh: $1" >&2
    echo "mirror.sh: set HAKOBUNE_DEBIAN_MIRROR to the address of a Debian mirror (the folder with dists/ and pool/)" >&2
    exit 34
}

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
    (" " codename " stable oldstable testing unstable sid ") !~ (" " $2 " ") || $3 ~ /-security\/$/ || $3 ~ /^cdrom:/ { next }
    {
        file = substr($1, length(folder) + 1)
        print ($3 !~ /\/debian\/$/) (file !~ /^sources\.list:|\/debian\./), $3, $2
    }' "$copy/targets" | sort -s -k 1,1 | uniq >"$copy/candidates"

address=""
while read -r _ candidate suite; do
    is_signed_by_another "$candidate" "$suite" && continue
    address=${candidate%/}
    break
done <"$copy/candidates"

case $address in
    mirror+file:*) # a file with one address per line, as in Debian's cloud images
        address=$(awk '/^[a-z]/ { print $1; exit }' "${HAKOBUNE_TEST_ROOT:-}/${address#mirror+file:}" 2>/dev/null) ;;
esac
[ -n "$address" ] || not_found "no entry for Debian's main archive in $apt_dir"
echo "${address%/}"
