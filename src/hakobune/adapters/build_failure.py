"""Why a build failed, by the words of what failed in it: pip, uv, apt, compilers, registries.

tests/cases/build-failures.txt keeps such words as the programs print them. Only what a step printed
is read for a step's failure, and not the step's own script, which BuildKit repeats: a script may
hold any word.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from hakobune.adapters import containers
from hakobune.adapters.debian_base import package_with
from hakobune.adapters.process import printable
from hakobune.adapters.sdist_failure import other_wheel, sdist_failed, wheel_not_kept
from hakobune.errors import (
    BasePackageGoneError,
    BaseUnavailableError,
    BuildFailedError,
    BuildkitMissingError,
    CompilationFailedError,
    DiskFullError,
    DockerfileStaleError,
    EngineMissingError,
    HakobuneError,
    HashMismatchError,
    ImportFailedError,
    IndexRefusedError,
    IndexUnreachableError,
    LockStaleError,
    PackageGoneError,
    PlatformUnsupportedError,
    RegistryRefusedError,
    RegistryUnreachableError,
)

_LAST_LINES = 12
_MOST_BROKEN = 20
_IMPORT_REMEDY = """\
choose another version of the package, or add what it lacks to the conda file; then run:
hakobune lock && hakobune build"""
_NEEDS = re.compile(r"needs the system library (\S+?),? which the image does not have")
_OFFLINE = "`hakobune build --offline` needs no network (docs/how-to/offline.md)"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# BuildKit begins a step's lines with its number and seconds, and the engine's own with the number.
_OF_A_STEP = re.compile(r"^#\d+ \d+\.\d+ ?(.*)$", re.MULTILINE)
_OF_THE_ENGINE = re.compile(
    r"^(?:#\d+ )?(?:ERROR: |error: |Error response from daemon: )(.*)$", re.MULTILINE
)
_EXIT_CODE = re.compile(r"(?:exit|non-zero) code: (\d+)\s*$", re.MULTILINE)
_ECHO = re.compile(r"process \"/bin/sh -c|^Step \d+/\d+ : |^The command '/bin/sh -c")


def why_failed(output: str) -> HakobuneError:
    """Return the error for what a failed build, or a failed `docker load`, printed."""
    text = _COLOURS.sub("", output).replace("\r", "\n")
    printed = _OF_A_STEP.findall(text)
    engine = [line for line in _OF_THE_ENGINE.findall(text) if not _ECHO.search(line)]
    if not printed and not re.search(r"^#\d+ ", text, re.MULTILINE):
        # The builder before BuildKit marks nothing: all that is no echo of the Dockerfile.
        printed = engine = [line for line in text.splitlines() if not _ECHO.search(line)]
    # The last word of the line that repeats the script.
    engine += [f"exit code {code}" for code in _EXIT_CODE.findall(text)]
    step = "\n".join(line.rstrip() for line in printed)
    for words, cause in ((step, _OF_STEPS), ("\n".join(engine), _OF_ENGINES)):
        for pattern, make in cause:
            if found := re.search(pattern, words, re.MULTILINE):
                return make(_Found(match=found, words=words))
    return _unknown(text)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a pattern found, and in which text."""

    match: re.Match[str]
    words: str

    def __getitem__(self, number: int) -> str:
        return printable((self.match[number] or "").strip("`'\" "))


def _disk(_: _Found) -> HakobuneError:
    return DiskFullError(
        "the disk filled up during the build",
        remedy="free some space (docker system df, docker builder prune), then build again",
    )


def _import(found: _Found) -> HakobuneError:
    # The lines of data/import_packages.py and data/check_libraries.py.
    lines = re.findall(
        r"^hakobune: (cannot import .+|\S+ of \S+ needs .+)", found.words, re.MULTILINE
    )
    broken = [
        f"the image {printable(line)}" if line.startswith("cannot") else printable(line)
        for line in dict.fromkeys(lines)
    ]
    libraries = [name for line in broken for name in _NEEDS.findall(line)]
    return ImportFailedError("\n".join(broken[:_MOST_BROKEN]), remedy=_library_remedy(libraries))


def _library(found: _Found) -> HakobuneError:
    return ImportFailedError(
        f"a step of the build needs the system library {found[1]}, which the image does not have",
        remedy=_library_remedy([found[1]]),
    )


def _library_remedy(libraries: list[str]) -> str:
    """Return how to add the Debian packages that have these libraries."""
    if not libraries:
        return _IMPORT_REMEDY
    known = {name: package_with(name) for name in sorted(set(libraries))}
    lines = []
    if packages := sorted({package for package in known.values() if package}):
        named = ", ".join(f'"{package}"' for package in packages)
        lines.append(
            f"add to [tool.hakobune] in pyproject.toml: debian = [{named}]\n"
            "then run: hakobune lock && hakobune build"
        )
    if unknown := [name for name, package in known.items() if not package]:
        lines.append(
            f"no Debian package is known to have {', '.join(unknown)}: if there is one, add "
            "it so; else choose a package whose wheel includes the library"
        )
    return "\n".join(lines)


def _hash(found: _Found) -> HakobuneError:
    return HashMismatchError(
        f"the index's file for {found[1]} is not the one that the lock names",
        remedy="do not build: find out whether the lock or the index was changed; `hakobune lock` "
        "names the file if the index changed it. If two indexes have this release with different "
        "bytes, remove one of them",
    )


def _stale(found: _Found) -> HakobuneError:
    return DockerfileStaleError(
        found[0], remedy="the source changed during the build; run the build again"
    )


def _edited(found: _Found) -> HakobuneError:
    return DockerfileStaleError(
        f"the Dockerfile is not one that docker can read: {found[0]}",
        remedy="it was changed by hand or by a merge; hakobune render writes it again",
    )


def _login(found: _Found) -> HakobuneError:
    return IndexRefusedError(
        f"the package index refuses this login, or has none: {found[0]}",
        remedy="put its user and password into ~/.netrc, or into the index's address "
        "(PIP_INDEX_URL, pip.conf or HAKOBUNE_EXTRA_INDEX_URL)",
    )


def _certificate(found: _Found) -> HakobuneError:
    return IndexUnreachableError(
        f"a step of the build does not trust the package index's certificate: {found[0]}",
        remedy="name your network's CA bundle: HAKOBUNE_CA_BUNDLE=/path/to/bundle.crt",
    )


def _index(found: _Found) -> HakobuneError:
    return IndexUnreachableError(
        f"a step of the build could not reach the package index: {found[0]}",
        remedy="check the network, the proxy (a build gets docker's own and not HTTPS_PROXY) and "
        f"pip's configuration; {_OFFLINE}",
    )


def _mirror(found: _Found) -> HakobuneError:
    return IndexUnreachableError(
        f"a step of the build could not reach the Debian mirror: {found[0]}",
        remedy=f"check the network and the proxy, or set HAKOBUNE_DEBIAN_MIRROR; {_OFFLINE}",
    )


def _release(found: _Found) -> HakobuneError:
    is_silent = "(from versions: none)" in found.words
    return PackageGoneError(
        f"the package index has no {found[1]} that this image can install"
        + (", does not answer, or refuses this login" if is_silent else ""),
        remedy="check that the build uses the same index as `hakobune lock` did (pip's "
        "configuration); if the release was deleted: hakobune lock && hakobune build",
    )


def _debian(found: _Found) -> HakobuneError:
    package = f"{found[2]}={found[1]}" if found.match.re.groups > 1 else found[1]
    return BasePackageGoneError(
        f"the Debian mirror does not have {package}",
        remedy="move the Debian packages forward: hakobune lock --move-base",
    )


def _gone(found: _Found) -> HakobuneError:
    # The line of data/fetch_debian.py.
    return BasePackageGoneError(
        f"the Debian mirror no longer has {found[1]}, which the lock names",
        remedy="hakobune lock --security; if the package is gone for another reason: "
        "hakobune lock --move-base",
    )


def _other_base(found: _Found) -> HakobuneError:
    return LockStaleError(found[1], remedy="hakobune lock --move-base")


def _no_mirror(found: _Found) -> HakobuneError:
    return IndexUnreachableError(
        found[1],
        remedy=f"check the network and the proxy, or set HAKOBUNE_DEBIAN_MIRROR; {_OFFLINE}",
    )


def _dpkg(found: _Found) -> HakobuneError:
    said = [line for line in found.words.splitlines() if line.startswith(("dpkg: ", " "))]
    shown = "\n".join(f"  {printable(line.strip())}" for line in said[-_LAST_LINES:])
    return BuildFailedError(
        f"dpkg cannot install the Debian packages that the lock names\n{shown}",
        remedy="lock packages that fit together: hakobune lock --move-base",
    )


def _sdist(found: _Found) -> HakobuneError:
    return sdist_failed(found[1], found[2], found.words[: found.match.start()])


def _other_wheel(found: _Found) -> HakobuneError:
    return other_wheel(found[1])


def _kept_wheel(found: _Found) -> HakobuneError:
    return wheel_not_kept(found[1])


def _fetched(found: _Found) -> HakobuneError:
    return BuildFailedError(
        f"{found[1]} comes from no package index, and this build was not given it",
        remedy="hakobune build (it fetches the file; plain `docker build` cannot)",
    )


def _compilation(found: _Found) -> HakobuneError:
    return CompilationFailedError(
        # With the quotes of what the compiler names last.
        f"a C file does not compile: {printable(found.match[0].strip())}",
        remedy="correct the file, then build again",
    )


def _killed(_: _Found) -> HakobuneError:
    return BuildFailedError(
        "a step of the build was killed (SIGKILL), most often because the machine ran out of "
        "memory",
        remedy="free memory, or give the engine's virtual machine more, then build again",
    )


def _registry_login(found: _Found) -> HakobuneError:
    return RegistryRefusedError(
        f"the registry of the base image requires a login, or has no such image: {found[0]}",
        remedy="docker login REGISTRY, then build again. For an image that was made here: the "
        "builder must have the driver `docker` (docker buildx use default)",
    )


def _no_image(found: _Found) -> HakobuneError:
    return BaseUnavailableError(
        f"the registry has no base image {found[1]}",
        remedy="hakobune lock finds the image's present digest; then build again",
    )


def _registry(found: _Found) -> HakobuneError:
    return RegistryUnreachableError(
        f"the registry of the base image does not answer: {found[0]}",
        remedy="check the network and the engine's proxy, or run on a Debian host, where a base "
        "is made without a registry (docs/how-to/bare-host.md)",
    )


def _platform(found: _Found) -> HakobuneError:
    return PlatformUnsupportedError(
        f"the base image is not for linux/amd64, or this machine cannot run it: {found[0]}",
        remedy="build on a linux/amd64 machine, or install QEMU's binfmt handlers",
    )


def _no_file(found: _Found) -> HakobuneError:
    return BuildFailedError(
        f"the build's context has no {found[1]}: the file was deleted, or .dockerignore excludes "
        "it",
        remedy="restore the file, or run hakobune render to write Dockerfile and .dockerignore",
    )


def _secret(found: _Found) -> HakobuneError:
    return BuildFailedError(
        f"the build was not given the secret {found[1]}",
        remedy="hakobune build hands over all that the Dockerfile asks for",
    )


def _lost(found: _Found) -> HakobuneError:
    return EngineMissingError(
        f"the Docker engine stopped answering during the build: {found[0]}",
        remedy=f"{containers.engine_command()}\nthen build again",
    )


def _buildkit(_: _Found) -> HakobuneError:
    return BuildkitMissingError(
        "this Dockerfile needs BuildKit, and the builder that ran is the one before it",
        remedy="unset DOCKER_BUILDKIT, or install docker-buildx",
    )


def _unknown(text: str) -> HakobuneError:
    lines = [re.sub(r"^#\d+ (\d+\.\d+ )?", "", line).rstrip() for line in text.splitlines()]
    # The engine repeats the whole script of a failed step, which was shown already.
    lines = [line for line in lines if line and not _ECHO.search(line)]
    failed = [line for line in lines if re.search(r"\b(error|ERROR|failed|fatal)\b", line)]
    shown = "\n".join(f"  {printable(line)}" for line in (failed or lines)[-_LAST_LINES:])
    return BuildFailedError(
        f"docker could not build the image\n{shown}",
        remedy="see the output of the failed step above; `hakobune doctor` checks this machine",
    )


# The first that fits wins: what has a certain cause first, then what may follow from another.
_Causes = tuple[tuple[str, Callable[[_Found], HakobuneError]], ...]
_OF_STEPS: _Causes = (
    (r"[Nn]o space left on device|Disk quota exceeded", _disk),
    (r"^hakobune: (?:cannot import .+|\S+ of \S+ needs the system library .+)", _import),
    (r"^hakobune: gone: (.+)", _gone),
    (r"^hakobune: (the lock has no packages for this base.+)", _other_base),
    (
        r"^hakobune: (the Debian mirror does not give .+|this base names no Debian mirror.+)",
        _no_mirror,
    ),
    (r"^hakobune: dpkg cannot install", _dpkg),
    (r"^hakobune: cannot build (\S+) from (\S+)", _sdist),
    (r"^hakobune: the wheel of (\S+) is not the one that the lock names", _other_wheel),
    (r"^hakobune: the wheel of (\S+) that the lock names is not here", _kept_wheel),
    (r"^hakobune: (\S+) comes from no index", _fetched),
    (r"Hash mismatch for `?([^\s`]+)`?", _hash),
    (r"DO NOT MATCH THE HASHES[\s\S]*?^\s*([\w.-]+==\S+|[\w.-]+) from", _hash),
    (r"^.* changed after this Dockerfile was rendered", _stale),
    (r"lack of valid authentication credentials|returned a 403 Forbidden error", _login),
    (r"^.*\b(?:401|403) (?:Client )?Error\b.*|^User for \S+:", _login),
    (r"^.*CERTIFICATE_VERIFY_FAILED.*|^.*invalid peer certificate.*|^.*SSLError.*", _certificate),
    (r"^E: .*Could not resolve.*|^E: .*(?:Unable|Cannot) (?:to|initiate the) connect.*", _mirror),
    (r"^E: .*Temporary failure resolving.*|^E: .*Connection timed out.*", _mirror),
    (r"^E: Version '(.+)' for '(.+)' was not found", _debian),
    (r"Unable to locate package (\S+)", _debian),
    (r"^E: Failed to fetch \S+/([^/\s]+)\s+404\b", _debian),
    (r"dns error|name resolution|Name or service not known|tcp connect error", _index),
    (r"Failed to establish a new connection|ConnectTimeoutError|Read timed out", _index),
    (r"error sending request for url|operation timed out|Cannot connect to proxy", _index),
    (r"HTTP status server error \(5\d\d [^)]*\)|5\d\d Server Error", _index),
    (r"there is no version of (\S+)", _release),
    (r"(\S+) was not found in the package registry", _release),
    (r"(\S+) has no (?:usable )?wheels", _release),
    (r"Could not find a version that satisfies the requirement (\S+)", _release),
    (r"No matching distribution found for (\S+)", _release),
    (r"^\S+\.(?:c|h|cc|cpp|hpp):\d+:\d+: (?:fatal )?error: .*", _compilation),
    (r"^.*(?:undefined reference to|undefined symbol:).*|^.*\bld: cannot find -l.*", _compilation),
    (r"([^\s:'\"\[(]+): cannot open shared object file", _library),
    (r"^Killed$", _killed),
    (r"exec format error", _platform),
)
_OF_ENGINES: _Causes = (
    (r"no space left on device", _disk),
    (r"dockerfile parse error.*|unknown instruction.*|failed to read dockerfile.*", _edited),
    (r"no match for platform in manifest|exec format error", _platform),
    (r"pull access denied|authorization failed|insufficient_scope", _registry_login),
    (r"(?:401 Unauthorized|403 Forbidden|denied: .*)$", _registry_login),
    (
        r"(?:resolve source metadata for|resolve reference) \"?([^\s\"]+?)\"?: \S+: not found",
        _no_image,
    ),
    (r"manifest (?:for (\S+) )?unknown", _no_image),
    (r"dial tcp.*|no such host|i/o timeout|failed to do request: .*|x509: .*", _registry),
    (r"failed to calculate checksum of ref \S+: \"/?([^\"]+)\": not found", _no_file),
    (r"COPY failed: file not found .*: stat (\S+):", _no_file),
    (r"secret (\S+): not found", _secret),
    (r"Cannot connect to the Docker daemon|error reading from server|closing transport", _lost),
    (r"option requires BuildKit", _buildkit),
    (r"^exit code 137$", _killed),
)
