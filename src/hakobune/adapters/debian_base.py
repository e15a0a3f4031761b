"""The scripts of `docker/base`, which make a base image from Debian's packages."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hakobune.adapters.build_progress import shown_waiting
from hakobune.adapters.files import shipped_folder
from hakobune.adapters.process import Completed, Runner
from hakobune.errors import (
    BasePackageGoneError,
    BaseUnavailableError,
    DiskFullError,
    HakobuneError,
    HashMismatchError,
)
from hakobune.model.lock import LockedDebian
from hakobune.model.reporter import Reporter

# Exit codes of docker/base/build.sh, as its head describes them.
_GONE, _HASH, _NETWORK, _DISK = 31, 32, 33, 35
MOVE = "hakobune lock --move-base"


def resolve(runner: Runner, suite: str, packages: Sequence[str]) -> str | None:
    """Return the list of packages that make the base, or None where this host cannot ask Debian."""
    done = runner.capture([str(shipped_folder("base") / "resolve.sh"), suite, *packages])
    return done.stdout if done.exit_code == 0 else None


def missing(runner: Runner) -> tuple[str, str] | None:
    """Return what this host lacks to make a base, and the remedy; None where it can."""
    done = runner.capture([str(shipped_folder("base") / "mirror.sh")])
    if done.exit_code == 0:
        return None
    what, _, remedy = done.stderr.replace("mirror.sh: ", "").strip().partition("\n")
    return what, remedy


def fetch(runner: Runner, package: LockedDebian) -> bytes:
    """Return a package's file. Raises BasePackageGoneError, HashMismatchError or what else fails.

    As in build.sh, apt's own downloader fetches it and checks its sha256.
    """
    mirror = runner.capture([str(shipped_folder("base") / "mirror.sh")])
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        path = Path(folder, "package.deb")
        address = f"{mirror.stdout.strip()}/{package.path}"
        done = runner.capture(
            ["/usr/lib/apt/apt-helper", "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User=",
             "download-file", address, str(path), f"SHA256:{package.sha256}"]
        )  # fmt: skip
        if done.exit_code == 0:
            return path.read_bytes()
    said = done.stdout + done.stderr
    if "404" in said:
        raise BasePackageGoneError(
            f"the Debian mirror no longer has {package.name} {package.version}, which the lock "
            "names",
            remedy=f"move the base forward: {MOVE}",
        )
    if "Hash Sum mismatch" in said or "unexpected size" in said:
        raise HashMismatchError(
            f"the mirror's {package.name} {package.version} is not the one that the lock names",
            remedy=f"check the mirror; to lock its current packages: {MOVE}",
        )
    raise BaseUnavailableError(
        f"the headers of Python ({package.name}) cannot be had: the Debian mirror does not answer",
        remedy="check the network, or set HAKOBUNE_DEBIAN_MIRROR",
    )


def fingerprint() -> bytes:
    """Return the bytes of everything that decides the base besides its packages."""
    folder = shipped_folder("base")
    return b"".join(
        (folder / name).read_bytes()
        for name in ("build.sh", "finish.sh", "leave-out.cfg", "Dockerfile")
    )


def dockerfile() -> Path:
    """Return the Dockerfile that makes an image of the tar."""
    return shipped_folder("base") / "Dockerfile"


def build_tar(runner: Runner, packages: str, tar: Path, reporter: Reporter) -> None:
    """Make the root file system of these packages as a tar file.

    Raises BasePackageGoneError, HashMismatchError, DiskFullError or BaseUnavailableError.
    """
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        listing = Path(folder, "packages.tsv")
        listing.write_text(packages, encoding="utf-8")
        command = [str(shipped_folder("base") / "build.sh"), str(listing), str(tar)]
        what = f"making it from {len(packages.splitlines())} Debian packages"
        done = shown_waiting(runner, command, reporter, name="base", what=what)
    if done.exit_code != 0:
        if said := done.stdout.rstrip():
            reporter.say(said)
        raise _failure(done)


def _failure(done: Completed) -> HakobuneError:
    lines = done.stdout.splitlines()
    if done.exit_code == _GONE:
        gone = [line.removeprefix("gone: ") for line in lines if line.startswith("gone: ")]
        return BasePackageGoneError(
            f"the Debian mirror no longer has {', '.join(gone)}, which the lock names",
            remedy=f"move the base forward: {MOVE}",
        )
    if done.exit_code == _HASH:
        return HashMismatchError(
            "a Debian package is not the one that the lock names",
            remedy=f"check the mirror; to lock its current packages: {MOVE}",
        )
    if done.exit_code == _DISK:
        return DiskFullError(
            "the disk filled up while the base image was built",
            remedy="free some space, then run the command again",
        )
    last = lines[-1] if lines else f"exit code {done.exit_code}"
    reach = " (no network)" if done.exit_code == _NETWORK else ""
    return BaseUnavailableError(
        f"no image registry answers, and a base from Debian's packages failed{reach}: {last}",
        remedy="give the host a registry, or run on a Debian host with its mirror "
        "(docs/how-to/bare-host.md)",
    )
