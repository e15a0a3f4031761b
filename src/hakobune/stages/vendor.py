"""Lock to a folder with all that a build needs from the network, and the build from it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

from hakobune.adapters import containers, docker_cli, files, registry
from hakobune.adapters.patience import Patience, SystemClock
from hakobune.adapters.process import Runner
from hakobune.errors import (
    BaseUnavailableError,
    BuildkitMissingError,
    HashMismatchError,
    ImageInvalidError,
    VendorDamagedError,
    VendorIncompleteError,
)
from hakobune.model.image import Image
from hakobune.model.lock import (
    Lock,
    LockedConda,
    LockedDebian,
    LockedSdist,
    LockedWheel,
    unsupported,
)
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.secrets import NO_SECRETS, BuildSecrets
from hakobune.model.vendor import VendorListing
from hakobune.oci import layout as oci_layout
from hakobune.oci.walk import Repository
from hakobune.stages import base_image
from hakobune.stages.build import (
    build_arguments,
    build_tagged,
    planned_commands,
    ready_base,
)
from hakobune.stages.built_wheels import keep_wheels, settle_wheels
from hakobune.stages.outside import fetched_options, file_of, gather, needed
from hakobune.stages.render import check_lock, ready_dockerfile
from hakobune.stages.vendor_files import fetch_into, report_fetched
from hakobune.transform.debian_blocks import render_debian_download
from hakobune.transform.render_dockerfile import pinned_base
from hakobune.transform.render_download import render_download
from hakobune.transform.vendor_listing import read_listing, write_listing

LISTING = "SHA256SUMS"
_BASE = "base"
_WHEELS = "wheels"
_REMEDY = "run `hakobune vendor` on a machine with a network, then copy the folder here"


def vendor(
    project: Project, runner: Runner, reporter: Reporter, *, folder: Path, secrets: BuildSecrets
) -> VendorListing:
    """Fetch the lock's wheels and the base that the folder lacks; return its listing.

    Damaged files are fetched again, and an earlier lock's are removed. Raises what making the base
    and fetching raise; files that were fetched before an error are kept and used.
    """
    engine = docker_cli.engine_version(runner)
    docker_cli.require_buildkit(runner, engine)
    lock, base = ready_base(project, runner, reporter)
    for part in (_WHEELS, _BASE):
        files.make_folder(folder / part)
    # So that the folder stays out of the repository, wherever it is.
    files.write_bytes(folder / ".gitignore", b"*\n")
    before = _listing(folder)
    with fetched_options(project, lock, runner, base, secrets) as options:
        lock = keep_wheels(
            project,
            lock,
            runner,
            reporter,
            arguments=build_arguments(base),
            secrets=secrets,
            options=options,
            folder=folder / _WHEELS,
        )
    wheels, debs, to = wheels_of(lock), debs_of(lock, base), folder / _WHEELS
    missing = tuple(w for w in wheels if not _is_intact(to / w.file, w.sha256))
    if missing:
        program = files.read_data("fetch_sdists.py")
        dockerfile = render_download(lock, missing, fetch_program=program)
        fetch_into(
            dockerfile,
            missing,
            runner,
            reporter,
            base=base,
            folder=folder / _WHEELS,
            secrets=secrets,
        )
    report_fetched("wheels", missing, wheels, reporter)
    gather(project, lock, runner, base, to, secrets=secrets)
    lacking = tuple(d for d in debs if not _is_intact(to / d.file, d.sha256))
    if lacking:
        program = files.read_data("fetch_debian.py")
        dockerfile = render_debian_download(lock, lacking, fetch_program=program)
        fetch_into(
            dockerfile,
            lacking,
            runner,
            reporter,
            base=base,
            folder=folder / _WHEELS,
            secrets=secrets,
        )
    if debs:
        report_fetched("debian", lacking, debs, reporter)
    digest = before.base_digest if before is not None and before.base == base else ""
    if not digest or _damaged(folder, before, _BASE) or _wrong_base(folder, base, digest):
        digest = _save_base(base, runner, reporter, engine=engine, folder=folder)
        reporter.done("base", f"{base} saved", digest=digest)
    listing = VendorListing(
        base=base,
        base_digest=digest,
        files=(
            *vendored_files(lock, base, folder),
            *(
                (path.relative_to(folder).as_posix(), files.sha256_of(path))
                for path in sorted((folder / _BASE).rglob("*"))
                if path.is_file()
            ),
        ),
    )
    _remove_former(folder, before, listing)
    files.write_bytes(folder / LISTING, write_listing(listing))
    return listing


def debs_of(lock: Lock, base: str) -> tuple[LockedDebian, ...]:
    """Return the Debian packages that the lock adds to this base, which is of one release."""
    debian = lock.debian_base.suite if lock.debian_base else ""
    release = debian if base == base_image.debian_tag(lock) else lock.registry_base.release
    return tuple(package for package in lock.debian_packages if package.release == release)


def wheels_of(lock: Lock) -> tuple[LockedWheel | LockedSdist, ...]:
    """Return the files of a vendored folder that an index has: wheels, and source distributions.

    Raises PackageKindUnsupportedError for a package that the folder has no place for.
    """
    found: list[LockedWheel | LockedSdist] = [*lock.tools, *lock.builders]
    for package in lock.packages:
        match package:
            case LockedWheel() | LockedSdist():
                found += [] if package.address else [package]
            case LockedDebian():
                pass  # `debs_of`
            case LockedConda():
                raise unsupported(package, "vendor")
            case _:
                assert_never(package)
    return tuple({package.file: package for package in found}.values())


def vendored_files(lock: Lock, base: str, folder: Path) -> tuple[tuple[str, str], ...]:
    """Return path and sha256 of each file of the folder beside the base's.

    Wheels that were kept have names that the lock does not know: they are found by their sha256.
    """
    kept = {s.wheel_sha256: s for s in lock.sdists if s.is_accepted and s.wheel_sha256}
    found = {}
    if kept:
        for path in sorted((folder / _WHEELS).glob("*.whl")):
            found[files.sha256_of(path)] = path.name
    return (
        *((f"{_WHEELS}/{package.file}", package.sha256) for package in wheels_of(lock)),
        *((f"{_WHEELS}/{package.file}", package.sha256) for package in debs_of(lock, base)),
        *((f"{_WHEELS}/{file_of(one)}", one.sha256) for one in needed(lock, base)),
        *(
            (f"{_WHEELS}/{found.get(sha256, f'{sdist.name}-{sdist.version}.whl')}", sha256)
            for sha256, sdist in kept.items()
        ),
    )


def build_offline(project: Project, runner: Runner, reporter: Reporter, *, folder: Path) -> Image:
    """Build the image from the folder alone: no step uses a network or a registry.

    Raises VendorIncompleteError or VendorDamagedError, which name every file, before the build.
    """
    engine = docker_cli.engine_version(runner)
    docker_cli.require_buildkit(runner, engine)
    lock = ready_dockerfile(project, runner, reporter)
    listing = _whole_listing(lock, folder)
    if not docker_cli.keeps_manifests(runner) and not docker_cli.has_image(runner, _name(listing)):
        _load_base(listing, runner, folder)
    with _plain_path(folder / _BASE) as layout:
        options = _options(listing, runner, folder, layout)
        lock = settle_wheels(
            project,
            lock,
            runner,
            reporter,
            arguments=build_arguments(listing.base),
            secrets=NO_SECRETS,
            options=options,
        )
        image = build_tagged(
            project,
            lock,
            runner,
            reporter,
            base=listing.base,
            secrets=NO_SECRETS,
            options=options,
        )
    reporter.done("build", f"{image.tag} on {listing.base}, offline", digest=image.id)
    return image


def plan_offline(project: Project, runner: Runner, *, folder: Path) -> list[list[str]]:
    """Return the commands that `build_offline` would run. Raises what it raises before it runs."""
    lock = check_lock(project)
    listing = _whole_listing(lock, folder)
    options = _options(listing, runner, folder, (folder / _BASE).resolve())
    return planned_commands(project, lock, listing.base, options)


@contextmanager
def _plain_path(folder: Path) -> Iterator[Path]:
    """Yield a path to the folder without `:` and `@`, which buildx takes for a tag or digest."""
    path = folder.resolve()
    if not set(str(path)) & set(":@"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="hakobune-base-") as text:
        link = Path(text, "base")
        link.symlink_to(path)
        yield link


def _options(listing: VendorListing, runner: Runner, folder: Path, base: Path) -> tuple[str, ...]:
    layout = f"oci-layout://{base}@{listing.base_digest}"
    return docker_cli.offline_options(
        wheels=folder / _WHEELS,
        base=listing.base,
        # The builder of an engine with the classic store cannot read a layout.
        instead=layout
        if docker_cli.keeps_manifests(runner)
        else f"docker-image://{_name(listing)}",
    )


def _name(listing: VendorListing) -> str:
    """Return the vendored base's name in an engine: unique, because it is made of the digest."""
    return f"hakobune-base:vendored-{listing.base_digest.removeprefix('sha256:')[:12]}"


def _load_base(listing: VendorListing, runner: Runner, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="hakobune-base-") as text:
        archive = Path(text, "base.tar")
        oci_layout.pack(folder / _BASE, archive, _name(listing))
        docker_cli.load(runner, archive)


def _listing(folder: Path) -> VendorListing | None:
    content = files.read_bytes(folder / LISTING)
    return None if content is None else read_listing(content)


def _whole_listing(lock: Lock, folder: Path) -> VendorListing:
    """Return the folder's listing after checking every file that the build will use."""
    if files.read_bytes(folder / LISTING) is None:
        what = f"has no {LISTING}" if folder.is_dir() else "does not exist"
        raise VendorIncompleteError(f"the vendored folder {folder} {what}", remedy=_REMEDY)
    listing = _listing(folder)
    if listing is None:
        raise VendorDamagedError(
            f"{folder / LISTING} was edited or cut short: the checksum in its last line is wrong",
            remedy=_REMEDY,
        )
    bases = (pinned_base(lock.registry_base), base_image.debian_tag(lock))
    if listing.base not in bases:
        raise VendorIncompleteError(
            f"{folder} has the base {listing.base}, and the lock names "
            + " or ".join(base for base in bases if base),
            remedy=_REMEDY,
        )
    wheels = vendored_files(lock, listing.base, folder)
    wanted = {**dict(wheels), **{p: s for p, s in listing.files if p.startswith(f"{_BASE}/")}}
    missing = [path for path in wanted if not (folder / path).is_file()]
    if missing:
        raise VendorIncompleteError(
            f"{folder} lacks {len(missing)} of {len(wanted)} files:"
            + "".join(f"\n  {path}" for path in missing),
            remedy=_REMEDY,
        )
    damaged = [path for path, sha256 in wanted.items() if not _is_intact(folder / path, sha256)]
    if damaged:
        raise VendorDamagedError(
            f"{folder} has files that differ from its listing or the lock:"
            + "".join(f"\n  {path}" for path in damaged),
            remedy=_REMEDY,
        )
    if wrong := _wrong_base(folder, listing.base, listing.base_digest):
        raise VendorDamagedError(
            f"{folder / _BASE} is not the image {listing.base}: {wrong}", remedy=_REMEDY
        )
    return listing


def _wrong_base(folder: Path, base: str, digest: str) -> str:
    """Return why the layout is not the base, or nothing if it is.

    The lock's digest decides where the base's name has one. Nothing in the lock names the bytes of
    a Debian-made base, so there the listing's digest does.
    """
    try:
        oci_layout.require_image(folder / _BASE, digest, base.partition("@")[2] or digest)
    except ImageInvalidError as exc:
        return exc.what
    return ""


def _is_intact(path: Path, sha256: str) -> bool:
    return path.is_file() and files.sha256_of(path) == sha256


def _damaged(folder: Path, listing: VendorListing | None, part: str) -> list[str]:
    """Return the listed files of a part that are missing or changed."""
    listed = () if listing is None else listing.files
    return [
        path
        for path, sha256 in listed
        if path.startswith(f"{part}/") and not _is_intact(folder / path, sha256)
    ]


def _save_base(base: str, runner: Runner, reporter: Reporter, *, engine: str, folder: Path) -> str:
    """Write the base as an OCI layout into the folder; return its manifest's digest."""
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as text:
        archive, layout = Path(text, "base.tar"), Path(text, _BASE)
        docker_cli.save(runner, base, archive)
        digest = oci_layout.unpack(archive, layout)
        if digest is None:
            raise BuildkitMissingError(
                f"the Docker engine is {engine}: hakobune cannot build from what it saves",
                remedy=f"install Docker 25 or later, or on Debian: {containers.engine_command()}",
            )
        if _wrong_base(Path(text), base, digest):
            _keep_documents(base, layout, runner, reporter)
        if wrong := _wrong_base(Path(text), base, digest):
            raise HashMismatchError(
                f"the engine saved another image than {base}: {wrong}",
                remedy=f"fetch it again: docker image rm {base} && hakobune vendor",
            )
        files.remove(folder / _BASE)
        files.move_folder(layout, folder / _BASE)
    return digest


def _keep_documents(base: str, layout: Path, runner: Runner, reporter: Reporter) -> None:
    """Add the registry's documents under the base's digest to the layout, down to the manifest.

    The classic image store does not keep them. Raises BaseUnavailableError, or what asking raises.
    """
    patience = Patience(clock=SystemClock(), reporter=reporter)
    repository, _, digest = base.partition("@")

    def fetch(named: str) -> bytes:
        document = registry.manifest(runner, f"{repository}@{named}", patience)
        if document is None:
            raise BaseUnavailableError(
                f"the registry does not have {repository}@{named}, which the lock names",
                remedy="push that image to it again, or vendor with the containerd image store",
            )
        return document

    if digest:
        try:
            oci_layout.keep_documents(layout, Repository(fetch=fetch), digest)
        except ImageInvalidError as exc:
            raise HashMismatchError(
                f"the registry gives another image for {base}: {exc.what}",
                remedy="do not build: find out whether lock or registry was changed",
            ) from exc


def _remove_former(folder: Path, before: VendorListing | None, now: VendorListing) -> None:
    """Remove the wheels that an earlier lock had; other files are kept."""
    kept = {path for path, _ in now.files}
    for path, _ in () if before is None else before.files:
        # A folder of that name is not a wheel.
        if path not in kept and path.startswith(f"{_WHEELS}/") and (folder / path).is_file():
            files.remove(folder / path)
