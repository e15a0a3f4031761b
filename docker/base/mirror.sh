#!/usr/bin/env bash
# Print the address of the Debian archive that this host installs from, to read another suite of the same archive.
#
# HAKOBUNE_DEBIAN_MIRROR takes precedence. Otherwise the address comes from the host's own apt sources (one-line and deb822
# format), so that this project names no mirror. Security, updates, third-party and disabled entries are ignored.
# It must not use the network, and must not change anything.
#
# Exit codes: 0 an address on stdout; 20 wrong arguments; 34 no address found.
set -u

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

# Both formats become: address<TAB>suites<TAB>components<TAB>signed-by.
read_one_line() {
    awk '
        $1 != "deb" { next }
        {
            signed = ""; i = 2
            if ($2 ~ /^\[/) {
                while (i <= NF) {
                    option = $i; gsub(/[][]/, "", option)
                    if (option ~ /^signed-by=/) signed = substr(option, 11)
                    if ($(i++) ~ /\]$/) break
                }
            }
            parts = ""
            for (j = i + 2; j <= NF && $j !~ /^#/; j++) parts = parts " " $j
            print $i "\t" $(i + 1) "\t" parts "\t" signed
        }' "$1"
}

read_deb822() {
    awk '
        function flush(   a) {
            if (types ~ /(^| )deb( |$)/ && enabled !~ /^(no|false|0)$/) {
                split(uris, a, " ")
                print a[1] "\t" suites "\t" components "\t" signed
            }
            types = uris = suites = components = signed = enabled = key = ""
        }
        /^#/ { next }
        /^[ \t]*$/ { flush(); next }
        /^[ \t]/ { value = $0; extend = 1 }
        /^[^ \t]/ {
            extend = 0; key = tolower(substr($0, 1, index($0, ":") - 1)); value = substr($0, index($0, ":") + 1)
        }
        {
            gsub(/^[ \t]+|[ \t]+$/, "", value); gsub(/[ \t]+/, " ", value)
            if (key == "types") types = extend ? types " " value : value
            if (key == "uris") uris = extend ? uris " " value : value
            if (key == "suites") suites = extend ? suites " " value : value
            if (key == "components") components = extend ? components " " value : value
            if (key == "signed-by") signed = extend ? "inline key" : value
            if (key == "enabled") enabled = tolower(value)
        }
        END { flush() }' "$1"
}

all_entries() {
    local file
    for file in "$apt_dir/sources.list" "$apt_dir"/sources.list.d/debian.* "$apt_dir"/sources.list.d/*; do
        case $file in
            *.list) [ -r "$file" ] && read_one_line "$file" ;;
            *.sources) [ -r "$file" ] && read_deb822 "$file" ;;
        esac
    done
}

# A third-party list can name the same suite and component, but with another key: select by key, then by the folder's name.
address=$(all_entries | awk -F '\t' -v codename="$codename" '
    (" " $2 " ") !~ (" (" codename "|stable|oldstable|testing|unstable|sid) ") { next }
    (" " $3 " ") !~ / main / { next }
    $1 ~ /-security\/?$/ || $1 ~ /^cdrom:/ { next }
    $4 != "" && $4 !~ /debian-archive/ { next }
    { if ($1 ~ /\/debian\/?$/ && best == "") best = $1; if (first == "") first = $1 }
    END { print best != "" ? best : first }')

case $address in
    mirror+file:*) # a file with one address per line, as in Debian's cloud images
        address=$(awk '/^[a-z]/ { print $1; exit }' "${HAKOBUNE_TEST_ROOT:-}/${address#mirror+file:}" 2>/dev/null) ;;
esac
[ -n "$address" ] || not_found "no entry for Debian's main archive in $apt_dir"
echo "${address%/}"
