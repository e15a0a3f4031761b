"""Real conda files: how many lock, build, and import all they ask for; every refusal by its reason.

    python benchmarks/conda_files.py FOLDER... [--lock-only] [--only TEXT] [--again]
        [--mirror 127.0.0.1:5599 --pythons ~/.pyenv/versions]
        [--write docs/reference/conda-files.md]

Each file becomes a project of its own with a script of one line, and goes through `hakobune lock`,
`build` and `smoke`: the image imports each package that the file asks for as a user that it does
not know, on a read-only file system, without network. Files are named by the start of their sha256.

A Python that Debian has is taken from there. For another one the official image is needed; on a
host without a registry a stand-in is made of an interpreter of this machine (a folder of
`--pythons` that is named by its version) and Debian's libraries, and pushed to a registry at
`--mirror` under the official image's name and tag. The engine has to have that registry as a mirror
(`registry-mirrors` in its daemon.json). Results are kept in the cache; a second run goes on from
there unless `--again` is given.
"""

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hakobune/conda-files"
LOCK_S, BUILD_S, SMOKE_S = 600, 3600, 900
# What the stand-in's interpreter is linked with; as the official image has it.
LIBRARIES = (
    "ca-certificates,netbase,tzdata,libssl3,libffi8,libsqlite3-0,zlib1g,libbz2-1.0,liblzma5,"
    "libreadline8,libuuid1,libncursesw6,libgdbm6,libexpat1,libdb5.3,libstdc++6,libgcc-s1"
)
STAND_IN = """FROM scratch
ADD root.tar /
COPY --from=interpreter . /usr/local/
RUN ldconfig
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
"""
SCRIPT = """import os

folder = os.path.join("runs", os.environ["HAKOBUNE_RUN_ID"])
os.makedirs(folder)
with open(os.path.join(folder, "trained.txt"), "w") as file:
    file.write("trained")
"""
INTRODUCTION = """# Conda files in the world

Written by `python benchmarks/conda_files.py FOLDER... --write docs/reference/conda-files.md` from
real files of public projects, named by the start of their sha256. An image is *built* and then
*imports* each package that the file asks for, as an unknown user, on a read-only file system,
without network. `base` is the Debian release whose own Python is taken, or `stand-in` for an
official image. CPU seconds are those of `hakobune lock`, with a warm cache where an earlier file
had the package; build seconds are whole, size is MB of compressed layers, on a machine that
other work ran on. An empty cell: not tried.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one file. `locked`, `built`, `imported`: ok, an error's name, or empty.

    Seconds are the processor's, of hakobune and the resolver, for `cpu_s`, and the clock's for
    `build_s`. `size_mb` is of the image's compressed layers. `says` is a refusal's first line.
    """

    name: str
    python: str = ""
    base: str = ""
    locked: str = ""
    packages: int = 0
    built: str = ""
    imported: str = ""
    says: str = ""
    cpu_s: float = 0.0
    build_s: float = 0.0
    size_mb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bases:
    """Where stand-ins of official images come from and go to; empty: none are made."""

    mirror: str
    pythons: Path

    def push(self, image: str) -> bool:
        """Push a stand-in for `docker.io/library/python:…` to the mirror; False if there is none.

        An image that the mirror has already is left as it is.
        """
        found = re.fullmatch(r"docker\.io/(library/python:(\d+\.\d+)[\w.-]*)", image)
        if not self.mirror or found is None:
            return False
        tag = f"{self.mirror}/{found[1]}"
        has = _run(["docker", "buildx", "imagetools", "inspect", tag], timeout_s=30)
        if has.returncode == 0:
            return True
        homes = sorted(self.pythons.glob(f"{found[2]}.*"))
        if not homes:
            return False
        # An interpreter of this machine may not run on an older Debian than this machine's.
        suite = "trixie" if image.endswith("-trixie") else "bookworm"
        context = CACHE / "base" / suite
        context.mkdir(parents=True, exist_ok=True)
        if not (context / "root.tar").exists():
            mirror = _must([str(ROOT / "docker/base/mirror.sh")]).strip()
            part = context / "part.tar"  # mmdebstrap goes by the ending
            make = ["mmdebstrap", "--variant=minbase", f"--include={LIBRARIES}", suite]
            _must([*make, str(part), mirror])
            part.rename(context / "root.tar")
        (context / "Dockerfile").write_text(STAND_IN, encoding="utf-8")
        interpreter = f"interpreter={homes[-1]}"
        _must(["docker", "build", "-q", "--build-context", interpreter, "-t", tag, str(context)])
        _must(["docker", "push", "-q", tag])
        return True


def _run(
    command: list[str], *, cwd: Path = ROOT, timeout_s: float = 600
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"error[timeout]: {timeout_s} s")


def _must(command: list[str]) -> str:
    done = _run(command)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout


def _hakobune(project: Path, *words: str, timeout_s: float) -> tuple[str, str, str]:
    """Run a command of hakobune; return `ok` or the error's name, what it says, and the whole."""
    command = [sys.executable, "-m", "hakobune", *words]
    done = _run(command, cwd=project, timeout_s=timeout_s)
    if done.returncode == 0:
        return "ok", "", done.stderr
    found = re.search(r"^error\[([a-z-]+)\]: (.*)$", done.stderr, re.MULTILINE)
    if found is None:
        return f"exit-{done.returncode}", done.stderr.strip()[-200:], done.stderr
    cause = re.search(r"^  (Because .*)$", done.stderr, re.MULTILINE)  # the resolver's
    return found[1], f"{found[2]}: {cause[1]}" if cause else found[2], done.stderr


def try_file(path: Path, bases: Bases, *, lock_only: bool) -> Result:
    """Lock, build and import one file, in a project that is removed afterwards."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    result = Result(name=digest if path.stem in digest or digest in path.stem else path.stem)
    with tempfile.TemporaryDirectory(prefix="hakobune-conda-") as folder:
        project = Path(folder, f"cf{digest}")
        project.mkdir()
        shutil.copy(path, project / "env.yml")
        (project / "train.py").write_text(SCRIPT, encoding="utf-8")
        (project / "pyproject.toml").write_text(
            '[tool.hakobune]\nenvironment = "env.yml"\nsource = "."\n'
            'command = ["python", "train.py"]\n',
            encoding="utf-8",
        )
        result = _lock(project, bases, result)
        if result.locked != "ok" or lock_only:
            return result
        return _build(project, result)


def _lock(project: Path, bases: Bases, result: Result) -> Result:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    state, says, _ = _hakobune(project, "lock", timeout_s=LOCK_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result = replace(result, locked=state, says=says, cpu_s=round(cpu_s, 1))
    if state != "ok":
        return result
    lock = _read_lock(project)
    if lock["debian"]:
        base = str(lock["debian"])
    elif bases.push(str(lock["image"])):
        base = "stand-in"
        _hakobune(project, "lock", timeout_s=LOCK_S)
    else:
        base = ""
    count = int(str(lock["packages"]))
    return replace(result, python=str(lock["python"]), base=base, packages=count)


def _read_lock(project: Path) -> dict[str, object]:
    lock = tomllib.loads((project / "env.lock").read_text(encoding="utf-8"))
    return {
        "python": lock["python"],
        "image": lock["base"]["registry"]["image"],
        "debian": lock["base"].get("debian", {}).get("suite", ""),
        "packages": len(lock["packages"]),
    }


def _build(project: Path, result: Result) -> Result:
    if not result.base:
        return replace(result, built="no-base")
    began = time.monotonic()
    state, says, _ = _hakobune(project, "build", timeout_s=BUILD_S)
    result = replace(result, built=state, says=says, build_s=round(time.monotonic() - began, 1))
    if state != "ok":
        return result
    environment = tomllib.loads((project / "env.lock").read_text(encoding="utf-8"))["environment"]
    tag = f"{environment}:local"
    seen = _run(["docker", "image", "inspect", tag, "--format", "{{.Size}} {{.Id}}"]).stdout
    size, _, image = seen.strip().partition(" ")
    state, says, _ = _hakobune(project, "smoke", timeout_s=SMOKE_S)
    _run(["docker", "image", "rm", "-f", image])  # by its ID: it has more than one tag
    return replace(result, imported=state, says=says, size_mb=int(size) // 1_000_000)


def main() -> int:
    """Try each file, print a line for each and the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--lock-only", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--mirror", default="")
    parser.add_argument("--pythons", type=Path, default=Path.home() / ".pyenv/versions")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    bases = Bases(mirror=options.mirror, pythons=options.pythons)
    results = []
    for path in sorted(path for folder in options.folders for path in folder.glob("*.yml")):
        if options.only not in path.stem:
            continue
        kept = CACHE / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.json"
        known = Result(**json.loads(kept.read_text())) if kept.exists() else None
        is_done = known is not None and (options.lock_only or known.built or known.locked != "ok")
        if known is None or not is_done or options.again:
            known = try_file(path, bases, lock_only=options.lock_only)
            kept.write_text(json.dumps(asdict(known)), encoding="utf-8")
        results.append(known)
        print(_row(known), flush=True)
    print(_counts(results))
    if options.write:
        options.write.write_text(_page(results), encoding="utf-8")
    return 0


def _row(one: Result) -> str:
    state = f"{one.locked:24} {one.built:16} {one.imported:14}"
    figures = f"{one.packages:4d} {one.cpu_s:6.1f} {one.build_s:7.1f} {one.size_mb:6d}"
    return f"{one.name:26} {one.python:7} {one.base:9} {state} {figures}  {one.says[:150]}"


def _counts(results: list[Result]) -> str:
    others = sum("python_env" in one.says for one in results)
    locked = sum(one.locked == "ok" for one in results)
    built = sum(one.built == "ok" for one in results)
    imported = sum(one.imported == "ok" for one in results)
    return (
        f"{len(results) - others} conda files: {locked} locked, {built} built, {imported} with all "
        f"that is asked for imported; {others} of MLflow's python_env format refused (of 62 other "
        "files at 5f64409: 37 locked, at most 16 could be built)"
    )


def _page(results: list[Result]) -> str:
    lines = [
        INTRODUCTION,
        _counts(results),
        "",
        "| file | Python | base | locked | built | imports | packages | CPU s | build s | MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in results:
        cells = (one.name, one.python, one.base, one.locked, one.built, one.imported)
        figures = (one.packages or "", one.cpu_s, one.build_s or "", one.size_mb or "")
        lines.append(f"| {' | '.join(map(str, (*cells, *figures)))} |")
    refused = [one for one in results if one.says]
    lines += ["", "## Why a file is refused or fails", "", "| file | reason |", "| --- | --- |"]
    lines += [f"| {one.name} | {one.says.replace('|', chr(92) + '|')} |" for one in refused]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
