"""The scripts of `docker/base`, which make a base image from Debian's packages."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hakobune.adapters.build_progress import shown_waiting
from hakobune.adapters.files import read_data, shipped_folder
from hakobune.adapters.process import Completed, Runner, printable
from hakobune.errors import (
    BasePackageGoneError,
    BaseUnavailableError,
    DebianPackageUnknownError,
    DebianReleaseGoneError,
    DiskFullError,
    HakobuneError,
    HashMismatchError,
)
from hakobune.model.lock import LockedDebian
from hakobune.model.reporter import Reporter

# Exit codes of docker/base/build.sh, as its head describes them.
_GONE, _HASH, _NETWORK, _DISK = 31, 32, 33, 35
# Of docker/base/resolve.sh.
_NO_SOLUTION, _UNKNOWN = 30, 31
_ASK_S = 10
_SAID = 12  # lines of apt that an error repeats
MOVE = "hakobune lock --move-base"


def resolve(
    runner: Runner, suite: str, packages: Sequence[str], added: Sequence[str] = ()
) -> str | None:
    """Return the list of packages that make the base and of those that a project adds to it.

    None where this host cannot ask Debian. Raises DebianPackageUnknownError for packages that the
    suite does not have, or that cannot be installed together, and DebianReleaseGoneError.
    """
    script = str(shipped_folder("base") / "resolve.sh")
    done = runner.capture([script, suite, *packages, *(("--", *added) if added else ())])
    if done.exit_code == _UNKNOWN:
        lines = re.findall(r"^unknown: (\S+) ?(.*)$", done.stderr, re.MULTILINE)
        raise DebianPackageUnknownError(
            "\n".join(f"Debian {suite} has no package `{name}`" for name, _ in lines),
            remedy="correct the name, or remove it",
            unknown={name: tuple(similar.split()) for name, similar in lines},
        )
    if done.exit_code == _NO_SOLUTION and added and "apt finds no solution" in done.stderr:
        said = [printable(line.strip()) for line in done.stderr.splitlines()[-_SAID:-1]]
        raise DebianPackageUnknownError(
            f"Debian {suite} cannot install {', '.join(added)} together:\n" + "\n".join(said),
            remedy="remove one of them",
        )
    if done.exit_code == _NO_SOLUTION and "does not have a Release file" in done.stderr:
        raise DebianReleaseGoneError(
            f"Debian {suite} is not on the mirror that this host uses: it has the releases that "
            "Debian still supports",
            remedy="set HAKOBUNE_DEBIAN_MIRROR to a mirror that has it (docs/how-to/bare-host.md)",
        )
    return done.stdout if done.exit_code == 0 else None


def security(runner: Runner, suite: str) -> dict[str, str] | None:
    """Return the newest version of each package of a suite's security archive, by name.

    None where this host cannot ask Debian within ten seconds.
    """
    script = str(shipped_folder("base") / "resolve.sh")
    done = runner.capture([script, "--security", suite], timeout_s=_ASK_S)
    if done.exit_code != 0:
        return None
    newest: dict[str, str] = {}
    for line in done.stdout.splitlines():
        name, version = line.split("\t")
        if name not in newest or is_older(runner, newest[name], version):
            newest[name] = version
    return newest


def is_older(runner: Runner, one: str, other: str) -> bool:
    """Tell whether a Debian version is older than another one, as dpkg compares them."""
    compare = ["dpkg", "--compare-versions", one, "lt", other]
    return one != other and runner.capture(compare).exit_code == 0


def mirror(runner: Runner) -> str:
    """Return the addresses of Debian's archive and of its security archive; empty: none known.

    They may hold a password.
    """
    script = str(shipped_folder("base") / "mirror.sh")
    found = [runner.capture([script]), runner.capture([script, "security"])]
    return " ".join(done.stdout.strip() for done in found if done.exit_code == 0)


def package_with(library: str, release: str = "") -> str:
    """Return the Debian package that has a shared library; empty where none is known.

    `release` is a Debian release (`bullseye`); without it, the name in most of them.
    """
    for line in read_data("debian_libraries.txt").splitlines():
        soname, *names = line.split()
        # A wheel may name the file, `libgomp.so.1.0.0`.
        if library == soname or library.startswith(f"{soname}."):
            others = dict(name.split(":") for name in names if ":" in name)
            usual = names[0] if names else _by_policy(soname)
            return others.get(release, usual)
    return ""


def _by_policy(soname: str) -> str:
    """Return the name of a library's package (https://www.debian.org/doc/debian-policy, 8.1)."""
    stem, _, version = soname.partition(".so.")
    name = stem.lower().replace("_", "-")
    return f"{name}{'-' if name[-1].isdigit() else ''}{version}"


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
    script = str(shipped_folder("base") / "mirror.sh")
    is_security = package.path.startswith("pool/updates/")
    archive = runner.capture([script, *(["security"] if is_security else [])])
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        path = Path(folder, "package.deb")
        address = f"{archive.stdout.strip()}/{package.path}"
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
