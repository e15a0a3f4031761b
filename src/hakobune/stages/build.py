"""Builds the image from the Dockerfile, and finds the image that was built."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from hakobune.adapters import debian_base, docker_cli, files
from hakobune.adapters.process import Runner
from hakobune.errors import ImageStaleError
from hakobune.model.image import Image
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.secrets import BuildSecrets
from hakobune.stages import base_image
from hakobune.stages.built_wheels import settle_wheels
from hakobune.stages.lock import pin_base
from hakobune.stages.outside import fetched_options
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import check_lock, current_source, ready_lock, render
from hakobune.transform.names import lasting_tag, readable_tag
from hakobune.transform.render_dockerfile import SOURCE_DATE_EPOCH


def build(
    project: Project,
    runner: Runner,
    reporter: Reporter,
    *,
    secrets: BuildSecrets,
) -> Image:
    """Build the image. Raises what its parts raise; the engine keeps no half-built image."""
    engine = docker_cli.engine_version(runner)
    docker_cli.require_buildkit(runner, engine)
    lock, base = ready_base(project, runner, reporter)
    with fetched_options(project, lock, runner, base, secrets) as options:
        arguments = build_arguments(base)
        lock = settle_wheels(
            project, lock, runner, reporter, arguments=arguments, secrets=secrets, options=options
        )
        image = build_tagged(
            project, lock, runner, reporter, base=base, secrets=secrets, options=options
        )
    reporter.done("build", f"{image.tag} on {base}", digest=image.id)
    return image


def ready_base(project: Project, runner: Runner, reporter: Reporter) -> tuple[Lock, str]:
    """Write the Dockerfile and make sure that the engine has the base image.

    Return the lock and the base image's name. If the lock has no digest of the official image yet
    and a registry answers now, the digest is written into the lock first.
    """
    lock = ready_lock(project)
    digest = base_image.newly_answered(lock, runner)
    if digest is not None:
        lock = pin_base(project, lock, digest, reporter)
    render(project, lock, runner, reporter)
    return lock, base_image.ensure_base(lock, runner, reporter)


def build_tagged(  # noqa: PLR0913 - what a build is made of, by name
    project: Project,
    lock: Lock,
    runner: Runner,
    reporter: Reporter,
    *,
    base: str,
    secrets: BuildSecrets,
    options: Sequence[str] = (),
) -> Image:
    """Build the image, and move its readable tag once the engine has told the new image's digest.

    Until then the image has a tag that is made of the Dockerfile: after a command that was killed,
    the next build of the same Dockerfile takes it away.
    """
    new = new_tag(project, lock, base)
    image = build_on(
        project, runner, reporter, base=base, tag=new, secrets=secrets, options=options
    )
    tag = image_tag(lock)
    docker_cli.add_tag(runner, new, tag)
    docker_cli.remove_tag(runner, new)
    return replace(image, tag=tag)


def with_mirror(lock: Lock, runner: Runner, secrets: BuildSecrets) -> BuildSecrets:
    """Return the secrets of a build, with this host's Debian mirror if the build asks one."""
    if not lock.debian_packages:
        return secrets
    return replace(secrets, debian_mirror=debian_base.mirror(runner))


def new_tag(project: Project, lock: Lock, base: str) -> str:
    """Return the tag of an image that is being built: Dockerfile and base decide it."""
    content = (files.read_bytes(project.dockerfile_path) or b"") + base.encode()
    return f"{lock.environment}:new-{hashlib.sha256(content).hexdigest()[:12]}"


def keep_image(lock: Lock, image: Image, runner: Runner) -> None:
    """Give an image that a run names a tag that no later build moves. Raises ImageMissingError.

    Without a tag, the next `docker image prune` would take what the run was made with.
    """
    docker_cli.add_tag(runner, image.id, lasting_tag(lock.environment, image.id))


def build_on(  # noqa: PLR0913 - what a build is made of, by name
    project: Project,
    runner: Runner,
    reporter: Reporter,
    *,
    base: str,
    tag: str,
    secrets: BuildSecrets,
    options: Sequence[str] = (),
) -> Image:
    """Build the Dockerfile as it is now on a base image that the engine has; tag the result."""
    command = docker_cli.build_command(
        tag=tag,
        dockerfile=project.dockerfile_path,
        context=project.root,
        arguments=build_arguments(base),
        secrets=secrets,
        options=options,
    )
    docker_cli.build(runner, command, reporter, secrets=secrets)
    return docker_cli.inspect(runner, tag, base=base)


def plan_build(project: Project, runner: Runner) -> list[list[str]]:
    """Return the commands that `build` would run now, without the options that pass secrets."""
    lock = check_lock(project)
    base = (
        base_image.found_locally(lock, runner)
        or base_image.debian_tag(lock)
        or lock.registry_base.image
    )
    return planned_commands(project, lock, base)


def planned_commands(
    project: Project, lock: Lock, base: str, options: Sequence[str] = ()
) -> list[list[str]]:
    """Return the commands that build an image and move its readable tag."""
    new = new_tag(project, lock, base)
    command = docker_cli.build_command(
        tag=new,
        dockerfile=project.dockerfile_path,
        context=project.root,
        arguments=build_arguments(base),
        options=options,
    )
    moving = docker_cli.add_tag_command(new, image_tag(lock))
    return [command, moving, docker_cli.remove_tag_command(new)]


def image_tag(lock: Lock) -> str:
    """Return the image's tag on this machine, which docker-compose.yml names too."""
    return readable_tag(lock.environment)


def current_image(project: Project, runner: Runner) -> Image:
    """Return the image if it was built from the present lock and source.

    Raises ImageMissingError or ImageStaleError: a model must not be trained by outdated code.
    """
    lock = read_fresh_lock(project)
    image = docker_cli.inspect(runner, image_tag(lock))
    if image.lock_sha256 != lock.sha256:
        raise ImageStaleError(
            f"the image {image.tag} was built from an earlier version of {project.lock}",
            remedy="hakobune build",
        )
    if image.source_sha256 != current_source(project, runner).sha256:
        raise ImageStaleError(
            f"the image {image.tag} was built from an earlier version of {project.source_name}",
            remedy="hakobune build",
        )
    return image


def build_arguments(base: str) -> dict[str, str]:
    """Return the build arguments; docker-compose.yml passes the same ones."""
    return {"HAKOBUNE_BASE": base, "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)}
