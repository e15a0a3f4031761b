"""A project and the arguments of its training program to a job of Azure ML. No I/O.

The command is the one that `hakobune train` runs, with Azure ML's placeholders for paths.
"""

import re
import shlex
from collections.abc import Callable, Iterable

from hakobune.errors import InputNotFoundError, OutputUnknownError, ReferenceMutableError
from hakobune.model.image import Image, PushedImage
from hakobune.model.job import EnvironmentPlan, JobInput, JobPlan, JobWishes, Pairs
from hakobune.model.project import Project
from hakobune.transform.arguments import put_value, value_at, value_place
from hakobune.transform.names import valid_name

# What may stand where a file is wanted: an asset of the workspace, a path in one of its stores, or
# an address that a node can read.
_REFERENCE = re.compile(r"(azureml:|https://|abfss://|wasbs://).+")
_VERSION_LENGTH = 16


def plan_environment(pushed: PushedImage, *, name: str) -> EnvironmentPlan:
    """Return the environment of a pushed image; its version is the start of the image's digest.

    Azure ML accepts at most 30 characters. 16 digits of a sha256 do not collide by chance, and the
    image of a version that exists already is compared. Raises NameInvalidError.
    """
    digest = pushed.digest or pushed.image.id
    return EnvironmentPlan(
        name=valid_name("environment", name),
        version=digest.removeprefix("sha256:")[:_VERSION_LENGTH],
        image=pushed.reference,
        tags=(
            ("hakobune.lock", pushed.image.lock_sha256),
            ("hakobune.source", pushed.image.source_sha256),
        ),
    )


def planned_inputs(
    project: Project,
    arguments: tuple[str, ...],
    *,
    local: Callable[[str, str], JobInput | None],
) -> tuple[JobInput, ...]:
    """Return the input for each flag that is given.

    `local` takes name and value, and returns the input if the value is one of this machine. A
    reference that ends with `/` is a folder's.
    Raises InputNotFoundError, or ReferenceMutableError for an asset without a fixed version.
    """
    passed, found = list(arguments), []
    for item in project.inputs:
        place = value_place(passed, item.flag)
        if place is None:
            continue
        value = value_at(passed, place, item.flag)
        if _REFERENCE.fullmatch(value):
            found.append(_reference(item.name, item.flag, value))
            continue
        file = local(item.name, value)
        if file is None:
            raise InputNotFoundError(
                f"{item.flag} {value}: there is no such file or folder",
                remedy="name one of this machine, azureml:<data asset>:<version>, "
                "or azureml://datastores/<name>/paths/<path>",
            )
        found.append(file)
    return tuple(found)


def _reference(name: str, flag: str, value: str) -> JobInput:
    is_asset = not value.removeprefix("azureml:").startswith("//") and value.startswith("azureml:")
    # Azure ML's own form has no such mark for an asset; for a path it is part of the name.
    path = value.rstrip("/") if is_asset else value
    _require_fixed(flag, path)
    return JobInput(name=name, path=path, is_folder=value.endswith("/"))


def _require_fixed(flag: str, value: str) -> None:
    """Raise ReferenceMutableError for an asset that is not named with its version."""
    asset = value.removeprefix("azureml:")
    if asset == value or asset.startswith(("//", "/")):
        return
    name, _, version = asset.partition(":")
    if not version or "@" in asset or version == "latest":
        raise ReferenceMutableError(
            f"{flag} {value}: no fixed version is named, so the file may change",
            remedy=f"name it: azureml:{name.partition('@')[0]}:<version>",
        )


def job_command(
    project: Project, arguments: tuple[str, ...], inputs: tuple[JobInput, ...]
) -> tuple[str, ...]:
    """Return the words of the command; `${{…}}` stands for the paths that only the node knows."""
    passed = list(arguments)
    for item in project.inputs:
        place = value_place(passed, item.flag)
        if place is not None and item.name in {found.name for found in inputs}:
            put_value(passed, place, item.flag, f"${{{{inputs.{item.name}}}}}")
    for output in project.outputs:
        place = value_place(passed, output.flag)
        if place is not None:
            raise OutputUnknownError(
                f"{output.flag} {value_at(passed, place, output.flag)}: "
                f"a job writes to its declared output `{output.name}`",
                remedy=f"leave out {output.flag}; `hakobune fetch` downloads the files",
            )
        passed += [output.flag, f"${{{{outputs.{output.name}}}}}"]
    return (*project.command, *passed)


def shell_text(words: Iterable[str]) -> str:
    """Return the words as one line for `/bin/sh -c`; placeholders are put in double quotes.

    Azure ML replaces them in the text, and a path may hold a space.
    """
    placeholder = re.compile(r"(--?[\w-]+=)?\$\{\{(inputs|outputs)\.\w+\}\}")
    return " ".join(
        f'"{word}"' if placeholder.fullmatch(word) else shlex.quote(word) for word in words
    )


def job_arguments(project: Project, command: str) -> tuple[str, ...]:
    """Return the arguments of a submitted job's command, with its placeholders; the reverse."""
    words = tuple(shlex.split(command))
    length = len(project.command)
    return words[length:] if words[:length] == tuple(project.command) else words


def job_tags(
    *, image: Image, digest: str, environment_sha256: str, inputs: tuple[JobInput, ...]
) -> Pairs:
    """Return the digests of everything that the job is made of."""
    found = {
        "hakobune.image": digest,
        "hakobune.lock": image.lock_sha256,
        "hakobune.environment": environment_sha256,
        "hakobune.source": image.source_sha256,
        "hakobune.base": image.base,
    }
    found |= {f"hakobune.data.{item.name}": item.sha256 or item.path for item in inputs}
    return tuple(found.items())


def plan_job(
    project: Project,
    wishes: JobWishes,
    *,
    name: str,
    environment: EnvironmentPlan,
    inputs: tuple[JobInput, ...],
) -> JobPlan:
    """Return the whole job. Raises NameInvalidError for a name that Azure ML does not accept."""
    for variable, _ in wishes.variables:
        valid_name("variable", variable)
    for tag, _ in wishes.tags:
        valid_name("tag", tag)
    return JobPlan(
        name=valid_name("job", name),
        display_name=wishes.display_name or environment.name,
        experiment=valid_name("experiment", wishes.experiment or environment.name),
        command=shell_text(job_command(project, wishes.arguments, inputs)),
        environment=environment.reference,
        compute=valid_name("compute", wishes.compute.name),
        instances=wishes.instances,
        timeout_s=wishes.timeout_s,
        inputs=inputs,
        outputs=tuple(output.name for output in project.outputs),
        variables=wishes.variables,
        tags=wishes.tags,
    )
