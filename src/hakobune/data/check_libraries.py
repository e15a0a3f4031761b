"""Runs inside the image's build: looks for the system libraries that the packages need.

    python check_libraries.py FOLDER

Reads of each ELF file in the environment FOLDER which libraries it names (NEEDED). A library is
there if a file of that name is in FOLDER or where the loader looks: what a wheel brings it finds by
its own means (RPATH, or loading it first). Of those that are not there, two kinds end the build
with 1, each after a line on stderr: what an extension module or a program needs, itself or through
the libraries that it needs; and what keeps a package from being imported, for a library that code
opens by its name. The rest (plug-ins, drivers of a graphics card) is listed on stdout.
Uses only the standard library.
"""

from __future__ import annotations

import csv
import mmap
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

# The packages whose modules stand each alone: what importing the package loads counts, no more.
# numba tries its threading layers in turn; of PyQt and PySide a program uses a few modules; torch 1
# brings caffe2, and does not import it.
SELECTIVE = re.compile(r"numba|torch|py(qt|side)[0-9]*(-.*)?")
# What NVIDIA's driver brings on a machine that has its hardware.
DRIVER = re.compile(r"libcuda\.so.*|libnvidia-.*|libnvcuvid\.so.*|libnvoptix\.so.*")
# The folders that the loader looks in without ld.so.cache (ld.so(8)), as Debian has them.
FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/lib", "/usr/lib")
NEEDS = "hakobune: {} of {} needs the system library {}, which the image does not have"
IMPORT = Path(__file__).with_name("import_packages.py")


class Elf(NamedTuple):
    """What a file names, and whether Python can import it as a module (it has `PyInit_…`)."""

    needed: list[str]
    is_module: bool
    is_program: bool


def read_elf(path: Path) -> Elf | None:
    """Return this of a 64-bit little-endian file; None for any other file, or a damaged one.

    System V ABI, "Dynamic Section": tags 1 NEEDED, 5 STRTAB, 10 STRSZ; type 3 is PT_INTERP.
    """
    try:
        with path.open("rb") as file:
            if file.read(6) != b"\x7fELF\x02\x01":
                return None
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _parsed(content)
    except (OSError, struct.error, ArithmeticError, ValueError, StopIteration):
        return None


def _parsed(content: mmap.mmap) -> Elf | None:
    (at,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<2H", content, 54)
    parts = [struct.unpack_from("<2I6Q", content, at + size * n) for n in range(count)]
    dynamic = [part for part in parts if part[0] == 2]  # noqa: PLR2004 - PT_DYNAMIC
    if not dynamic:
        return None
    offset, length = dynamic[0][2], dynamic[0][5]
    tags = list(struct.iter_unpack("<qQ", content[offset : offset + length // 16 * 16]))
    values = dict(tags)
    # An address in memory to a place in the file.
    start = next(
        values[5] - part[3] + part[2]
        for part in [*parts, (0, 0, 0, 0, 0, 1 << 63, 0, 0)]
        if part[0] == 1 and part[3] <= values.get(5, 0) < part[3] + part[5]
    )
    texts = content[start : start + values.get(10, 0)]
    needed = [
        texts[v : texts.index(b"\0", v)].decode("ascii", "replace") for t, v in tags if t == 1
    ]
    is_program = any(part[0] == 3 for part in parts)  # noqa: PLR2004 - PT_INTERP
    return Elf(needed, b"\0PyInit_" in texts, is_program)


def owners(packages: Path) -> dict[Path, str]:
    """Return the distribution of each installed file."""
    found = {}
    for record in packages.glob("*.dist-info/RECORD"):
        name = re.sub("[-_.]+", "-", record.parent.stem.rpartition("-")[0]).lower()
        with record.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                if row:
                    found[(packages / row[0]).resolve()] = name
    return found


def of_system() -> set[str]:
    """Return the names of the libraries that the loader finds."""
    done = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, check=False)
    listed = re.findall(r"^\t(\S+) \(", done.stdout.decode("utf-8", "replace"), re.MULTILINE)
    for folder in filter(Path.is_dir, map(Path, FOLDERS)):
        listed += [path.name for path in folder.iterdir() if ".so" in path.name]
    return set(listed)


def missing(start: str, files: dict[str, Elf], there: set[str]) -> set[str]:
    """Return what a file lacks, itself or through the installed libraries that it needs."""
    lacking, seen, ahead = set(), set(), [start]
    while ahead:
        for name in files[ahead.pop()].needed:
            if name not in seen:
                seen.add(name)
                if name in files:
                    ahead.append(name)
                elif name not in there:
                    lacking.add(name)
    return lacking


def why_not_imported(name: str) -> str:
    """Return the line that says that a distribution lacks a library when it is imported, if so."""
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(IMPORT), name],
        env={"HOME": "/tmp", "PATH": "/usr/bin:/bin", "http_proxy": "http://127.0.0.1:9"},  # noqa: S108
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    said = re.findall(
        r"^hakobune: cannot import .*$", done.stderr.decode("utf-8", "replace"), re.MULTILINE
    )
    return next((line for line in said if " needs the system library " in line), "")


def shown(path: Path, packages: Path) -> str:
    """Return a file as messages name it: within the packages, or a program's name."""
    is_inside = packages in path.parents
    return path.relative_to(packages).as_posix() if is_inside else path.name


def main() -> None:
    """Check the folder."""
    folder = Path(sys.argv[1])
    (packages,) = folder.glob("lib/python3*/site-packages")
    paths = [path for path in packages.rglob("*") if ".so" in path.name and path.is_file()]
    paths += [path for path in (folder / "bin").iterdir() if path.is_file()]
    read = {path: elf for path, elf in ((p, read_elf(p)) for p in sorted(paths)) if elf}
    by_name = {path.name: elf for path, elf in read.items()}
    there, owner = of_system(), owners(packages)
    errors, notes, doubtful = [], [], {}  # type: list[str], list[str], dict[str, dict[str, str]]
    for path, elf in read.items():
        by_name[path.name] = elf  # two wheels may have files of one name
        lacking = missing(path.name, by_name, there)
        name = owner.get(path.resolve(), "an unknown package")
        for library in sorted(lacking):
            line = NEEDS.format(shown(path, packages), name, library)
            is_root = elf.is_module or elf.is_program
            if is_root and not SELECTIVE.fullmatch(name) and not DRIVER.fullmatch(library):
                errors.append(line)
            else:
                notes.append(line)
                doubtful.setdefault(name, {})[library] = line
    for name in sorted(doubtful):
        why = why_not_imported(name)
        if why:
            more = doubtful[name]
            errors += [why, *(more[library] for library in sorted(more) if library not in why)]
    if notes and not errors:
        print("\n".join(notes))
    if errors:
        sys.exit("\n".join(dict.fromkeys(errors)))


if __name__ == "__main__":
    main()
