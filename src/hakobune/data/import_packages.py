"""Runs inside the image's build, and inside the image: imports what each named package installed.

    python import_packages.py PACKAGE...

Prints each package's name before it imports it, then the file of every module that is loaded, and
in the end the line that END holds. Ends with 1, after a line on stderr for each package that
cannot be imported, which begins as CANNOT does. Uses only the standard library, and knows nothing
of the packages.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import importlib
import importlib.util
import mmap
import re
import sys
import traceback
from pathlib import Path, PurePosixPath

CANNOT = "hakobune: cannot import "
PUBLISHED, CHANGED = "broken as published", "broken in this image"
END = "hakobune: every package was imported"
# What glibc's loader says of a library that it does not find.
_NOT_FOUND = re.compile(r"([^\s:'\"\[(]+): cannot open shared object file")


def main() -> None:
    """Import them all, and say which cannot be."""
    failed = []
    for name in sys.argv[1:]:
        print(name, flush=True)
        # What a package prints is none of our lines.
        with contextlib.redirect_stdout(sys.stderr):
            why = why_not(name)
        if why:
            failed.append(f"{CANNOT}{name}: {why}")
    if failed:
        # Behind all that the packages printed.
        sys.exit("\n".join(failed))
    for module in list(sys.modules.values()):
        print(getattr(module, "__file__", None) or "")
    print(END)


def installed(name: str) -> tuple[Path, list[PurePosixPath]]:
    """Return the folder that a distribution lies in, and its files there."""
    folder, rows = recorded(name)
    return folder, [PurePosixPath(row[0]) for row in rows]


def recorded(name: str) -> tuple[Path, list[list[str]]]:
    """Return the folder that a distribution lies in, and of each file there path, hash and size.

    Read here, because Python 3.7 has no importlib.metadata.
    https://packaging.python.org/specifications/recording-installed-packages/
    """
    for folder in map(Path, sys.path):
        for record in sorted(folder.glob("*.dist-info/RECORD")) if folder.is_dir() else []:
            if normal(record.parent.stem.rpartition("-")[0]) == normal(name):
                with record.open(encoding="utf-8", newline="") as file:
                    return folder, [row for row in csv.reader(file) if row]
    raise ModuleNotFoundError(f"no package {name} is installed")


def normal(name: str) -> str:
    """Return a distribution's name as names are compared (PEP 503)."""
    return re.sub("[-_.]+", "-", name).lower()


def modules(name: str) -> list[str]:
    """Return the outermost packages and modules that a distribution installed."""
    files = [file for file in installed(name)[1] if file.suffix == ".py"]
    packages = [file.parent for file in files if file.name == "__init__.py"]
    outer = [p for p in packages if not any(other in p.parents for other in packages)]
    alone = {file.stem for file in files if len(file.parts) == 1}
    return sorted({".".join(path.parts) for path in outer if str(path).isascii()} | alone)


def why_not(name: str) -> str:
    """Import a distribution's modules; return why that fails, or nothing where it does not.

    A module that lacks another Python package counts only if it has the distribution's own name, or
    if no module beside it can be imported: mlflow 2.5 installs a plug-in of pylint's, for instance.
    """
    imported, lacking = 0, ""
    for module in modules(name):
        try:
            importlib.import_module(module)
            imported += 1
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - whatever an import may raise
            traceback.print_exc()
            lacking = reason(name, module, exc)
            is_own = normal(module) == name
            if is_own or not isinstance(exc, ModuleNotFoundError):
                return lacking
    return "" if imported else lacking


def reason(name: str, module: str, exc: BaseException) -> str:
    """Return in one line why this module cannot be imported."""
    # The whole of it: a package may turn the loader's error into one of its own.
    text = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))
    library = _NOT_FOUND.search(text)
    if library:
        file = file_needing(library[1], name) or module
        return f"{file} needs the system library {library[1]}, which the image does not have"
    said = str(exc).strip().splitlines() or ["no reason was given"]
    what = f"import {module} ends with {type(exc).__name__}: {said[-1].strip()}"
    return f"{what} ({origin(name, exc)})"


def origin(name: str, exc: BaseException) -> str:
    """Return whether the distribution is broken as published, or only here."""
    folder, rows = recorded(name)
    changed = [row[0] for row in rows if is_changed(folder / row[0], row[1:])]
    if changed:
        return f"{CHANGED}: {changed[0]} is not the file that the wheel has"
    lacking = exc.name if isinstance(exc, ModuleNotFoundError) and exc.name else ""
    if lacking and importlib.util.find_spec(lacking.partition(".")[0]) is None:
        return f"{PUBLISHED}: no locked package has the module {lacking.partition('.')[0]}"
    return f"{PUBLISHED}: its files are the wheel's"


def is_changed(path: Path, row: list[str]) -> bool:
    """Tell whether an installed file is another one than RECORD says; not all of them are there."""
    method, _, digest = row[0].partition("=") if row else ("", "", "")
    if not digest or method not in hashlib.algorithms_guaranteed:
        return False
    if not path.is_file():
        return True
    found = hashlib.new(method, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() != digest


def file_needing(library: str, name: str) -> str:
    """Return the installed file that names this library; those of the distribution come first."""
    folder, files = installed(name)
    own = [folder / file for file in files if ".so" in file.suffixes]
    for path in [*own, *sorted(folder.rglob("*.so*"))]:
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as file:  # noqa: SIM117 - Python 3.7 has no other form for two
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    if content.find(b"\0" + library.encode() + b"\0") >= 0:
                        return path.relative_to(folder).as_posix()
    return ""


if __name__ == "__main__":
    main()
