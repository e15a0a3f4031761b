"""A project and the arguments of its training program to a job of Azure ML. No I/O.

The command is the one that `hakobune train` runs, with Azure ML's placeholders for paths.
"""

import hashlib
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace

from hakobune.errors import (
    ArgumentInvalidError,
    InputNotFoundError,
    OutputUnknownError,
    ReferenceMutableError,
)
from hakobune.model.forms import is_of, shortened
from hakobune.model.image import Image, PushedImage
from hakobune.model.job import UPLOAD, EnvironmentPlan, JobInput, JobPlan, JobWishes, Pairs
from hakobune.model.project import Project
from hakobune.transform.arguments import put_value, value_at, value_place
from hakobune.transform.names import valid_name

# What may stand where a file is wanted: an asset of the workspace, a path in one of its stores, or
# an address that a node can read.
_REFERENCE = re.compile(r"(azureml:|https://|abfss://|wasbs://).+")
_VERSION_LENGTH = 16
_PLACE_LENGTH = 8
# What Azure ML replaces, in the command, in variables and in paths.
_EXPRESSION = "${{"
_INPUT = re.compile(r"(--?[\w-]+=)?\$\{\{inputs\.(\w+)\}\}")
_OUTPUT = re.compile(r"(--?[\w-]+=)?\$\{\{outputs\.\w+\}\}")
# The variable that the service sets to the path of an input.
_VARIABLE = re.compile(r"(--?[\w-]+=)?\$\{AZURE_ML_INPUT_(\w+):\?\}")


def plan_environment(pushed: PushedImage, *, name: str) -> EnvironmentPlan:
    """Return the environment of a pushed image; digest and registry make its version.

    A version keeps its image for ever, so that the same image in another registry needs another
    version. Azure ML accepts at most 30 characters. 16 digits of a sha256 do not collide by chance,
    and the image of a version that exists already is compared. Raises NameInvalidError.
    """
    digest = pushed.digest or pushed.image.id
    place = hashlib.sha256(pushed.repository.encode()).hexdigest()
    return EnvironmentPlan(
        name=valid_name("environment", name),
        version=f"{digest.removeprefix('sha256:')[:_VERSION_LENGTH]}-{place[:_PLACE_LENGTH]}",
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
    for item in project.entry(arguments).inputs:
        place = value_place(passed, item.flag)
        if place is None:
            continue
        value = value_at(passed, place, item.flag)
        _require_plain(item.flag, value)
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
        _require_recordable(item.flag, file.path)
        found.append(file)
    return tuple(found)


def _reference(name: str, flag: str, value: str) -> JobInput:
    _require_recordable(flag, value)
    is_asset = not value.removeprefix("azureml:").startswith("//") and value.startswith("azureml:")
    # Azure ML's own form has no such mark for an asset; for a path it is part of the name.
    path = value.rstrip("/") if is_asset else value
    _require_fixed(flag, path)
    return JobInput(name=name, path=path, is_folder=value.endswith("/"))


def _require_recordable(flag: str, path: str) -> None:
    """Raise ArgumentInvalidError for a name that no record can hold."""
    if not is_of("place", path):
        raise ArgumentInvalidError(
            f"{flag} {shortened(path)} has a name that cannot be recorded",
            remedy="rename the file or asset: no control characters, UTF-8 only",
        )


def _require_plain(what: str, value: str) -> None:
    """Raise ArgumentInvalidError for text that Azure ML would replace, or that is none."""
    if _EXPRESSION in value or not is_of("argument", value):
        raise ArgumentInvalidError(
            f"{what}: {shortened(value)} holds `{_EXPRESSION}`, which Azure ML would replace"
            if _EXPRESSION in value
            else f"{what}: {shortened(value)} is not UTF-8 text",
            remedy="pass another value: hakobune itself puts in the paths of inputs and outputs",
        )


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
    """Return the words of the command; `${{…}}` stands for the paths that only the node knows.

    Raises ArgumentInvalidError for an argument that already holds one.
    """
    for word in project.started(arguments):
        _require_plain("an argument", word)
    passed, entry = list(arguments), project.entry(arguments)
    for item in entry.inputs:
        place = value_place(passed, item.flag)
        if place is not None and item.name in {found.name for found in inputs}:
            put_value(passed, place, item.flag, f"${{{{inputs.{item.name}}}}}")
    for output in entry.outputs:
        place = value_place(passed, output.flag)
        if place is not None:
            raise OutputUnknownError(
                f"{output.flag} {value_at(passed, place, output.flag)}: "
                f"a job writes to its declared output `{output.name}`",
                remedy=f"leave out {output.flag}; `hakobune fetch` downloads the files",
            )
        passed += [output.flag, f"${{{{outputs.{output.name}}}}}"]
    return project.started(tuple(passed))


def shell_text(words: Iterable[str]) -> str:
    """Return the words as one line for `/bin/sh -c`.

    Azure ML replaces `${{…}}` in the text itself, where the shell would run what the name of
    somebody's file says (`$(…).csv`). So an input is read from the variable that the service sets,
    which a shell does not read again; the name of an output's folder is our own.
    """
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    if found := _INPUT.fullmatch(word):
        return f'"{found[1] or ""}${{AZURE_ML_INPUT_{found[2]}:?}}"'
    return f'"{word}"' if _OUTPUT.fullmatch(word) else shlex.quote(word)


def job_arguments(project: Project, command: str) -> tuple[str, ...]:
    """Return the arguments of a submitted job's command, with its placeholders; the reverse.

    Raises ValueError for a text that a shell cannot read.
    """
    words = tuple(
        _VARIABLE.sub(r"\1${{inputs.\2}}", word) if _VARIABLE.fullmatch(word) else word
        for word in shlex.split(command)
    )
    return project.given(words)


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
    """Return the whole job.

    Raises NameInvalidError for a name that Azure ML does not accept, and ArgumentInvalidError.
    """
    for variable, value in wishes.variables:
        valid_name("variable", variable)
        _require_plain(f"--env {variable}", value)
    for tag, value in wishes.tags:
        valid_name("tag", tag)
        if not is_of("tag", value):
            raise ArgumentInvalidError(
                f"--tag {tag}: {shortened(value)} is not one line of text",
                remedy="leave out line breaks and control characters",
            )
    for item in inputs:
        _require_plain(f"input {item.name}", item.path)
    entry = project.entry(wishes.arguments)
    _require_nodes(entry, wishes)
    asked = wishes.compute
    return JobPlan(
        name=valid_name("job", name),
        display_name=wishes.display_name or environment.name,
        experiment=valid_name("experiment", wishes.experiment or environment.name),
        command=shell_text(job_command(project, wishes.arguments, inputs)),
        environment=environment.reference,
        compute="" if asked.is_serverless else valid_name("compute", asked.name),
        size=asked.size if asked.is_serverless else "",
        is_spot=asked.is_serverless and bool(asked.is_low_priority),
        instances=wishes.instances,
        timeout_s=wishes.timeout_s,
        inputs=inputs,
        outputs=tuple(output.name for output in entry.outputs),
        variables=wishes.variables,
        # By it the studio's list can be filtered: all jobs of one plan have it.
        tags=(*wishes.tags, *((("hakobune.shards", f"{wishes.shards}"),) if wishes.shards else ())),
        identity=wishes.identity,
        input_mode=wishes.input_mode,
        output_mode=wishes.outputs[0],
        kept=_kept(entry, wishes),
    )


def plan_shards(plan: JobPlan, count: int) -> tuple[JobPlan, ...]:
    """Return the jobs that share the work of this one, which then merges it.

    Each has the plan's command with `--shard R/N`, R from 0, and the plan's outputs that are kept.
    """
    return tuple(
        replace(
            plan,
            name=f"{plan.name}-s{part}",
            display_name=f"{plan.display_name}: shard {part} of {count}",
            command=f"{plan.command} --shard {part}/{count}",
            kept_at=plan.name,
        )
        for part in range(count)
    )


def _kept(project: Project, wishes: JobWishes) -> tuple[str, ...]:
    """Return the outputs that another job of the plan goes on from."""
    work = tuple(output.name for output in project.outputs if output.is_work)
    if work or not wishes.is_shared:
        return work
    return tuple(output.name for output in project.outputs)


def _require_nodes(project: Project, wishes: JobWishes) -> None:
    """Raise ArgumentInvalidError for nodes that the program or serverless compute cannot use."""
    option = f"--shards {wishes.shards}" if wishes.shards else f"--instances {wishes.instances}"
    if wishes.shards and wishes.instances > 1:
        raise ArgumentInvalidError(
            f"{option} and --instances {wishes.instances}: a shard is a job of one node",
            remedy="choose one of them: --shards for nodes that may be taken away",
        )
    if wishes.is_shared and not project.distributed:
        raise ArgumentInvalidError(
            f"{option}: each node would run the same training and overwrite the others' outputs",
            remedy=f"leave out {option.partition(' ')[0]}; for a program that shares its work "
            "among nodes, set distributed = true in [tool.hakobune] or in the command's table",
        )
    if wishes.is_shared and wishes.output_mode == UPLOAD:
        raise ArgumentInvalidError(
            f"--output-mode upload with {option}: no node would see what another wrote, and "
            "nothing would be left of a node that is lost",
            remedy="leave out --output-mode: the outputs are mounted",
        )
    if wishes.compute.is_serverless and (wishes.is_compute_created or wishes.compute.subnet):
        raise ArgumentInvalidError(
            "--compute serverless: there is no cluster to create or to put into a subnet",
            remedy="leave out --create-compute and --subnet",
        )
