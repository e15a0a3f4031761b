"""Lock to the text of the Dockerfile. Pure: same values, same bytes.

Blocks stand in the order of the file: base, packages, libraries, source, image. The Dockerfile is
whole in itself (the list of wheels and the programs that it runs are inside), so that plain
`docker build` and `docker compose build` make the same image as `hakobune build`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from hakobune.model.lock import Lock, RegistryBase
from hakobune.model.project import WHOLE, Project
from hakobune.transform.debian_blocks import render_system
from hakobune.transform.install_blocks import (
    FETCHED,
    INSTALL_TOOLS,
    USE_UV,
    VENDOR,
    has_built,
    install_blocks,
    needs_fetched,
    render_built,
    requirements,
)
from hakobune.transform.seal import is_sealed, seal
from hakobune.transform.source_digest import source_digest

# 1980-01-01, the first time that a zip archive can hold. It is every file's time in the image.
SOURCE_DATE_EPOCH = 315_532_800
ENVIRONMENT_LABEL = "hakobune.environment.sha256"
LOCK_LABEL = "hakobune.lock.sha256"
SOURCE_LABEL = "hakobune.source.sha256"
# In the image: what sha256sum prints of the source's files. Its own sha256 is the source's digest.
SOURCE_LISTING = "/app/source.sha256"
# Left out of the build context and of the source digest alike, wherever it lies in the source.
IGNORED_SOURCE = ("__pycache__", ".DS_Store")
# The same, at the source's top: what makes a distribution of the program is no part of it.
_DISTRIBUTION = ("hatch_build.py", "pyproject.toml")
# The same, where the source is the whole project: what hakobune writes there or mounts, and files
# whose name begins with a dot. `source.sha256` is the listing's name in the image.
_NO_CODE = ("azureml", "data", "docker", "docker-compose.yml", "runs", "source.sha256", "vendor")
# The files of the source, as the Dockerfile lists them: `./path`, one on a line.
_LISTED = r"^COPY <<'END' /build/source\.txt\n((?:\./.*\n)*)END$"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# NumPy's names for its loops beyond AVX2: since its 2.4, and before. It warns of a name that it
# does not know, but not of one that the processor lacks.
_WIDER_LOOPS = "X86_V4 AVX512_ICL AVX512_SPR"
_WIDER_LOOPS_BEFORE = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The texts of the programs that the build runs: files of `data`."""

    import_packages: str
    finish_packages: str
    compile_library: str
    fetch_sdists: str
    fetch_debian: str
    check_libraries: str
    choose_arithmetic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the Dockerfile knows of the source tree: its digest, its files, and its top folders.

    The image takes these files alone, whatever else lies in the folder. Each top folder is a layer
    of its own, so that a change of code makes one small layer new.
    """

    sha256: str
    files: tuple[str, ...]
    folders: tuple[str, ...]


def source_of(tree: Mapping[str, bytes]) -> Source:
    """Return this of a tree. `tree` maps paths relative to it (with `/`) to contents.

    A folder whose name a shell or a Dockerfile would not take as it is stays with the rest.
    """
    tops = sorted({path.partition("/")[0] for path in tree if "/" in path})
    folders = tuple(top for top in tops if _PLAIN_NAME.fullmatch(top))
    return Source(sha256=source_digest(tree), files=tuple(sorted(tree)), folders=folders)


def is_left_out(project: Project, path: str) -> bool:
    """Tell whether the image does not take this path, relative to the source, or what is below it.

    A library that lies there was compiled for this machine's tests; the image compiles its own.
    """
    if path in _left_out(project):
        return True
    top = path.partition("/")[0]
    own = (project.environment, project.lock)
    return project.source == WHOLE and (top in _NO_CODE or top.startswith(".") or path in own)


def _left_out(project: Project) -> tuple[str, ...]:
    return (*_DISTRIBUTION, *(library.path for library in project.libraries))


def render_dockerfile(lock: Lock, project: Project, *, source: Source, programs: Programs) -> bytes:
    """Return the Dockerfile's bytes."""
    blocks = [_head(project), _base(lock)]
    if lock.debian_packages:
        fetch = programs.fetch_debian
        blocks.append(render_system(lock, fetch_program=fetch, epoch=SOURCE_DATE_EPOCH))
    if has_built(lock):
        fetch = programs.fetch_sdists
        blocks.append(render_built(lock, fetch_program=fetch, epoch=SOURCE_DATE_EPOCH))
    blocks.append(_packages(lock, programs))
    if project.libraries:
        blocks.append(_libraries(lock, project, programs.compile_library))
    blocks += [_source(project, source), _image(lock, project, source)]
    return seal("\n".join(blocks))


def is_of_image(dockerfile: bytes, *, environment: str, lock: str, source: str) -> bool:
    """Tell whether a Dockerfile is as it was rendered, and for these three sha256 of an image."""
    labels = {ENVIRONMENT_LABEL: environment, LOCK_LABEL: lock, SOURCE_LABEL: source}
    return is_sealed(dockerfile) and all(
        f'{name}="{value}"'.encode() in dockerfile for name, value in labels.items()
    )


def rendered_source(dockerfile: bytes) -> Source | None:
    """Return the source that a rendered Dockerfile was made for, or None where it tells of none."""
    label = rf'{re.escape(SOURCE_LABEL)}="([0-9a-f]{{64}})"'
    found = re.search(label.encode(), dockerfile)
    folders = re.findall(rb"^COPY --from=source /parts/(\S+) /$", dockerfile, re.MULTILINE)
    listed = re.search(_LISTED.encode(), dockerfile, re.MULTILINE)
    if found is None or listed is None:
        return None
    return Source(
        sha256=found[1].decode(),
        files=tuple(line.decode()[2:] for line in listed[1].splitlines()),
        folders=tuple(folder.decode() for folder in folders),
    )


def pinned_base(base: RegistryBase) -> str | None:
    """Return the registry's image by digest, or None where the lock does not hold it yet."""
    return f"{base.image.rsplit(':', 1)[0]}@{base.digest}" if base.digest else None


def render_dockerignore(project: Project, source: Source) -> bytes:
    """Return the allow-list of the build context: the source and nothing else."""
    allowed = [project.source]
    if project.source == WHOLE:
        tops = sorted({file.partition("/")[0] for file in source.files})
        # `?` stands for what may have a meaning in a pattern.
        allowed = [re.sub(r"[^A-Za-z0-9_.-]", "?", top) for top in tops]
    lines = (
        "# Written by `hakobune render`: what the build may see.",
        "*",
        *(f"!{top}" for top in allowed),
        *(f"**/{name}" for name in IGNORED_SOURCE),
        *(str(PurePosixPath(project.source, path)) for path in _left_out(project)),
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
    fetched = ""
    if needs_fetched(lock):
        fetched = f"""\
# Empty, unless the build is given files that no package index has: `hakobune build` does.
FROM scratch AS {FETCHED}
"""
    return f"""\
# {comment}
ARG HAKOBUNE_BASE={reference}
# Empty, unless the build is given a folder of wheels: hakobune build --offline.
FROM scratch AS {VENDOR}
{fetched}\
FROM --platform={lock.platform} ${{HAKOBUNE_BASE}} AS {"bare" if lock.debian_packages else "base"}
"""


def _packages(lock: Lock, programs: Programs) -> str:
    blocks = install_blocks(lock)
    return f"""\
FROM base AS packages
COPY <<'END' /build/tools.txt
{requirements(lock.installers)}
END
{"".join(block.listed for block in blocks)}\
COPY <<'END' /build/import_packages.py
{programs.import_packages.rstrip()}
END
COPY <<'END' /build/finish_packages.py
{programs.finish_packages.rstrip()}
END
COPY <<'END' /build/check_libraries.py
{programs.check_libraries.rstrip()}
END
COPY <<'END' /build/hakobune_arithmetic.py
{programs.choose_arithmetic.rstrip()}
END
{INSTALL_TOOLS}
{USE_UV}
# In a folder of its own at the top: a folder that the base has would get this build's clock.
python3 -m venv --without-pip /venv
{"".join(block.commands for block in blocks)}\
site=/venv/lib/python{_minor(lock.python)}/site-packages
cp /build/hakobune_arithmetic.py "$site"
# Each Python of the image reads it when it starts: where the source is, and what to run first.
printf '/app\\nimport hakobune_arithmetic\\n' > "$site/hakobune_source.pth"
/venv/bin/python /build/check_libraries.py /venv
/venv/bin/python /build/finish_packages.py /venv {SOURCE_DATE_EPOCH} \\
  {" ".join(lock.asked_for)}
END
"""


def _libraries(lock: Lock, project: Project, compile_program: str) -> str:
    # It sees the C files alone, so that a change of other code does not compile them again.
    copies = "\n".join(_copied_c_files(project))
    commands = "\n".join(
        " ".join(["compile", library.path, *library.files]) for library in project.libraries
    )
    return f"""\
FROM base AS libraries
COPY <<'END' /build/tools.txt
{requirements(lock.compilers)}
END
{INSTALL_TOOLS}
END
COPY <<'END' /build/compile_library.py
{compile_program.rstrip()}
END
{copies}
RUN --mount=type=cache,target=/root/.cache <<'END'
set -eu
compile() {{
  /build/tools/bin/python /build/compile_library.py /root/.cache/zig \\
    /build/source /image{project.place} "$@"
}}
{commands}
chmod -R u=rwX,go=rX /image
find /image -exec touch -hd @{SOURCE_DATE_EPOCH} {{}} +
END
"""


def _copied_c_files(project: Project) -> list[str]:
    """Return a COPY for each folder that holds C files; the headers beside them come along."""
    return [
        f"COPY {' '.join(f'{project.source}/{path}' for path in paths)} "
        f"{PurePosixPath('/build/source') / folder}/"
        for folder, paths in _c_files(project).items()
    ]


def _c_files(project: Project) -> dict[PurePosixPath, list[str]]:
    """Return what is compiled, by folder: the C files, and a pattern for the headers beside."""
    files = sorted({PurePosixPath(file) for library in project.libraries for file in library.files})
    return {
        folder: [*(str(file) for file in files if file.parent == folder), str(folder / "*.h")]
        for folder in sorted({file.parent for file in files})
    }


def _source(project: Project, source: Source) -> str:
    compiled = " ".join(path for paths in _c_files(project).values() for path in paths)
    drop = f"rm -f {compiled}\n" if compiled else ""
    parts = ""
    if source.folders:
        parts = f"""\
for folder in {" ".join(source.folders)}; do
  mkdir -p "/parts/$folder/{project.place[1:]}"
  mv "/image{project.place}/$folder" "/parts/$folder/{project.place[1:]}"
done
"""
    listed = "".join(f"./{file}\n" for file in source.files)
    return f"""\
FROM base AS source
COPY {project.source} /build/source
COPY <<'END' /build/source.txt
{listed}\
END
RUN <<'END'
set -eu
mkdir -p /image{project.place}
cd /build/source
tr '\\n' '\\0' < ../source.txt | xargs -0 -r sha256sum > /image{SOURCE_LISTING} || true
if [ "$(sha256sum < /image{SOURCE_LISTING})" != "{source.sha256}  -" ]; then
  echo "{project.source_name} changed after this Dockerfile was rendered; run: hakobune render" >&2
  exit 1
fi
tr '\\n' '\\0' < ../source.txt | xargs -0 -r cp --parents -t /image{project.place}
cd /image{project.place}
{drop}\
cd /image
ln -s /image/app /app
python3 -m compileall -q --invalidation-mode unchecked-hash /app
mkdir workspace /parts
{parts}\
chmod -R u=rwX,go=rX app /parts
chmod 1777 workspace
find . /parts -exec touch -hd @{SOURCE_DATE_EPOCH} {{}} +
END
"""


def _image(lock: Lock, project: Project, source: Source) -> str:
    labels = {
        "org.opencontainers.image.title": lock.environment,
        "org.opencontainers.image.base.name": "${HAKOBUNE_BASE}",
        ENVIRONMENT_LABEL: lock.environment_sha256,
        LOCK_LABEL: lock.sha256,
        SOURCE_LABEL: source.sha256,
    }
    libraries = "COPY --from=libraries /image /\n" if project.libraries else ""
    parts = "".join(f"COPY --from=source /parts/{folder} /\n" for folder in source.folders)
    lines = " \\\n      ".join(f'{key}="{value}"' for key, value in labels.items())
    return f"""\
FROM base
ARG HAKOBUNE_BASE
COPY --from=packages /venv /venv
{libraries}\
{parts}\
COPY --from=source /image /
# Any user will do: the home is /tmp, and a name is given for those that the image does not know.
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp USER=hakobune LOGNAME=hakobune \\
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The same digits on every processor that has AVX2 and FMA (Intel since Haswell, AMD since Zen):
# left alone, OpenBLAS and NumPy choose their code, and so the last digits, by the processor.
# On an older one, hakobune_arithmetic.py lets OpenBLAS take its code for Nehalem.
ENV {_arithmetic(lock)}
{_variables(lock)}\
# What a run's record says of its image; its digest is known outside only.
ENV HAKOBUNE_BASE=${{HAKOBUNE_BASE}} \\
    HAKOBUNE_ENVIRONMENT_SHA256={lock.environment_sha256} \\
    HAKOBUNE_LOCK_SHA256={lock.sha256} \\
    HAKOBUNE_SOURCE_SHA256={source.sha256}
WORKDIR /workspace
USER 1000:1000
CMD {json.dumps(list(project.program))}
LABEL {lines}
"""


def _arithmetic(lock: Lock) -> str:
    """Return the variables that fix arithmetic and the order of sets.

    glibc needs none: it chooses by FMA and AVX2 alone (docs/explanation/same-model.md).
    """
    lines = ["OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 PYTHONHASHSEED=0"]
    lines += [
        f'NPY_DISABLE_CPU_FEATURES="{_wider_loops(package.version)}"'
        for package in lock.python_packages
        if package.name == "numpy"
    ]
    return " \\\n    ".join(lines)


def _variables(lock: Lock) -> str:
    """Return the variables that the conda file sets; they come after ours, and so win."""
    if not lock.variables:
        return ""
    pairs = " \\\n    ".join(f"{name}={_quoted(value)}" for name, value in lock.variables)
    return f"# `variables` of the conda file.\nENV {pairs}\n"


def _quoted(value: str) -> str:
    r"""Return a value as ENV takes it: `\`, `"` and `$` mean themselves."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def _wider_loops(numpy: str) -> str:
    major, minor = numpy.split(".")[:2]
    return _WIDER_LOOPS if (int(major), int(minor)) >= (2, 4) else _WIDER_LOOPS_BEFORE


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])
