"""What a setup.py needs in order to run: read off its text, which is not executed. No I/O.

An archive without `[build-system]` says nowhere what builds it. pip once built such archives in the
environment itself, and they still import what they found there (`import numpy`). What setuptools
would be asked for (`setup_requires`, PEP 517's get_requires_for_build_wheel) is read, too.
"""

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date

# What setup.py imports, and the release that has it. Only what is there to build other packages:
# no name that a stranger's archive chooses is taken from an index.
_MODULES = {
    "Cython": "cython",
    "cython": "cython",
    "cffi": "cffi",
    "cmake": "cmake",
    "jinja2": "jinja2",
    "ninja": "ninja",
    "numpy": "numpy",
    "packaging": "packaging",
    "pbr": "pbr",
    # https://setuptools.pypa.io/en/latest/pkg_resources.html names the last one with this module.
    "pkg_resources": "setuptools<81",
    "pkgconfig": "pkgconfig",
    "pybind11": "pybind11",
    "pythran": "pythran",
    "scipy": "scipy",
    "setuptools_scm": "setuptools-scm",
    "six": "six",
    "skbuild": "scikit-build",
    "versioneer": "versioneer",
}
# numpy.distutils goes up to Python 3.11, and does not know setuptools 60 and newer:
# https://numpy.org/doc/stable/reference/distutils_status_migration.html
_FOR_NUMPY_DISTUTILS = 'setuptools<60 ; python_version < "3.12"'
# Setuptools 58 refuses an archive that asks for 2to3, and the ones before need distutils.
_FOR_2TO3 = 'setuptools<58 ; python_version < "3.12"'
# Sources of before were never tried with these, which dropped what many of them use.
_CYTHON_3, _CMAKE_4 = date(2023, 7, 17), date(2025, 3, 28)


def setup_requirements(  # noqa: PLR0913 - what an archive says of itself
    text: str,
    *,
    name: str,
    is_alone: bool,
    files: Collection[str],
    requires: Sequence[str],
    released: date | None,
) -> tuple[str, ...]:
    """Return the requirements of what setup.py needs to run (PEP 508), unchecked.

    `name` is the package's. `is_alone`: the archive has no `[build-system]`, so that its imports
    count. `files` are the archive's paths, `requires` its dependencies, which it needs to import
    itself, and `released` is the day that it was made, None where that is not known.
    """
    try:
        tree = ast.parse(text.removeprefix("\ufeff"))
        nodes = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()  # a program for Python 2: its build says so
    listed = list(_setup_requires(nodes))
    if is_alone:
        tops = list(_imported(nodes))
        listed += [_MODULES[top] for top in tops if top in _MODULES and f"{top}.py" not in files]
        listed += [_FOR_NUMPY_DISTUTILS] if "numpy.distutils" in tops else []
        if any(re.sub("[-_.]+", "-", top).lower() == name for top in tops):
            listed += (wanted for wanted in requires if "extra ==" not in wanted)
        listed += _programs(nodes, files)
        if any(_is_2to3(node) for node in nodes):
            listed.append(_FOR_2TO3)
    named: dict[str, str] = {}
    for wanted in listed:
        of = re.split(r"[^\w.-]", wanted.strip(), maxsplit=1)[0].lower()
        # A requirement with a version says more than a bare name; setuptools may have several.
        if of == "setuptools":
            named[wanted] = wanted
        elif not named.get(of, "").removeprefix(of):
            named[of] = _capped(wanted, of, released) if is_alone else wanted
    return tuple(named.values())


def _setup_requires(nodes: list[ast.AST]) -> Iterator[str]:
    """Yield the texts of `setup_requires` and of calls of `fetch_build_eggs`."""
    for node in nodes:
        value = _asked_in(node)
        if isinstance(value, ast.Constant):
            yield from str(value.value).splitlines()
        elif isinstance(value, ast.List | ast.Tuple):
            for item in value.elts:
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    yield item.value


def _asked_in(node: ast.AST) -> ast.AST | None:
    """Return the value that is the list of what a build needs; None for any other node."""
    match node:
        case ast.keyword(arg="setup_requires", value=value):
            return value
        case ast.Assign(targets=[ast.Name(id="setup_requires" | "SETUP_REQUIRES")], value=value):
            return value
        case ast.Call(func=ast.Attribute(attr="fetch_build_eggs"), args=[value, *_]):
            return value
        case _:
            return None


def _imported(nodes: list[ast.AST]) -> Iterator[str]:
    """Yield the top-level modules that are imported, and `numpy.distutils`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            yield name.partition(".")[0]
            if name.startswith("numpy.distutils"):
                yield "numpy.distutils"


def _programs(nodes: list[ast.AST], files: Collection[str]) -> Iterator[str]:
    """Yield what a setup.py runs by name; the package index has wheels of these programs."""
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    if "cmake" in texts:
        yield "cmake"
    if any(isinstance(text, str) and text.endswith(".i") for text in texts) and any(
        path.endswith(".i") for path in files
    ):
        yield "swig"


def _is_2to3(node: ast.AST) -> bool:
    if not isinstance(node, ast.keyword) or node.arg != "use_2to3":
        return False
    return not (isinstance(node.value, ast.Constant) and not node.value.value)


def _capped(wanted: str, name: str, released: date | None) -> str:
    """Return a requirement without the releases that came later and dropped what was in use."""
    if released is None or "<" in wanted or "=" in wanted.replace(">=", ""):
        return wanted
    requirement, mark, condition = wanted.partition(";")
    for limited, day, first in (("cython", _CYTHON_3, "3"), ("cmake", _CMAKE_4, "4")):
        if name == limited and released < day:
            comma = "," if ">" in requirement else ""
            return f"{requirement.strip()}{comma}<{first}{' ' if mark else ''}{mark}{condition}"
    return wanted
