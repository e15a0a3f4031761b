#!/usr/bin/env bash
# mmdebstrap's last hook (see build.sh): leave in the root file system only what each build makes alike.
#
#   finish.sh ROOT     with EXPECTED = a file of name<TAB>version<TAB>architecture lines, sorted
#
# It removes caches, logs, backups and traces of the building host, compiles Python's own modules, and checks that the
# package status holds exactly the locked packages. It must not touch the package status itself: scanners read it.
set -eu
umask 022
root=$1
[ -d "$root/var/lib/dpkg" ] || { echo "finish.sh: $root is no root file system" >&2; exit 20; }

rm -rf "$root"/var/log/* "$root"/var/cache/apt/* "$root"/var/cache/ldconfig "$root"/var/lib/apt/lists \
    "$root"/var/lib/apt/extended_states "$root"/var/backups/* "$root"/tmp/* "$root"/var/tmp/* "$root"/run/*
rm -f "$root"/etc/{passwd,group,shadow,gshadow,subuid,subgid}- "$root"/etc/.pwd.lock \
    "$root"/etc/{machine-id,hostname,resolv.conf,hosts} "$root"/etc/apt/sources.list "$root"/var/lib/dbus/machine-id \
    "$root"/var/lib/dpkg/{status,diversions,statoverride,available}-old "$root"/var/lib/dpkg/{lock,lock-frontend,triggers/Lock} \
    "$root"/var/cache/debconf/*-old
# Tests of Python itself, which the official image leaves out too; its packages' own scripts expect them till here.
rm -rf "$root"/usr/lib/python3.*/test
# Read only when Debian packages are built.
rm -f "$root"/var/lib/dpkg/info/*.symbols "$root"/var/lib/dpkg/info/*.shlibs

# Timestamps of sources are lost in an image's layers, so bytecode must not depend on them. A module without bytecode
# would be compiled anew at each start of a container, since its user cannot write beside it.
find "$root/usr" -name __pycache__ -type d -prune -exec rm -rf {} +
if [ -x "$root/usr/bin/python3" ]; then
    # None of this host's environment reaches the new root; its folders are named there, not here.
    env -i PATH=/usr/bin:/usr/sbin LC_ALL=C.UTF-8 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 chroot "$root" /bin/sh -ec '
        exec python3 -m compileall -q -j 1 --invalidation-mode unchecked-hash /usr/lib/python3* /usr/share/python3'
fi

dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package}\t${Version}\t${Architecture}\t${db:Status-Abbrev}\n' |
    sed 's/\tii $//' | LC_ALL=C sort | diff "$EXPECTED" - >&2 ||
    { echo "finish.sh: the installed packages are not the locked ones" >&2; exit 1; }
