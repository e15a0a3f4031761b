"""Lock to the text of the Dockerfile. Pure: same values, same bytes.

Blocks stand in the order of the file: base, packages, source, image. The Dockerfile is whole in
itself (the list of wheels and the finishing program are inside), so that plain `docker build` and
`docker compose build` make the same image as `hakobune build`.
"""

import json
import re
from pathlib import PurePosixPath

from hakobune.model.lock import Lock, LockedWheel, RegistryBase
from hakobune.model.project import Project
from hakobune.model.spec import requirement_name
from hakobune.transform.seal import seal

# 1980-01-01, the first time that a zip archive can hold. It is every file's time in the image.
SOURCE_DATE_EPOCH = 315_532_800
SOURCE_LABEL = "hakobune.source.sha256"
# Left out of the build context and of the source digest alike.
IGNORED_SOURCE = ("__pycache__", ".DS_Store")


def render_dockerfile(
    lock: Lock, project: Project, *, source_sha256: str, finish_program: str
) -> bytes:
    """Return the Dockerfile's bytes.

    `source_sha256` is the digest of the source tree (see `transform/source_digest.py`), and
    `finish_program` the text of `data/finish_packages.py`.
    """
    blocks = (
        _head(project),
        _base(lock),
        _packages(lock, finish_program),
        _source(project, source_sha256),
        _image(lock, project, source_sha256),
    )
    return seal("\n".join(blocks))


def rendered_source_digest(dockerfile: bytes) -> str | None:
    """Return the source digest that a rendered Dockerfile carries, or None where there is none."""
    label = rf'{re.escape(SOURCE_LABEL)}="([0-9a-f]{{64}})"'
    found = re.search(label.encode(), dockerfile)
    return found[1].decode() if found else None


def pinned_base(base: RegistryBase) -> str | None:
    """Return the registry's image by digest, or None where the lock does not hold it yet."""
    return f"{base.image.rsplit(':', 1)[0]}@{base.digest}" if base.digest else None


def render_dockerignore(project: Project) -> bytes:
    """Return the allow-list of the build context: the source package and nothing else."""
    lines = (
        "# Written by `hakobune render`: what the build may see.",
        "*",
        f"!{project.source}",
        *(f"**/{name}" for name in IGNORED_SOURCE),
    )
    return ("\n".join(lines) + "\n").encode()


def _head(project: Project) -> str:
    return f"""\
# check=skip=FromPlatformFlagConstDisallowed
# Written by `hakobune render` from {project.environment} and {project.lock}.
# Not to be edited by hand.
"""


def _base(lock: Lock) -> str:
    registry = lock.registry_base
    reference = pinned_base(registry)
    comment = f"{registry.image}, pinned"
    if reference is None:
        comment = "not pinned yet: the first `hakobune build` that reaches a registry does it"
        reference = registry.image
    return f"""\
# {comment}
ARG HAKOBUNE_BASE={reference}
FROM --platform={lock.platform} ${{HAKOBUNE_BASE}} AS base
"""


def _packages(lock: Lock, finish_program: str) -> str:
    return f"""\
FROM base AS packages
COPY <<'END' /build/tools.txt
{_requirements(lock.tools)}
END
COPY <<'END' /build/packages.txt
{_requirements(lock.packages)}
END
COPY <<'END' /build/finish_packages.py
{finish_program.rstrip()}
END
# Secrets, which no layer holds: the host's CA bundle, its pip.conf, the address of an extra index.
RUN --mount=type=secret,id=ca_bundle --mount=type=secret,id=pip_conf \\
    --mount=type=secret,id=extra_index_url --mount=type=cache,target=/root/.cache <<'END'
set -eu
cd /run/secrets 2>/dev/null || cd /build
export UV_LINK_MODE=copy UV_NO_PROGRESS=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
if [ -s ca_bundle ]; then export SSL_CERT_FILE=$PWD/ca_bundle PIP_CERT=$PWD/ca_bundle; fi
if [ -s pip_conf ]; then export PIP_CONFIG_FILE=$PWD/pip_conf; fi
if [ -s extra_index_url ]; then
  PIP_EXTRA_INDEX_URL=$(cat extra_index_url)
  export PIP_EXTRA_INDEX_URL
fi
python3 -m venv /build/tools
pip=/build/tools/bin/pip
$pip install --quiet --no-deps --only-binary :all: --require-hashes -r /build/tools.txt
# uv reads no pip.conf. Several indexes are safe here, because the hash decides and not the index.
UV_DEFAULT_INDEX=$($pip config get global.index-url 2>/dev/null || true)
UV_INDEX="${{PIP_EXTRA_INDEX_URL:-}} $($pip config get global.extra-index-url 2>/dev/null || true)"
export UV_DEFAULT_INDEX UV_INDEX UV_INDEX_STRATEGY=unsafe-best-match
[ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
# In a folder of its own at the top: a folder that the base has would get this build's clock.
python3 -m venv --without-pip /venv
/build/tools/bin/uv pip install --python /venv/bin/python --no-deps --only-binary :all: \\
  --require-hashes --no-compile-bytecode -r /build/packages.txt
echo /app > /venv/lib/python{_minor(lock.python)}/site-packages/hakobune_source.pth
/venv/bin/python /build/finish_packages.py /venv {SOURCE_DATE_EPOCH} \\
  {" ".join(_named(lock))}
END
"""


def _source(project: Project, source_sha256: str) -> str:
    package = PurePosixPath(project.source).name
    return f"""\
FROM base AS source
COPY {project.source} /image/app/{package}
RUN <<'END'
set -eu
cd /image/app/{package}
found=$(find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -c 1-64)
if [ "$found" != {source_sha256} ]; then
  echo "{project.source} changed after this Dockerfile was rendered; run: hakobune render" >&2
  exit 1
fi
cd /image
ln -s /image/app /app
python3 -m compileall -q --invalidation-mode unchecked-hash /app
mkdir workspace
chmod -R u=rwX,go=rX app
chmod 1777 workspace
find . -exec touch -hd @{SOURCE_DATE_EPOCH} {{}} +
END
"""


def _image(lock: Lock, project: Project, source_sha256: str) -> str:
    labels = {
        "org.opencontainers.image.title": lock.environment,
        "org.opencontainers.image.base.name": "${HAKOBUNE_BASE}",
        "hakobune.environment.sha256": lock.environment_sha256,
        "hakobune.lock.sha256": lock.sha256,
        SOURCE_LABEL: source_sha256,
    }
    lines = " \\\n      ".join(f'{key}="{value}"' for key, value in labels.items())
    return f"""\
FROM base
ARG HAKOBUNE_BASE
COPY --from=packages /venv /venv
COPY --from=source /image /
# Any user will do: the home is /tmp, and a name is given for those that the image does not know.
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp USER=hakobune LOGNAME=hakobune \\
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /workspace
USER 1000:1000
CMD {json.dumps(list(project.command))}
LABEL {lines}
"""


def _requirements(wheels: tuple[LockedWheel, ...]) -> str:
    return "\n".join(
        f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in wheels
    )


def _named(lock: Lock) -> list[str]:
    """Return the packages that the conda file names itself."""
    return sorted(
        requirement_name(text) for text in lock.requirements if not text.startswith("python=")
    )


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])
