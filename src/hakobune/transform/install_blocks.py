"""How locked packages get into the image: one install block for each kind. Pure.

The blocks are parts of the Dockerfile that `render_dockerfile` writes.
"""

from dataclasses import dataclass
from typing import assert_never

from hakobune.model.lock import (
    COMPILER,
    Lock,
    LockedConda,
    LockedDebian,
    LockedSdist,
    LockedWheel,
    unsupported,
)
from hakobune.model.spec import requirement_name

# The build context (and stage) of the wheels that `hakobune vendor` fetched.
VENDOR = "vendor"

# The start of each stage that uses the package index; its commands follow.
ASK_INDEX = f"""\
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
# The stage that holds the wheels that were built of source distributions, one folder for each.
BUILT = "built"
# The target that builds them twice, into the folders `first` and `second`.
TWICE = "twice"
# The build context (and stage) of files that no package index has: hakobune fetches them.
FETCHED = "fetched"
# uv in place of pip, on the same indexes.
USE_UV = """\
export UV_LINK_MODE=copy UV_NO_PROGRESS=1
# uv reads no pip.conf. Several indexes are safe here, because the hash decides and not the index.
UV_DEFAULT_INDEX=$($pip config get global.index-url 2>/dev/null || true)
UV_INDEX="${PIP_EXTRA_INDEX_URL:-} $($pip config get global.extra-index-url 2>/dev/null || true)"
export UV_DEFAULT_INDEX UV_INDEX UV_INDEX_STRATEGY=unsafe-best-match
[ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX"""
INSTALL_TOOLS = f"""\
{ASK_INDEX}
# uv is a program of its own: that it names a newer Python than the base has is of no account.
$pip install --quiet $from --no-deps --only-binary :all: --ignore-requires-python \\
  --require-hashes -r /build/tools.txt"""


# Where the lock overrides what packages ask for, it always finds something.
_CHECK = """\
# What a source distribution needs was read from it and not asked of its code: is all of it there?
/build/tools/bin/uv pip check --python /venv/bin/python
"""


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
                wheels += [] if package.address else [package]
            case LockedSdist():
                pass
            case LockedDebian():
                pass  # `render_system` puts it below all else
            case LockedConda():
                raise unsupported(package, "install")
            case _:
                assert_never(package)
    built = (_install_built(lock),) if has_built(lock) else ()
    return (_install_wheels(tuple(wheels)), *built)


def has_built(lock: Lock) -> bool:
    """Tell whether wheels come from the stage `built`, and not from an index."""
    return bool(lock.sdists or lock.outside)


def needs_fetched(lock: Lock) -> bool:
    """Tell whether the build needs files that no package index has."""
    return bool(lock.outside or headers_of(lock))


def headers_of(lock: Lock) -> tuple[LockedDebian, ...]:
    """Return the Debian packages that are unpacked where source distributions are compiled."""
    return lock.debian_base.headers if lock.debian_base and lock.compiled else ()


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


def _install_built(lock: Lock) -> InstallBlock:
    """Install the wheels that the stage `built` made of source distributions."""
    checks = "".join(
        f"check {sdist.name} {sdist.wheel_sha256}\n" for sdist in lock.sdists if sdist.wheel_sha256
    )
    check = """\
check() { # package, sha256 of its wheel
  if [ "$(sha256sum /build/wheels/$1/*.whl | cut -c 1-64)" != "$2" ]; then
    echo "hakobune: the wheel of $1 is not the one that the lock names" >&2
    exit 1
  fi
}
"""
    return InstallBlock(
        listed=f"COPY --from={BUILT} /wheels /build/wheels\n",
        commands=f"""\
{check + checks if checks else ""}\
/build/tools/bin/uv pip install --python /venv/bin/python --no-deps --no-index \\
  --no-compile-bytecode /build/wheels/*/*.whl
{_CHECK if not lock.overrides else ""}""",
    )


def render_built(lock: Lock, *, fetch_program: str, epoch: int) -> str:
    """Return the stages that build the wheels of source distributions.

    The first has the network and executes nothing of a package; the second executes it without.
    """
    wheels = {f"{wheel.name}=={wheel.version}": wheel for wheel in lock.builders}
    listed = "".join(
        f"COPY <<'END' /build/builders/{sdist.name}.txt\n"
        f"{requirements(tuple(wheels[pin] for pin in _venv_pins(sdist)))}\nEND\n"
        for sdist in lock.sdists
    )
    names = " ".join(sdist.name for sdist in lock.sdists)
    wheels_outside = (p for p in lock.outside if isinstance(p, LockedWheel))
    files = "\n".join(
        [
            *fetched_lines(lock.sdists),
            *(f"{p.name} {p.sha256} {p.file}" for p in wheels_outside),
            *(f"{s.name} {s.wheel_sha256} *.whl" for s in lock.sdists if _is_kept(s)),
        ]
    )
    fetched = f"COPY --from={FETCHED} / /sdists/\n" if needs_fetched(lock) else ""
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
{_listed_compiler(lock)}\
{fetched}\
{INSTALL_TOOLS}
{USE_UV}
mkdir -p /sdists
python3 /build/fetch_sdists.py /build/tools/bin/uv /build/sdists.txt /sdists /build/{VENDOR}
for name in {names}; do
  python3 -m venv --without-pip "/build/for/$name"
  /build/tools/bin/uv pip install --quiet --python "/build/for/$name/bin/python" $from --no-deps \\
    --only-binary :all: --require-hashes -r "/build/builders/$name.txt"
done
{_install_compiler(lock)}\
END
COPY <<'END' /build/build_wheels.sh
{_build_program(lock, epoch)}\
END

FROM sdists AS {BUILT}
RUN --network=none sh /build/build_wheels.sh

# Only for `hakobune build` of a lock that does not name the wheels' bytes yet.
FROM sdists AS built-again
RUN --network=none sh /build/build_wheels.sh again
FROM scratch AS {TWICE}
COPY --from={BUILT} /wheels /first
COPY --from=built-again /wheels /second
"""


def _venv_pins(sdist: LockedSdist) -> list[str]:
    """Return what is installed beside the Python that builds it: all but the compiler."""
    return [pin for pin in sdist.builders if requirement_name(pin) != COMPILER]


def _listed_compiler(lock: Lock) -> str:
    if not lock.compiled:
        return ""
    compilers = tuple(wheel for wheel in lock.builders if wheel.name == COMPILER)
    return f"""\
COPY <<'END' /build/compiler.txt
{requirements(compilers)}
END
COPY <<'END' /build/bin/cc
#!/bin/sh
# The compiler of C and C++ under every name that a build may call it by.
zig=$(echo /build/compiler/lib/python3*/site-packages/ziglang/zig)
case ${{0##*/}} in
  *++) as=c++ ;;
  *ar) exec "$zig" ar "$@" ;;
  *ranlib) exec "$zig" ranlib "$@" ;;
  *) as=cc ;;
esac
# Not for this machine's processor: the same bytes on each. And no option that zig does not know.
left=$#
while [ "$left" -gt 0 ]; do
  case $1 in
    -march=native | -mtune=native | -mcpu=native | -Wl,-Bsymbolic*) ;;
    *) set -- "$@" "$1" ;;
  esac
  shift
  left=$((left - 1))
done
exec "$zig" $as -target x86_64-linux-gnu.2.28 -mcpu=x86_64 -fno-sanitize=all "$@" -g0 \\
  -idirafter /usr/include -idirafter /build/include -Wno-unused-command-line-argument
END
COPY <<'END' /build/include/crypt.h
/* Python.h up to 3.10 includes it, and neither the compiler nor a slim image has it. */
struct crypt_data;
char *crypt(const char *phrase, const char *setting);
END
"""


def _install_compiler(lock: Lock) -> str:
    if not lock.compiled:
        return ""
    headers = "".join(
        f"unpack {package.name}.deb {package.sha256}\n" for package in headers_of(lock)
    )
    return f"""\
python3 -m venv --without-pip /build/compiler
/build/tools/bin/uv pip install --quiet --python /build/compiler/bin/python $from --no-deps \
  --only-binary :all: --require-hashes -r /build/compiler.txt
chmod +x /build/bin/cc
for name in c++ gcc g++ clang clang++ ar gcc-ar ranlib gcc-ranlib; do
  ln -s cc "/build/bin/$name"
  ln -s cc "/build/bin/x86_64-linux-gnu-$name"
done
unpack() {{ # file, sha256: the headers of Debian's Python; another base has its own
  [ ! -e "/build/{VENDOR}/$1" ] || cp "/build/{VENDOR}/$1" /sdists
  [ -e "/sdists/$1" ] || return 0
  echo "$2  /sdists/$1" | sha256sum --check --quiet
  dpkg-deb -x "/sdists/$1" /
}}
{headers}\
"""


def fetched_lines(sdists: tuple[LockedSdist, ...]) -> list[str]:
    """Return the lines of fetch_sdists.py; a file that no index has names no version."""
    return [f"{s.name}{'' if s.address else f'=={s.version}'} {s.sha256} {s.file}" for s in sdists]


def _is_kept(sdist: LockedSdist) -> bool:
    """Tell whether the image gets a wheel that was built once, and kept."""
    return bool(sdist.is_accepted and sdist.wheel_sha256)


def _made(sdist: LockedSdist, *, is_compiled: bool) -> str:
    """Return the command that makes a source distribution's wheel, or takes the one kept."""
    if _is_kept(sdist):
        return f"keep {sdist.name} {sdist.wheel_sha256}"
    compiled = " compiled" if is_compiled else ""
    return f"build {sdist.name} {sdist.version} {sdist.file}{compiled}"


def _build_program(lock: Lock, epoch: int) -> str:
    commands = "\n".join(
        [
            *(_made(sdist, is_compiled=sdist in lock.compiled) for sdist in lock.sdists),
            *(
                f"take {p.name} /sdists/{p.file}"
                for p in lock.outside
                if isinstance(p, LockedWheel)
            ),
        ]
    )
    return f"""\
set -eu
umask 022
# The same wheel each time: no clock, no order of hashes, no name of this machine.
export SOURCE_DATE_EPOCH={epoch} PYTHONHASHSEED=0 TZ=UTC LC_ALL=C HOME=/tmp UV_NO_PROGRESS=1
plain_path=$PATH
build() {{ # package, version, file, `compiled` or nothing
  rm -rf /build/work
  mkdir -p /build/work
  tar -xf "/sdists/$3" -C /build/work 2>/dev/null || python3 -m zipfile -e "/sdists/$3" /build/work
  cd /build/work/*/
  PATH=/build/for/$1/bin:$plain_path
  [ "${{4:-}}" != compiled ] || PATH=/build/bin:$PATH
  # There is no make, which cmake would ask for.
  [ ! -e "/build/for/$1/bin/ninja" ] || export CMAKE_GENERATOR=Ninja
  # Archives of git have no tag to take the version from.
  export SETUPTOOLS_SCM_PRETEND_VERSION="$2" PBR_VERSION="$2"
  if ! /build/tools/bin/uv build --wheel --no-build-isolation --offline \\
      --python "/build/for/$1/bin/python" -o "/wheels/$1" . ; then
    echo "hakobune: cannot build $1 from $3" >&2
    exit 1
  fi
}}
take() {{ # package, wheel
  mkdir -p "/wheels/$1"
  cp "$2" "/wheels/$1"
}}
keep() {{ # package, sha256: each build gives another wheel, and the one that is meant was kept
  for kept in /sdists/*.whl; do
    case $(sha256sum "$kept" 2>/dev/null) in "$2"*) take "$1" "$kept" && return 0 ;; esac
  done
  echo "hakobune: the wheel of $1 that the lock names is not here" >&2
  exit 1
}}
mkdir -p /wheels
{commands}
"""


def requirements(wheels: tuple[LockedWheel, ...]) -> str:
    """Return the lines that pip and uv install exactly these wheels from."""
    return "\n".join(
        f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in wheels
    )
