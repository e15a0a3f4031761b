"""Image to a registry: once, under a tag made of its content, and read back afterwards."""

from dataclasses import replace

from hakobune.adapters import docker_cli, registry
from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Runner
from hakobune.errors import (
    DestinationIncompleteError,
    DigestMismatchError,
    DigestMissingError,
    ImageInvalidError,
    PlatformUnsupportedError,
)
from hakobune.model.image import PushedImage
from hakobune.model.lock import PLATFORM
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.oci.documents import digest_hex, digest_of, in_builders_form, parse_manifest
from hakobune.stages.build import current_image
from hakobune.stages.project import read_fresh_lock
from hakobune.transform.names import valid_name

# In place of a registry whose name only the workspace knows, and which needs a login.
UNKNOWN_REGISTRY = "<the workspace's registry>"
_TAG_LENGTH = 32


def plan_push(project: Project, runner: Runner, *, registry_name: str) -> PushedImage:
    """Return what would be pushed, and where to; the registry is not contacted.

    Raises PlatformUnsupportedError for an image that Azure ML cannot run, and what
    `current_image` raises for a missing or outdated image.
    """
    require_registry(registry_name)
    image = current_image(project, runner)
    if image.platform != PLATFORM:
        raise PlatformUnsupportedError(
            f"the image {image.tag} is for {image.platform}, and Azure ML's nodes run {PLATFORM}",
            remedy="build it with hakobune build, which asks for that platform",
        )
    if registry_name != UNKNOWN_REGISTRY:
        valid_name("registry", registry_name)
    return PushedImage(
        image=image,
        repository=pushed_repository(project, registry_name),
        tag=pushed_tag(image.id),
        digest=image.id if docker_cli.keeps_manifests(runner) else "",
    )


def require_registry(registry_name: str) -> None:
    """Raise DestinationIncompleteError where there is no registry to push to."""
    if not registry_name:
        raise DestinationIncompleteError(
            "no registry given to push to",
            remedy="--registry name.azurecr.io, or HAKOBUNE_REGISTRY; "
            "a workspace with a registry of its own needs neither",
        )


def pushed_repository(project: Project, registry_name: str) -> str:
    """Return `registry/name`, under which the project's image is pushed."""
    name = valid_name("repository", read_fresh_lock(project).environment.lower())
    return f"{registry_name}/{name}"


def pushed_tag(image_id: str) -> str:
    """Return the tag that an image is pushed under, which is derived from its content."""
    return digest_hex(image_id)[:_TAG_LENGTH]


def require_manifest_of(place: str, manifest: bytes, image_id: str) -> None:
    """Raise DigestMismatchError unless a registry's manifest is that of an engine's image.

    An engine knows an image by its manifest's digest or, in the classic store, by that of its
    configuration, which the manifest names.
    """
    digest = digest_of(manifest)
    try:
        config = parse_manifest(manifest, name=digest).config.digest
        what = "" if image_id in (digest, config) else f"{digest} there, and {image_id} here"
    except ImageInvalidError as exc:
        what = f"damaged there: {exc.what}"
    if what:
        raise DigestMismatchError(
            f"{place} in the registry is not the image {image_id}: it is {what}",
            remedy="another image was pushed under this name: remove it there, then push again",
        )


def find_pushed(planned: PushedImage, runner: Runner, patience: Patience) -> PushedImage | None:
    """Return the image as the registry has it, or None where the registry lacks it.

    Raises DigestMismatchError where another image has the same name.
    """
    manifest = registry.manifest(runner, planned.tagged, patience)
    return None if manifest is None else _compared(planned, manifest)


def push(
    planned: PushedImage, runner: Runner, patience: Patience, reporter: Reporter
) -> PushedImage:
    """Push the image unless the registry has it; return it with the digest that was read back."""
    manifest = registry.manifest(runner, planned.tagged, patience)
    is_new = manifest is None
    if is_new:
        # Before gigabytes are sent.
        registry.require_writable(planned.repository)
        registry.push(runner, planned.image.tag, planned.tagged, patience)
        manifest = registry.manifest(runner, planned.tagged, patience)
    else:
        registry.forget(runner, planned.tagged)
    if manifest is None:
        raise DigestMissingError(
            f"{planned.tagged} was pushed, and the registry does not have it",
            remedy="push again; if this repeats, the registry loses images",
        )
    found = _compared(planned, manifest)
    if not planned.digest:
        found = _in_builders_form(found, manifest)
    what = found.tagged if is_new else f"{found.tagged} is there already"
    reporter.done("push", what, digest=found.digest)
    return found


def _in_builders_form(pushed: PushedImage, manifest: bytes) -> PushedImage:
    """Return the image under the digest that an engine with the containerd store gives it.

    The classic store writes the manifest when it pushes, with the same content as BuildKit but
    other white space.
    """
    wanted = in_builders_form(manifest)
    if wanted != manifest:
        media_type = parse_manifest(wanted, name=pushed.tagged).media_type
        registry.open_repository(pushed.repository).put(pushed.tag, wanted, media_type)
    return _compared(pushed, wanted)


def require_digest(planned: PushedImage, runner: Runner, patience: Patience) -> PushedImage:
    """Return the image with its digest; the registry is asked only where the engine has none.

    Raises DigestMissingError.
    """
    if planned.digest:
        return planned
    found = find_pushed(planned, runner, patience)
    if found is None:
        raise DigestMissingError(
            f"{planned.tagged} is not in the registry yet, and this engine learns an image's "
            "digest only from the registry",
            remedy="hakobune push",
        )
    return found


def push_commands(planned: PushedImage) -> tuple[tuple[str, ...], ...]:
    """Return the commands that a push runs."""
    return registry.push_commands(planned.image.tag, planned.tagged)


def _compared(planned: PushedImage, manifest: bytes) -> PushedImage:
    """Return the image with the manifest's digest, if it is the image of this machine."""
    require_manifest_of(planned.tagged, manifest, planned.image.id)
    return replace(planned, digest=digest_of(manifest))
