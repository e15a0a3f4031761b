"""Files that a build needs and no package index has: addresses, git commits, Debian's headers.

`lock` finds out what they are; before a build they are fetched again, each by its sha256.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from hakobune.adapters import debian_base, files
from hakobune.adapters.download import fetch
from hakobune.adapters.git_archive import git_archive
from hakobune.adapters.process import Runner, printable
from hakobune.adapters.resolver import OutsideFile, Question
from hakobune.errors import HakobuneError, HashMismatchError, InputNotFoundError, SdistInvalidError
from hakobune.model.lock import Lock, LockedDebian, LockedSdist, LockedWheel
from hakobune.model.project import Project
from hakobune.model.secrets import BuildSecrets
from hakobune.stages import base_image
from hakobune.transform.install_blocks import FETCHED, headers_of, needs_fetched
from hakobune.transform.read_sdist import SdistFacts, read_sdist

_COMMIT_SHOWN = 12
# An address may have any sign in its last part, and a path, too (`%2F`).
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.(whl|tar\.gz|zip)")


def fetch_named(
    runner: Runner, question: Question, folder: Path, *, env: Mapping[str, str]
) -> tuple[Question, dict[str, SdistFacts]]:
    """Fetch each file that a requirement names by its address, into the folder.

    Return the question with these files in place of the addresses, and what the source archives
    among them say, by name. Raises SdistInvalidError, or what fetching raises.
    """
    texts: list[str] = []
    found, facts = dict(question.outside), dict[str, SdistFacts]()
    for text in question.requirements:
        wanted = Requirement(text)
        if wanted.url is None:
            texts.append(text)
            continue
        name = canonicalize_name(wanted.name)
        place = next(iter(question.places.get(name, ())), question.file)
        file = _file_of(name, wanted.url)
        if not _FILE.fullmatch(file):
            raise SdistInvalidError(
                f"{place}: {printable(file)} is not the name of a wheel or a source archive",
                remedy="correct the address",
                place=place,
            )
        try:
            content = _content(wanted.url, file, runner, None, env)
        except HakobuneError as exc:
            raise type(exc)(f"{place}: {exc.what}", remedy=exc.remedy, place=place) from exc
        path = folder / file
        files.write_bytes(path, content)
        try:
            version = _wheel_version(name, file) if file.endswith(".whl") else ""
            if not version:
                facts[name] = _sdist_facts(name, content, file)
                version = facts[name].version or _made_up_version(wanted.url)
        except ValueError as exc:
            raise SdistInvalidError(
                f"{place}: {exc}", remedy="correct the address", place=place
            ) from exc
        found[name] = OutsideFile(
            version=version,
            file=file,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            address=wanted.url,
        )
        extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
        marker = f" ; {wanted.marker}" if wanted.marker else ""
        texts.append(f"{name}{extras} @ {path.resolve().as_uri()}{marker}")
    return question.asking(tuple(texts), found), facts


def _file_of(name: str, address: str) -> str:
    """Return the name that an address's file has in the build."""
    if address.startswith("git+"):
        return f"{name}-{address[-40:][:_COMMIT_SHOWN]}.tar.gz"
    return unquote(PurePosixPath(urlsplit(address).path).name)


def _wheel_version(name: str, file: str) -> str:
    """Return the version in a wheel's name. Raises ValueError unless it is this package's."""
    try:
        found, version, *_ = parse_wheel_filename(file)
    except InvalidWheelFilename as exc:
        raise ValueError(f"{file} is not the name of a wheel") from exc
    if found != name:
        raise ValueError(f"{file} is a wheel of {found}, and the line names {name}")
    return str(version)


def _sdist_facts(name: str, content: bytes, file: str) -> SdistFacts:
    """Return what a source archive says. Raises ValueError if it is not this package's."""
    facts = read_sdist(content, file=file)
    if canonicalize_name(facts.name or name) != name:
        raise ValueError(f"{file} is of {printable(facts.name)}, and the line names {name}")
    return facts


def _made_up_version(address: str) -> str:
    """Return the version of what states none: a commit has one only where its tag is known."""
    return f"0+g{address[-40:][:_COMMIT_SHOWN]}" if address.startswith("git+") else "0"


@contextmanager
def fetched_options(
    project: Project, lock: Lock, runner: Runner, base: str, secrets: BuildSecrets
) -> Iterator[tuple[str, ...]]:
    """Yield the options that hand a build the files that no index has.

    Raises HashMismatchError for one that is not what the lock names, or what fetching raises.
    """
    if not needs_fetched(lock):
        yield ()
        return
    with TemporaryDirectory(prefix="hakobune-fetched-") as text:
        gather(project, lock, runner, base, Path(text), secrets=secrets)
        yield ("--build-context", f"{FETCHED}={text}")


def gather(  # noqa: PLR0913 - as above
    project: Project,
    lock: Lock,
    runner: Runner,
    base: str,
    folder: Path,
    *,
    secrets: BuildSecrets,
) -> None:
    """Write each file that no index has into the folder. Raises what `fetched_options` raises."""
    env = {"SSL_CERT_FILE": str(secrets.ca_bundle)} if secrets.ca_bundle else {}
    kept = Path.home() / ".cache" / "hakobune" / "files"
    for package in needed(lock, base):
        content = files.read_bytes(kept / package.sha256)
        if content is None or hashlib.sha256(content).hexdigest() != package.sha256:
            content = _fetched(package, project, runner, env)
            files.make_folder(kept)
            files.write_bytes(kept / package.sha256, content)
        files.write_bytes(folder / file_of(package), content)


def needed(lock: Lock, base: str) -> tuple[LockedWheel | LockedSdist | LockedDebian, ...]:
    """Return the files that no index has. Bases of registries bring the headers of their Python."""
    headers = headers_of(lock) if base == base_image.debian_tag(lock) else ()
    return (*lock.outside, *headers)


def file_of(package: LockedWheel | LockedSdist | LockedDebian) -> str:
    """Return the file's name in the build."""
    return f"{package.name}.deb" if isinstance(package, LockedDebian) else package.file


def _fetched(
    package: LockedWheel | LockedSdist | LockedDebian,
    project: Project,
    runner: Runner,
    env: Mapping[str, str],
) -> bytes:
    if isinstance(package, LockedDebian):
        return debian_base.fetch(runner, package)
    content = _content(package.address, package.file, runner, project.root, env)
    if hashlib.sha256(content).hexdigest() != package.sha256:
        raise HashMismatchError(
            f"{package.file} from {package.address} is not the file that the lock names",
            remedy="do not build: find out why it was changed; `hakobune lock` locks it as it is",
        )
    return content


def _content(
    address: str, file: str, runner: Runner, root: Path | None, env: Mapping[str, str]
) -> bytes:
    if address.startswith("git+"):
        return git_archive(runner, address, name=file.removesuffix(".tar.gz"), env=env)
    if address.startswith("file:") and root is not None:
        content = files.read_bytes(root / address.removeprefix("file:"))
        if content is None:
            raise InputNotFoundError(
                f"the project has no {address.removeprefix('file:')}, which the lock names",
                remedy="restore the file, or lock again: hakobune lock",
            )
        return content
    return fetch(address, file=file, env=env)
