"""Why a source distribution was not built, by the words of its build; and whose wheel it is not."""

import re

from hakobune.adapters.process import printable
from hakobune.errors import SdistBuildFailedError, SdistUnstableError

_HEADER = re.compile(r"fatal error: '?([\w./+-]+\.h\w*)'?(?: file not found|: No such file)")
_FORTRAN = re.compile(r"(?i)gfortran|fortran compiler|Unknown compiler\(s\):.*fort")
_TOOL = r"(?:\w+[-_])config|cmake|ninja|make|cargo|rustc|go|swig|pkg-config|nvcc|protoc"
_PROGRAM = re.compile(
    r"(?:No such file or directory|not found|[Cc]ould not find|unable to execute)"
    rf":? '?({_TOOL})'?(?![\w-])"
    rf"|(?<![\w-])({_TOOL})\b[^\n]{{0,40}}(?:not found|is required|not installed)"
)
_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Network is unreachable"
    r"|Could not resolve host|urlopen error|Failed to establish a new connection"
)
_COMPILER = re.compile(r"^\S+:\d+:\d+: error: .*", re.MULTILINE)
_PYTHON = re.compile(
    r"^(?:[\w.]*(?:Error|Exception|Exit)\b.*|error: (?!Failed to build).*)", re.MULTILINE
)
_OTHERWISE = "choose a release of {package} that has a wheel, or a package that does without"


def sdist_failed(package: str, file: str, printed: str) -> SdistBuildFailedError:
    """Return the error of a build. `printed` is what was printed until it failed."""
    # Of all that are built one after the other, the last.
    said = printed.rpartition("Building wheel")[2]
    remedy = _OTHERWISE.format(package=package)
    header, program = _HEADER.search(said), _PROGRAM.search(said)
    if header and header[1] == "Python.h":
        what = f"{package} cannot be compiled: the headers of Python are missing"
        remedy = (
            "hakobune build passes them to a build on Debian's packages; if it ran, lock on a host "
            "that reaches a Debian mirror"
        )
    elif header:
        what = f"{package} cannot be compiled: the header {printable(header[1])} is missing"
    elif _FORTRAN.search(said):
        what = f"{package} cannot be compiled: it has Fortran sources, and there is no compiler"
    elif program:
        name = printable(program[1] or program[2])
        what = f"{package} cannot be built: its build runs `{name}`, which is missing"
    elif _NETWORK.search(said):
        what = f"{package} cannot be built: its build uses the network, and it has none"
        remedy = f"choose a release of {package} that has a wheel, or whose archive is complete"
    else:
        what = f"{package} cannot be built from {file}: {_cause_in(said)}"
        remedy = f"choose another release of {package}, or another Python"
    return SdistBuildFailedError(
        what, remedy=f"{remedy}; then run: hakobune lock && hakobune build"
    )


def _cause_in(said: str) -> str:
    """Return the line that says most of why a build failed: a compiler's first, Python's last."""
    compiler, python = _COMPILER.search(said), _PYTHON.findall(said)
    return printable(compiler[0] if compiler else python[-1] if python else "see its output above")


def other_wheel(package: str) -> SdistUnstableError:
    """Return the error of a wheel that is not the one that the lock names."""
    return SdistUnstableError(
        f"the wheel of {package}, built from its source distribution, is not the one that the "
        "lock names",
        remedy="this base image may not be the one that it was built on first. To lock the wheel "
        f"that is built here: hakobune lock --upgrade-package {package}; if each build differs: "
        f"hakobune lock --accept {package} && hakobune vendor && hakobune build --offline",
    )


def wheel_not_kept(package: str) -> SdistUnstableError:
    """Return the error of a build that needs a wheel which only a vendored folder has."""
    return SdistUnstableError(
        f"each build of {package} gives another wheel, and the one that the lock names is only in "
        "the folder of `hakobune vendor`",
        remedy="hakobune build --offline; or, to build another wheel: "
        f"hakobune lock --accept {package}",
    )
