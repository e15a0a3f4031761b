"""Image to the proof that the same lock and code give the same image."""

import secrets as random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hakobune.adapters import docker_cli, registry
from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Runner
from hakobune.errors import (
    BaseNotReproducedError,
    DigestMissingError,
    ImageNotReproducedError,
    ImageStaleError,
    RegistryRefusedError,
    RegistryUnreachableError,
)
from hakobune.model.image import Image
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.secrets import BuildSecrets
from hakobune.oci.archive import SavedImage, open_image
from hakobune.oci.compare import Difference, compare_documents, compare_files, layer_origins
from hakobune.oci.documents import digest_of
from hakobune.oci.layers import first_differences, read_files
from hakobune.stages import base_image
from hakobune.stages.build import build_on, current_image
from hakobune.stages.outside import fetched_options
from hakobune.stages.render import check_lock
from hakobune.transform.render_dockerfile import pinned_base

# More lines would fill screens where a layer is entirely different; the rest is counted.
_SHOWN = 12
_REMEDY = (
    "make the files above independent of clock, network, order and machine; "
    "docs/reference/reproducibility.md lists what is fixed and how"
)


def reproduce_image(
    project: Project,
    runner: Runner,
    reporter: Reporter,
    *,
    secrets: BuildSecrets,
    patience: Patience,
) -> Image:
    """Build base and image again, with no cache of any kind; return the image if nothing differs.

    Raises ImageNotReproducedError or BaseNotReproducedError, which name what differs, and
    ImageStaleError or ImageMissingError where there is no image of this lock and code to compare.
    """
    lock = check_lock(project)
    image = current_image(project, runner)
    again = f"hakobune-again:{random.token_hex(4)}"
    _check_base(lock, image, runner, reporter, again=again, patience=patience)
    # Under the base's own name, which is in the image's label.
    options = ("--no-cache", "--build-arg", f"BUILDKIT_CACHE_MOUNT_NS={again}")
    try:
        with fetched_options(project, lock, runner, image.base, secrets) as fetched:
            second = build_on(
                project,
                runner,
                reporter,
                base=image.base,
                tag=again,
                secrets=secrets,
                options=(*options, *fetched),
            )
        if second.id != image.id:
            dockerfile = project.dockerfile_path.read_text(encoding="utf-8")
            found = _differences(runner, image.id, second.id, dockerfile, project.dockerfile)
            raise ImageNotReproducedError(
                f"built again from nothing, {image.tag} is different\n"
                f"  {image.id} before\n  {second.id} now\n{found}",
                remedy=_REMEDY,
            )
    finally:
        docker_cli.remove_tag(runner, again)
        docker_cli.remove_caches(runner, again)
    reporter.done("again", f"{image.tag}, built from nothing, is the same", digest=image.id)
    return image


def _check_base(  # noqa: PLR0913 - one caller
    lock: Lock,
    image: Image,
    runner: Runner,
    reporter: Reporter,
    *,
    again: str,
    patience: Patience,
) -> None:
    pinned = pinned_base(lock.registry_base)
    if pinned is not None and image.base == pinned:
        _check_pinned_base(lock, pinned, runner, reporter, patience)
    elif lock.debian_base is not None and image.base == base_image.debian_tag(lock):
        _make_base_again(lock, image, runner, reporter, again=f"{again}-base")
    else:
        raise ImageStaleError(
            f"the image {image.tag} is based on {image.base}, which is no longer in the lock",
            remedy="build it again: hakobune build",
        )


def _check_pinned_base(
    lock: Lock, pinned: str, runner: Runner, reporter: Reporter, patience: Patience
) -> None:
    """Fetch the base's manifest again; its bytes must have the digest in the lock.

    Where no registry answers, a message says so: the engine checked the digest when it pulled.
    """
    try:
        manifest = registry.manifest(runner, pinned, patience)
    except (RegistryUnreachableError, RegistryRefusedError) as exc:
        reporter.say(f"the base was not fetched again: {exc.what}")
        return
    if manifest is None:
        raise DigestMissingError(
            f"the registry no longer has {pinned}",
            remedy="the engine still has it: `hakobune vendor` keeps a copy that builds offline",
        )
    digest = digest_of(manifest)
    if digest != lock.registry_base.digest:
        raise BaseNotReproducedError(
            f"the registry serves another manifest for {pinned}: {digest}",
            remedy="do not build on it: the registry is faulty or was tampered with",
        )
    reporter.done("base", f"{pinned}, fetched again, is the same", digest=digest)


def _make_base_again(
    lock: Lock, image: Image, runner: Runner, reporter: Reporter, *, again: str
) -> None:
    assert lock.debian_base is not None  # noqa: S101 - the caller checked; for mypy
    first = docker_cli.inspect(runner, image.base)
    try:
        base_image.make_debian_base(
            lock.debian_base, runner, reporter, tag=again, options=("--no-cache",)
        )
        second = docker_cli.inspect(runner, again)
        if second.id != first.id:
            found = _differences(runner, first.id, second.id, "", "")
            raise BaseNotReproducedError(
                f"made again from its {len(lock.debian_base.packages)} Debian packages, the base "
                f"{image.base} is different\n  {first.id} before\n"
                f"  {second.id} now\n{found}",
                remedy="let docker/base/finish.sh remove or fix the files above",
            )
    finally:
        docker_cli.remove_tag(runner, again)
    reporter.done(
        "base", f"{len(lock.debian_base.packages)} Debian packages, the same", digest=first.id
    )


def _differences(runner: Runner, first: str, second: str, dockerfile: str, name: str) -> str:
    """Return lines that name what differs between two images, by id: a tag may move meanwhile."""
    with tempfile.TemporaryDirectory(prefix="hakobune-again-") as folder:
        archives = Path(folder, "first.tar"), Path(folder, "second.tar")
        for image, archive in zip((first, second), archives, strict=True):
            docker_cli.save(runner, image, archive)
        return "\n".join(f"  {line}" for line in describe(archives, dockerfile, name))


def describe(archives: tuple[Path, Path], dockerfile: str, name: str) -> list[str]:
    """Return lines that name what differs between two saved images; none where nothing does."""
    with open_image(archives[0]) as first, open_image(archives[1]) as second:
        found = []
        origins = layer_origins(first.tree, dockerfile, name)
        for number, origin in enumerate(origins[: len(second.tree.layers)], 1):
            inner = _layer_differences(first, second, number - 1)
            if inner:
                found += [f"layer {number} of {len(origins)} ({origin})", *inner]
    if len(origins) != len(second.tree.layers):
        found.append(f"layers: {len(origins)} and {len(second.tree.layers)}")
    changed = compare_documents(first.tree, second.tree)
    return found + _shown([f"image configuration, {_told(item)}" for item in changed])


def _layer_differences(first: SavedImage, second: SavedImage, number: int) -> list[str]:
    one, two = ((image.archive, image.tree.layers[number]) for image in (first, second))
    unpacked = [image.tree.configuration.diff_ids[number] for image in (first, second)]
    if unpacked[0] == unpacked[1]:
        same = one[1].digest == two[1].digest
        return [] if same else ["  the same files, compressed differently"]
    found = compare_files(read_files(*one), read_files(*two))
    if not found:
        return ["  the same entries in another tar format"]
    contents = {item.place for item in found[:_SHOWN] if item.is_content}
    with tempfile.TemporaryDirectory(prefix="hakobune-files-") as folder:
        offsets = first_differences(one, two, contents, Path(folder))
    lines = []
    for item in found:
        at = ""
        if item.is_content and item.place in offsets:
            at = f", the first difference is at byte {offsets[item.place]}"
        lines.append(f"  {_told(item)}{at}")
    return _shown(lines)


def _told(item: Difference) -> str:
    values = f"{item.first} and {item.second}" if item.first and item.second else ""
    return f"{item.place}: {item.what} {values or f'({item.first or item.second})'}"


def _shown(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"  … and {more} more"] if more > 0 else [])]
