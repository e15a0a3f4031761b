"""Lock to Dockerfile, and the check that the two match."""

from functools import partial
from typing import TYPE_CHECKING

from hakobune.adapters import files
from hakobune.errors import ConfigurationInvalidError, DockerfileStaleError
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.stages.project import read_fresh_lock
from hakobune.transform.line_ends import has_other_line_ends, line_ends_error, with_lf
from hakobune.transform.render_dockerfile import (
    IGNORED_SOURCE,
    Programs,
    Source,
    is_left_out,
    render_dockerfile,
    render_dockerignore,
    rendered_source,
    source_of,
)
from hakobune.transform.seal import is_sealed

if TYPE_CHECKING:  # what `lock --check` does not need, it does not wait for
    from hakobune.adapters.process import Runner


def render(project: Project, lock: Lock, runner: "Runner", reporter: Reporter) -> None:
    """Write the Dockerfile and its allow-list. Raises what current_source raises."""
    source = current_source(project, runner)
    changed = files.write_bytes(project.dockerfile_path, _rendered(project, lock, source))
    changed |= files.write_bytes(project.dockerignore_path, render_dockerignore(project, source))
    outcome = project.dockerfile if changed else f"{project.dockerfile}, unchanged"
    reporter.done("render", outcome, digest=source.sha256)


def check_lock(project: Project) -> Lock:
    """Return the lock if lock and Dockerfile match the conda file.

    Works offline, and parses the YAML only if it changed. Raises LockStaleError,
    DockerfileStaleError, or what reading them raises.
    """
    lock = read_fresh_lock(project)
    dockerfile = files.read_bytes(project.dockerfile_path)
    if dockerfile is None:
        raise DockerfileStaleError(
            f"{project.dockerfile} does not exist yet", remedy="hakobune render"
        )
    source = rendered_source(with_lf(dockerfile)) or Source(sha256="", files=(), folders=())
    rendered = _rendered(project, lock, source)
    if dockerfile != rendered:
        if has_other_line_ends(dockerfile, rendered):
            raise line_ends_error(project.dockerfile)
        place = f"{project.dockerfile}:{_first_difference(dockerfile, rendered)}"
        raise DockerfileStaleError(
            f"{place} differs from the Dockerfile that {project.lock} gives"
            + ("" if is_sealed(dockerfile) else "; it was edited by hand"),
            remedy="hakobune render (this overwrites the file; make changes in the conda file)",
            place=place,
        )
    return lock


def _first_difference(found: bytes, wanted: bytes) -> int:
    pairs = zip(found.splitlines(), wanted.splitlines(), strict=False)
    return next((n for n, (a, b) in enumerate(pairs, 1) if a != b), len(found.splitlines()))


def _rendered(project: Project, lock: Lock, source: Source) -> bytes:
    return render_dockerfile(
        lock,
        project,
        source=source,
        programs=Programs(
            import_packages=files.read_data("import_packages.py"),
            finish_packages=files.read_data("finish_packages.py"),
            compile_library=files.read_data("compile_library.py"),
            fetch_sdists=files.read_data("fetch_sdists.py"),
            fetch_debian=files.read_data("fetch_debian.py"),
            check_libraries=files.read_data("check_libraries.py"),
            choose_arithmetic=files.read_data("choose_arithmetic.py"),
        ),
    )


def current_source(project: Project, runner: "Runner") -> Source:
    """Return the digest, files and top folders of the source in this checkout.

    Its files are those that git tracks or does not ignore and, where there is no git repository,
    all files. Raises LineEndsError for a file that git stores with LF and that has CRLF here, and
    ConfigurationInvalidError for a source that is missing or incomplete.
    """
    from hakobune.adapters.commit import files_of_git  # noqa: PLC0415 - as above

    folder = project.root / project.source
    listed = files_of_git(runner, folder)
    names = None if listed is None else tuple(file.name for file in listed)
    tree = files.read_tree(folder, IGNORED_SOURCE, partial(is_left_out, project), names)
    if tree:
        _require_line_ends(project, [f.name for f in listed or () if f.is_crlf and f.name in tree])
    if not tree:
        what = "has no file that the image takes" if folder.is_dir() else "is not a folder"
        raise ConfigurationInvalidError(
            f"{project.source} {what}", remedy="correct `source` in pyproject.toml"
        )
    missing = [
        f"{library.path}: there is no {project.source}/{file}"
        for library in project.libraries
        for file in library.files
        if file not in tree
    ]
    if missing:
        raise ConfigurationInvalidError(
            "\n".join(missing), remedy="correct `libraries` in pyproject.toml, or write the file"
        )
    return source_of(tree)


def _require_line_ends(project: Project, crlf: list[str]) -> None:
    if crlf:
        more = f" and {len(crlf) - 1} more" if len(crlf) > 1 else ""
        raise line_ends_error(f"{project.source}/{crlf[0]}{more}")


def ready_dockerfile(project: Project, runner: "Runner", reporter: Reporter) -> Lock:
    """Return the lock after writing the Dockerfile that it gives. Raises what `ready_lock` does."""
    lock = ready_lock(project)
    render(project, lock, runner, reporter)
    return lock


def ready_lock(project: Project) -> Lock:
    """Return the lock if it is up to date and rendering it overwrites nobody's edit.

    Raises LockStaleError or DockerfileStaleError. It does not render: `render` does, once.
    """
    found = files.read_bytes(project.dockerfile_path)
    if found is not None and not is_sealed(found):
        return check_lock(project)  # raises the error that names the edited line
    return read_fresh_lock(project)
