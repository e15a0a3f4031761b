"""Runs inside the image's build, once the packages are installed: makes the folder small and fixed.

    python finish_packages.py FOLDER EPOCH PACKAGE...

Drops what no program reads when it runs: the packages' own tests (unless other code imports them),
sources of modules that lie there compiled, type stubs, debug symbols. Keeps bytecode of the
packages named here and of all that importing them loads; the rest is compiled when somebody
imports it. Sets every file's time and mode. Same packages, same bytes. Ends with 1 if a package
named here cannot be imported. Uses only the standard library, because it runs before anything of
ours is in the image.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TEST_FOLDERS = {"tests", "test"}
SOURCE_SUFFIXES = {".c", ".cc", ".cpp", ".pyx"}
# A fixed number: which file is compiled after which in one process can show in the bytecode, so
# the split must not depend on the number of processors.
COMPILE_CHUNKS = 8
# More modules than this in one folder are a catalogue (countries, protocols), not a program.
CATALOGUE = 100
# How import_packages.py says which package cannot be imported, and that it imported all.
CANNOT = "hakobune: cannot import "
END = "hakobune: every package was imported"
DROPPED = (
    "broken in this image: hakobune dropped files that it reads when it is imported; report this"
)
SHOWN = 100_000  # characters of what the packages print when they are imported
# Sections of a library that only a debugger reads.
NO_BITS = 8  # a section that takes no room in the file
DEBUG_SECTIONS = re.compile(rb"\.(symtab|strtab|shstrtab|comment|z?debug.*|gnu\.build\..*)|")

_IMPORT = re.compile(
    rb"^\s*(?:from\s+([\w.]+)\s+import\s+\(?\s*([\w, ]*)|import\s+([\w., ]+))", re.MULTILINE
)

# Lies beside this program here and in the build.
IMPORT = Path(__file__).with_name("import_packages.py")


def main() -> None:
    """Finish the folder, as the arguments say."""
    folder, epoch, named = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    (packages,) = folder.glob("lib/python3*/site-packages")
    before = _size(packages)
    drop_tests(packages)
    drop_compiled_sources(packages)
    drop_stubs(packages)
    drop_debug_symbols(packages)
    drop_traces(packages)
    mend_records(packages)
    after = _size(packages)
    compile_bytecode(packages, wanted_modules(packages, named))
    shutil.rmtree(aside_of(packages), ignore_errors=True)
    settle(folder, epoch)
    print(
        f"packages: {before / 1e6:.0f} MB installed, {(before - after) / 1e6:.0f} MB that no "
        f"program reads dropped, {_size(packages) / 1e6:.0f} MB with bytecode"
    )


def drop_tests(packages: Path) -> None:
    """Remove test folders that no other code imports."""
    folders = {
        path
        for path in packages.rglob("*")
        if path.name in TEST_FOLDERS and path.is_dir() and any(path.rglob("test_*.py"))
    }
    outermost = {path for path in folders if not folders & set(path.parents)}
    needed = _imported_from(
        (path for path in packages.rglob("*.py") if not outermost & set(path.parents)),
        packages,
        outermost,
    )
    # What a kept test folder imports must stay as well.
    while True:
        more = _imported_from((p for f in needed for p in f.rglob("*.py")), packages, outermost)
        if more <= needed:
            break
        needed |= more
    for path in sorted(outermost - needed):
        put_aside(path, packages)


def _imported_from(files: Iterable[Path], packages: Path, candidates: set[Path]) -> set[Path]:
    """Return the candidate folders that an import statement of these files names.

    A module called `test_…` does not count where pytest, which such modules import, is not there.
    """
    has_pytest = (packages / "pytest").is_dir()
    by_module = {".".join(path.relative_to(packages).parts): path for path in candidates}
    found = set()
    for file in files:
        text = file.read_bytes()
        if b"test" not in text:
            continue
        own_package = list(file.relative_to(packages).parent.parts)
        for source, names, modules in _IMPORT.findall(text):
            for name in _imported_names(source.decode(), names.decode(), modules.decode()):
                dots = len(name) - len(name.lstrip("."))
                base = own_package[: len(own_package) - dots + 1] if dots else []
                parts = [*base, *filter(None, name.lstrip(".").split("."))]
                if not has_pytest and any(part.startswith("test_") for part in parts):
                    continue
                for length in range(1, len(parts) + 1):
                    folder = by_module.get(".".join(parts[:length]))
                    if folder is not None:
                        found.add(folder)
    return found


def _imported_names(source: str, names: str, modules: str) -> list[str]:
    """Return the dotted names that one import statement may reach."""
    if modules:
        return [part.split()[0] for part in modules.split(",") if part.split()]
    joint = "" if source.endswith(".") else "."
    return [source, *(source + joint + n.split()[0] for n in names.split(",") if n.split())]


def put_aside(path: Path, packages: Path) -> None:
    """Take a file or folder out of the packages; it is deleted once they can all be imported."""
    target = aside_of(packages) / path.relative_to(packages)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    path.rename(target)


def put_back(packages: Path) -> None:
    """Undo `put_aside`."""
    aside = aside_of(packages)
    for path in sorted(aside.rglob("*")):
        target = packages / path.relative_to(aside)
        if path.exists() and not target.exists():
            path.rename(target)


def aside_of(packages: Path) -> Path:
    """Return the folder of what was taken out, on the same file system."""
    return packages.with_name("hakobune-aside")


def drop_compiled_sources(packages: Path) -> None:
    """Remove C and Cython sources whose module lies beside them compiled."""
    for path in sorted(packages.rglob("*")):
        if path.suffix in SOURCE_SUFFIXES and any(path.parent.glob(f"{path.stem}.*.so")):
            put_aside(path, packages)


def drop_stubs(packages: Path) -> None:
    """Remove type stubs, but not where `lazy_loader` may read them to know what to load."""
    for top in packages.iterdir():
        stubs = sorted(top.rglob("*.pyi"))
        if stubs and not any(b"attach_stub" in f.read_bytes() for f in top.rglob("__init__.py")):
            for path in stubs:
                put_aside(path, packages)


def drop_debug_symbols(packages: Path) -> None:
    """Cut symbol tables and debug sections off libraries where they are the file's last part.

    Only what lies behind everything that the loader maps is cut (System V ABI, "Program Header"),
    and only if section headers account for all of it: other tools append data of their own.
    """
    for path in sorted(packages.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                head = file.read(64)
            # 64-bit little-endian; 2 is a program and 3 a shared library.
            if head[:6] == b"\x7fELF\x02\x01" and head[16:17] in (b"\2", b"\3"):
                content = path.read_bytes()
                end = _end_of_needed(content)
                if end is not None:
                    no_sections = bytearray(content[:end])
                    struct.pack_into("<Q", no_sections, 40, 0)
                    struct.pack_into("<3H", no_sections, 58, 0, 0, 0)
                    path.write_bytes(no_sections)


def _end_of_needed(content: bytes) -> int | None:
    """Return where the part begins that only debuggers read, or None where it cannot be cut."""
    programs_at, sections_at = struct.unpack_from("<QQ", content, 32)
    program_size, programs, section_size, sections, names = struct.unpack_from("<5H", content, 54)
    end = max(64, programs_at + program_size * programs)
    for number in range(programs):
        offset, _, _, size = struct.unpack_from(
            "<4Q", content, programs_at + number * program_size + 8
        )
        end = max(end, offset + size)
    if sections == 0 or sections_at < end:
        return None
    headers = [
        struct.unpack_from("<IIQQQQ", content, sections_at + number * section_size)
        for number in range(sections)
    ]
    names_at = headers[names][4]
    last = sections_at + section_size * sections
    for name, kind, _, _, offset, size in headers:
        if kind == NO_BITS or offset + size <= end:
            continue
        text = content[names_at + name :].split(b"\0", 1)[0]
        if offset < end or not DEBUG_SECTIONS.fullmatch(text):
            return None
        last = max(last, offset + size)
    return end if last == len(content) else None


def drop_traces(packages: Path) -> None:
    """Remove uv's note of a wheel that it took from a folder: the same wheel, the same files."""
    for path in packages.glob("*.dist-info/uv_cache.json"):
        path.unlink()


def mend_records(packages: Path) -> None:
    """Write anew what each distribution's RECORD says of files that are gone or were cut."""
    for record in sorted(packages.glob("*.dist-info/RECORD")):
        lines = []
        for line in record.read_text(encoding="utf-8").splitlines():
            name, digest, size = line.rsplit(",", 2)
            path = packages / name.strip('"')
            if not path.exists():
                continue
            if size and path.stat().st_size != int(size):
                content = path.read_bytes()
                hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
                digest, size = f"sha256={hashed.decode().rstrip('=')}", str(len(content))
            lines.append(f"{name},{digest},{size}\n")
        record.write_text("".join(lines), encoding="utf-8")


def wanted_modules(packages: Path, named: list[str]) -> set[Path]:
    """Return the modules of the named packages, and those that importing them loads.

    A folder of very many modules is a catalogue (a module for each country, say), of which a
    program reads a few by name: of such a folder only what importing loads is returned.
    """
    everything = set(packages.rglob("*.py"))
    wanted = {Path(line) for line in loaded_files(named, packages)} & everything
    in_folder = Counter(path.parent for path in everything)
    # Some wheels write their name in capitals there: PyYAML-6.0.2.dist-info.
    records = {
        re.sub("[-_.]+", "-", record.parent.name.partition("-")[0]).lower(): record
        for record in packages.glob("*.dist-info/RECORD")
    }
    for name in named:
        for line in records[name].read_text(encoding="utf-8").splitlines():
            path = packages / line.rsplit(",", 2)[0]
            if in_folder[path.parent] <= CATALOGUE:
                wanted |= {path} & everything
    return wanted


def loaded_files(named: list[str], packages: Path) -> list[str]:
    """Return the files of the modules that importing these packages loads.

    Ends the build where one cannot be imported: a line on stderr names it and says why, and whether
    it can be with the files that this program dropped.
    """
    done = import_all(named)
    lines = done.stdout.splitlines()
    if done.returncode == 0 and END in lines:
        return lines
    put_back(packages)
    again = import_all(named)
    if again.returncode == 0 and END in again.stdout.splitlines():
        broken = re.findall(rf"^{CANNOT}(\S+):", done.stderr, re.MULTILINE) or lines[-1:]
        for name in broken:
            print(f"{CANNOT}{name}: {DROPPED}", file=sys.stderr)
        sys.exit(1)
    # The engine's log of a step holds 2 MiB.
    print(done.stderr[-SHOWN:], file=sys.stderr)
    if CANNOT not in done.stderr:
        name = lines[-1] if lines else "the packages"
        print(f"{CANNOT}{name}: Python ended with exit code {done.returncode}", file=sys.stderr)
    sys.exit(1)


def import_all(named: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the program that imports these packages."""
    with tempfile.TemporaryDirectory() as home:
        # A proxy that is not there: nothing that a package does when imported leaves this machine.
        nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
        return subprocess.run(
            [sys.executable, "-I", "-B", str(IMPORT), *named],
            env={**nowhere, "HOME": home, "PATH": "/usr/bin:/bin"},
            cwd=home,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )


def compile_bytecode(packages: Path, modules: set[Path]) -> None:
    """Compile bytecode that is valid whatever the source's time is (PEP 552, unchecked)."""
    for cache in sorted(packages.rglob("__pycache__")):
        shutil.rmtree(cache)
    files = sorted(str(path) for path in modules)
    workers = []  # type: list[subprocess.Popen[bytes]]
    for chunk in range(COMPILE_CHUNKS):
        # -S and -B: what a .pth file imports at start must not write bytecode beside the workers.
        command = [sys.executable, "-I", "-S", "-B", "-m", "compileall", "-qq", "-i", "-"]
        command += ["--invalidation-mode", "unchecked-hash"]
        with tempfile.TemporaryFile() as listing:
            listing.write("\n".join(files[chunk::COMPILE_CHUNKS]).encode())
            listing.seek(0)
            workers.append(subprocess.Popen(command, stdin=listing, stdout=subprocess.DEVNULL))
        if len(workers) >= (os.cpu_count() or 1):
            workers.pop(0).wait()
    # A file that is no valid Python (a template, a test of an older version) is no error of ours.
    for worker in workers:
        worker.wait()


def settle(folder: Path, epoch: int) -> None:
    """Give every file and folder one time, and a mode that any user can read."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            is_open = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if is_open else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
