"""How locked packages get into the image: one install block for each kind. Pure.

The blocks are parts of the Dockerfile that `render_dockerfile` writes.
"""

from dataclasses import dataclass
from typing import assert_never

from hakobune.model.lock import (
    Lock,
    LockedConda,
    LockedDebian,
    LockedSdist,
    LockedWheel,
    unsupported,
)

# The build context (and stage) of the wheels that `hakobune vendor` fetched.
VENDOR = "vendor"

# The start of each stage that uses the package index; its commands follow.
_ASK_INDEX = f"""\
# Secrets, which no layer holds: the host's CA bundle, its pip.conf, the address of an extra index.
RUN --mount=type=secret,id=ca_bundle --mount=type=secret,id=pip_conf \\
    --mount=type=secret,id=extra_index_url --mount=type=cache,target=/root/.cache \\
    --mount=type=bind,from={VENDOR},target=/build/{VENDOR} <<'END'
set -eu
cd /run/secrets 2>/dev/null || cd /build
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
if [ -s ca_bundle ]; then export SSL_CERT_FILE=$PWD/ca_bundle PIP_CERT=$PWD/ca_bundle; fi
if [ -s pip_conf ]; then export PIP_CONFIG_FILE=$PWD/pip_conf; fi
if [ -s extra_index_url ]; then
  PIP_EXTRA_INDEX_URL=$(cat extra_index_url)
  export PIP_EXTRA_INDEX_URL
fi
from=
if [ -n "$(ls /build/{VENDOR})" ]; then from="--no-index --find-links /build/{VENDOR}"; fi
python3 -m venv /build/tools
pip=/build/tools/bin/pip"""
INSTALL_TOOLS = f"""\
{_ASK_INDEX}
$pip install --quiet $from --no-deps --only-binary :all: --require-hashes -r /build/tools.txt"""


def render_download(lock: Lock, wheels: tuple[LockedWheel, ...]) -> bytes:
    """Return the Dockerfile of an image that consists of these wheels' files alone.

    The image's own Python downloads them, from the index that the image's build uses.
    """
    return f"""\
# check=skip=FromPlatformFlagConstDisallowed
ARG HAKOBUNE_BASE
FROM scratch AS {VENDOR}
FROM --platform={lock.platform} ${{HAKOBUNE_BASE}} AS fetched
COPY <<'END' /build/wheels.txt
{requirements(wheels)}
END
{_ASK_INDEX}
$pip download --quiet --no-deps --only-binary :all: --require-hashes --dest /wheels \\
  -r /build/wheels.txt
END
FROM scratch
COPY --from=fetched /wheels /
""".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallBlock:
    """Installs the packages of one kind: their list for the build, and the commands."""

    listed: str
    commands: str


def install_blocks(lock: Lock) -> tuple[InstallBlock, ...]:
    """Return an install block for each kind of package; each image has the wheels' block.

    Raises PackageKindUnsupportedError for a package of a kind that has no install block.
    """
    wheels = []
    for package in lock.packages:
        match package:
            case LockedWheel():
                wheels.append(package)
            case LockedSdist() | LockedDebian() | LockedConda():
                raise unsupported(package, "install")
            case _:
                assert_never(package)
    return (_install_wheels(tuple(wheels)),)


def _install_wheels(wheels: tuple[LockedWheel, ...]) -> InstallBlock:
    return InstallBlock(
        listed=f"""\
COPY <<'END' /build/packages.txt
{requirements(wheels)}
END
""",
        commands="""\
/build/tools/bin/uv pip install --python /venv/bin/python $from --no-deps --only-binary :all: \\
  --require-hashes --no-compile-bytecode -r /build/packages.txt
""",
    )


def requirements(wheels: tuple[LockedWheel, ...]) -> str:
    """Return the lines that pip and uv install exactly these wheels from."""
    return "\n".join(
        f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in wheels
    )
