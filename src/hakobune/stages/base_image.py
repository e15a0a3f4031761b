"""The image that everything stands on: the official one by digest, or one of Debian's packages."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hakobune.adapters import debian_base, docker_cli, registry
from hakobune.adapters.process import Runner
from hakobune.errors import BaseUnavailableError
from hakobune.model.lock import DebianBase, Lock
from hakobune.model.reporter import Reporter
from hakobune.transform.debian_packages import read_packages, write_packages
from hakobune.transform.render_dockerfile import SOURCE_DATE_EPOCH, pinned_base


def bases_of(lock: Lock) -> tuple[str, ...]:
    """Return the names that an image's base can have by its lock."""
    return tuple(name for name in (pinned_base(lock.registry_base), debian_tag(lock)) if name)


def found_locally(lock: Lock, runner: Runner) -> str | None:
    """Return the base that the engine has already: the pinned image, else the Debian-made one."""
    for image in bases_of(lock):
        if docker_cli.has_image(runner, image):
            return image
    return None


def newly_answered(lock: Lock, runner: Runner) -> str | None:
    """Return the digest of the official image, if the lock has none and a registry answers now.

    Where a Debian-made base is here the registry is given 2 s only, so that a build without a
    registry does not wait for nothing each time.
    """
    if lock.registry_base.digest is not None:
        return None
    local = debian_tag(lock)
    has_local = local is not None and docker_cli.has_image(runner, local)
    return registry.tag_digest(runner, lock.registry_base.image, timeout_s=2 if has_local else 10)


def ensure_base(lock: Lock, runner: Runner, reporter: Reporter) -> str:
    """Return the base image's name after making sure that the engine has it.

    Raises BaseUnavailableError, or what making one from Debian's packages raises.
    """
    pinned = pinned_base(lock.registry_base)
    if pinned is not None and (
        docker_cli.has_image(runner, pinned) or docker_cli.pull(runner, pinned, reporter)
    ):
        return pinned
    tag = debian_tag(lock)
    if tag is None or lock.debian_base is None:
        raise BaseUnavailableError(
            f"no image registry answers for {lock.registry_base.image}, and the lock holds no "
            "Debian packages to make a base from",
            remedy="give this host a registry, or run `hakobune lock` once on a Debian host "
            "(docs/how-to/bare-host.md)",
        )
    reporter.say("no image registry answers: the base is one made from Debian's packages")
    if not docker_cli.has_image(runner, tag):
        make_debian_base(lock.debian_base, runner, reporter, tag=tag)
        reporter.done("base", f"{tag} from {len(lock.debian_base.packages)} Debian packages")
    return tag


def debian_tag(lock: Lock) -> str | None:
    """Return the local tag of the Debian-made base: its packages and scripts decide it."""
    base = lock.debian_base
    if base is None:
        return None
    content = write_packages(base.packages).encode() + debian_base.fingerprint()
    return f"hakobune-base:{base.suite}-{hashlib.sha256(content).hexdigest()[:12]}"


def make_debian_base(
    base: DebianBase, runner: Runner, reporter: Reporter, *, tag: str, options: Sequence[str] = ()
) -> None:
    """Make the base of these Debian packages, under this tag. Raises what its parts raise."""
    with tempfile.TemporaryDirectory(prefix="hakobune-base-") as folder:
        context = Path(folder)
        debian_base.build_tar(
            runner, write_packages(base.packages), context / "rootfs.tar", reporter
        )
        command = docker_cli.build_command(
            tag=tag,
            dockerfile=debian_base.dockerfile(),
            context=context,
            arguments={"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
            options=options,
        )
        docker_cli.build(runner, command, reporter, name="base")


def with_headers(
    base: DebianBase | None, python: str, runner: Runner, *, is_moving: bool
) -> DebianBase | None:
    """Return the base with the headers of this Python; without any where `python` is empty.

    Those that an earlier lock had are kept unless `is_moving`.
    """
    if base is None or not python:
        return None if base is None else replace(base, headers=())
    if base.headers and not is_moving:
        return base
    wanted = f"libpython{'.'.join(python.split('.')[:2])}-dev"
    answer = debian_base.resolve(runner, base.suite, [wanted])
    found = read_packages(answer) if answer is not None else ()
    return replace(base, headers=tuple(one for one in found if one.name == wanted))
