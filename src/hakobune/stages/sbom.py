"""Image to its SBOM, a CycloneDX document with the image's digest as a name."""

from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.process import Runner
from hakobune.errors import SbomInvalidError
from hakobune.model.image import Image
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.oci.documents import digest_hex
from hakobune.stages.project import read_fresh_lock

# What hakobune keeps for itself, because it is no source: a run names the image by its digest.
_FOLDER = ".hakobune/sbom"


def sbom_path(project: Project, image: Image) -> Path:
    """Return where the image's document lies."""
    return project.root / _FOLDER / f"{digest_hex(image.id)}.cdx.json"


def ensure_sbom(project: Project, image: Image, runner: Runner, reporter: Reporter) -> Path:
    """Return the path of the image's document after writing it, if there is none yet.

    A container of the image, without network, lists its packages. Raises SbomInvalidError where it
    prints something else, and ImageInvalidError where the image's id is not a digest.
    """
    path = sbom_path(project, image)
    if files.has_content(path):
        return path
    # Imported here: slow to import, and a digest is seldom new.
    from hakobune.transform.sbom import read_parts, write_sbom  # noqa: PLC0415

    done = docker_cli.run_program(runner, image.id, files.read_data("list_parts.py"))
    try:
        parts = read_parts(done.stdout)
    except ValueError as exc:
        said = done.stderr.strip().splitlines()
        raise SbomInvalidError(
            f"the image {image.tag} does not list its packages: {said[-1] if said else exc}",
            remedy="build it again: hakobune build",
        ) from exc
    files.own_folder(project.root)
    files.write_bytes(path, write_sbom(image, read_fresh_lock(project), parts))
    every = (*parts.debian, *parts.python)
    silent = sum(1 for part in every if not part.licences and not part.expression)
    reporter.done(
        "sbom",
        f"{len(every)} packages in {path.relative_to(project.root)}, {silent} without a licence "
        "that a program can read",
    )
    return path
