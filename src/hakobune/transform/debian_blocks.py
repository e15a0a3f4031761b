"""How the lock's Debian packages get into the image: two stages below all others. Pure.

They are parts of the Dockerfile that `render_dockerfile` writes.
"""

from hakobune.model.lock import Lock, LockedDebian
from hakobune.transform.install_blocks import VENDOR


def render_system(lock: Lock, *, fetch_program: str, epoch: int) -> str:
    """Return the stages that make `base` of `bare`: the base, and the lock's Debian packages.

    The first has the network and executes nothing of a package. The second, without a network,
    executes the packages' maintainer scripts as root, and sets the time of all that it changed.
    """
    return f"""\
FROM bare AS debs
{_fetch_debian(lock.debian_packages, fetch_program, f"/build/{VENDOR}")}\
FROM bare AS base
RUN --network=none --mount=type=bind,from=debs,source=/debs,target=/mnt <<'END'
set -eu
umask 022
export LC_ALL=C TZ=UTC DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH={epoch} HOME=/tmp
start=/dev/shm/start
touch $start
sleep 0.1
# No service starts in a build (invoke-rc.d(8)).
policy=
if [ ! -e /usr/sbin/policy-rc.d ]; then
  policy=/usr/sbin/policy-rc.d
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
# More than once: a package that another one must precede fails the first time.
for try in 1 2 3 4 failed; do
  [ -n "$(ls /mnt)" ] || break
  if [ $try = failed ]; then
    echo "hakobune: dpkg cannot install the locked Debian packages" >&2
    exit 1
  fi
  ! dpkg --log=/dev/null --force-unsafe-io --force-confold --skip-same-version --refuse-downgrade \\
    --install /mnt/*.deb || break
done
rm -f $policy
ldconfig
echo "maintainer scripts that ran: $(find /var/lib/dpkg/info -name '*.p*inst' -cnewer $start \\
  -printf '%f ')"
# What the next build would make differently: caches, logs, backups.
find /usr -xdev -name __pycache__ -cnewer $start -prune -exec rm -rf {{}} +
find /var/log /var/cache /var/backups /tmp /var/tmp /run /root -xdev -type f -cnewer $start -delete
find /etc /var/lib -xdev -type f -cnewer $start '(' -path '/etc/*-' -o -name .pwd.lock \\
  -o -name machine-id -o -path '/var/lib/dpkg/*-old' -o -path '/var/lib/dpkg/lock*' \\
  -o -path /var/lib/dpkg/triggers/Lock ')' -delete
find / -xdev '(' -path /dev -o -path /proc -o -path /sys -o -path /mnt -o -path /etc/hosts \\
  -o -path /etc/hostname -o -path /etc/resolv.conf ')' -prune -o -cnewer $start \\
  -exec touch -hd @{epoch} {{}} +
END
"""


def _fetch_debian(packages: tuple[LockedDebian, ...], fetch_program: str, vendored: str) -> str:
    rows = "\n".join(
        f"{p.release} {p.name} {p.version} {p.architecture} {p.sha256} {p.path}" for p in packages
    )
    return f"""\
COPY <<'END' /build/debian.txt
{rows}
END
COPY <<'END' /build/fetch_debian.py
{fetch_program.rstrip()}
END
RUN --mount=type=secret,id=ca_bundle --mount=type=secret,id=debian_mirror \\
    --mount=type=cache,target=/root/.cache --mount=type=bind,from={VENDOR},target=/build/{VENDOR} \\
    python3 -B /build/fetch_debian.py /build/debian.txt /debs {vendored}
"""


def render_debian_download(
    lock: Lock, packages: tuple[LockedDebian, ...], *, fetch_program: str
) -> bytes:
    """Return the Dockerfile of an image that consists of these Debian packages' files alone."""
    return f"""\
# check=skip=FromPlatformFlagConstDisallowed
ARG HAKOBUNE_BASE
FROM scratch AS {VENDOR}
FROM --platform={lock.platform} ${{HAKOBUNE_BASE}} AS fetched
{_fetch_debian(packages, fetch_program, "all")}\
FROM scratch
COPY --from=fetched /debs /
""".encode()
