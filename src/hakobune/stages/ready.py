"""What a training needs first: the lock and the image, made where they are missing or outdated."""

from collections.abc import Callable
from dataclasses import dataclass

from hakobune.adapters import docker_cli
from hakobune.adapters.process import Runner
from hakobune.errors import (
    DockerfileStaleError,
    ImageMissingError,
    ImageStaleError,
    LockMissingError,
    LockStaleError,
)
from hakobune.model.image import Image
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.secrets import BuildSecrets
from hakobune.stages.build import build, current_image
from hakobune.stages.lock import LockWishes, lock_environment
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import check_lock
from hakobune.stages.sbom import ensure_sbom


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How to lock and to build, and whether it is allowed.

    `wishes` and `secrets` return what `lock` and `build` work with; they are asked only where
    something is made.
    """

    wishes: Callable[[], LockWishes]
    secrets: Callable[[], BuildSecrets]
    may_lock: bool = True
    may_build: bool = True


def ready_image(project: Project, runner: Runner, reporter: Reporter, *, how: Making) -> Image:
    """Return the image of the present conda file and source, built if need be.

    What is made is said, with the reason. What may not be made raises the error that says what is
    missing or outdated: LockMissingError, LockStaleError, ImageMissingError, ImageStaleError, or
    DockerfileStaleError. Raises what `lock` and `build` raise, too.
    """
    try:
        read_fresh_lock(project)
    except (LockMissingError, LockStaleError) as exc:
        if not how.may_lock:
            raise
        docker_cli.engine_version(runner)  # without one, nothing is locked
        reporter.say(f"{exc.what}\nlocking it now")
        lock_environment(project, runner, reporter, wishes=how.wishes())
    try:
        check_lock(project)
        return current_image(project, runner)
    except (DockerfileStaleError, ImageMissingError, ImageStaleError) as exc:
        if not how.may_build:
            raise
        reporter.say(f"{exc.what}\nbuilding it now")
    image = build(project, runner, reporter, secrets=how.secrets())
    ensure_sbom(project, image, runner, reporter)
    return image
