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
# The stage that holds the wheels that were built of source distributions.
BUILT = "built"
# uv in place of pip, on the same indexes.
USE_UV = """\
export UV_LINK_MODE=copy UV_NO_PROGRESS=1
# uv reads no pip.conf. Several indexes are safe here, because the hash decides and not the index.
UV_DEFAULT_INDEX=$($pip config get global.index-url 2>/dev/null || true)
UV_INDEX="${PIP_EXTRA_INDEX_URL:-} $($pip config get global.extra-index-url 2>/dev/null || true)"
export UV_DEFAULT_INDEX UV_INDEX UV_INDEX_STRATEGY=unsafe-best-match
[ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX"""
INSTALL_TOOLS = f"""\
{_ASK_INDEX}
# uv is a program of its own: that it names a newer Python than the base has is of no account.
$pip install --quiet $from --no-deps --only-binary :all: --ignore-requires-python \\
  --require-hashes -r /build/tools.txt"""


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
    wheels, sdists = [], []
    for package in lock.packages:
        match package:
            case LockedWheel():
                wheels.append(package)
            case LockedSdist():
                sdists.append(package)
            case LockedDebian():
                pass  # `render_system` puts it below all else
            case LockedConda():
                raise unsupported(package, "install")
            case _:
                assert_never(package)
    return (_install_wheels(tuple(wheels)), *((_install_built(),) if sdists else ()))


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


def _install_built() -> InstallBlock:
    """Install the wheels that the stage `built` made of source distributions."""
    return InstallBlock(
        listed=f"COPY --from={BUILT} /wheels /build/wheels\n",
        commands="""\
/build/tools/bin/uv pip install --python /venv/bin/python --no-deps --no-index \\
  --no-compile-bytecode /build/wheels/*.whl
# What a source distribution needs was read from it and not asked of its code: is all of it there?
/build/tools/bin/uv pip check --python /venv/bin/python
""",
    )


def render_built(lock: Lock, *, fetch_program: str, epoch: int) -> str:
    """Return the stages that build the wheels of source distributions.

    The first has the network and executes nothing of a package; the second executes it without.
    """
    sdists = lock.sdists
    wheels = {f"{wheel.name}=={wheel.version}": wheel for wheel in lock.builders}
    listed = "".join(
        f"COPY <<'END' /build/builders/{sdist.name}.txt\n"
        f"{requirements(tuple(wheels[pin] for pin in sdist.builders))}\nEND\n"
        for sdist in sdists
    )
    names = " ".join(sdist.name for sdist in sdists)
    files = "\n".join(f"{s.name}=={s.version} {s.sha256} {s.file}" for s in sdists)
    commands = "\n".join(f"build {s.name} {s.file} '{s.wheel_sha256}'" for s in sdists)
    return f"""\
FROM base AS sdists
COPY <<'END' /build/tools.txt
{requirements(lock.installers)}
END
COPY <<'END' /build/sdists.txt
{files}
END
COPY <<'END' /build/fetch_sdists.py
{fetch_program.rstrip()}
END
{listed}\
{INSTALL_TOOLS}
{USE_UV}
mkdir -p /sdists
for file in /build/{VENDOR}/*.tar.gz /build/{VENDOR}/*.zip; do
  [ ! -e "$file" ] || cp "$file" /sdists
done
python3 /build/fetch_sdists.py /build/tools/bin/uv /build/sdists.txt /sdists
for name in {names}; do
  python3 -m venv --without-pip "/build/for/$name"
  /build/tools/bin/uv pip install --quiet --python "/build/for/$name/bin/python" $from --no-deps \\
    --only-binary :all: --require-hashes -r "/build/builders/$name.txt"
done
END

FROM sdists AS {BUILT}
RUN --network=none <<'END'
set -eu
umask 022
# The same wheel each time: no clock, no order of hashes, no name of this machine.
export SOURCE_DATE_EPOCH={epoch} PYTHONHASHSEED=0 TZ=UTC LC_ALL=C HOME=/tmp UV_NO_PROGRESS=1
build() {{ # package, file, sha256 of the wheel or nothing
  rm -rf /build/wheel /build/work
  mkdir -p /build/wheel /build/work
  tar -xf "/sdists/$2" -C /build/work 2>/dev/null || python3 -m zipfile -e "/sdists/$2" /build/work
  cd /build/work/*/
  if ! /build/tools/bin/uv build --quiet --wheel --no-build-isolation --offline \\
      --python "/build/for/$1/bin/python" -o /build/wheel . ; then
    echo "hakobune: cannot build $1 from $2" >&2
    exit 1
  fi
  found=$(sha256sum /build/wheel/*.whl | cut -c 1-64)
  echo "hakobune: built $1 $found"
  if [ -n "$3" ] && [ "$3" != "$found" ]; then
    echo "hakobune: the wheel of $1 is not the one that the lock names" >&2
    exit 1
  fi
  mv /build/wheel/*.whl /wheels
}}
mkdir -p /wheels
{commands}
END
"""


def requirements(wheels: tuple[LockedWheel, ...]) -> str:
    """Return the lines that pip and uv install exactly these wheels from."""
    return "\n".join(
        f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in wheels
    )
