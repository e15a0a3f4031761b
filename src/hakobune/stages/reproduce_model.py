"""A recorded run, run again in its image, and both results compared."""

from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.process import Runner
from hakobune.errors import DataChangedError, ReproduceRunningError
from hakobune.model.grade import Grade, Sameness
from hakobune.model.project import Project
from hakobune.model.record import Circumstances, Outside, RunRecord
from hakobune.model.reporter import Reporter
from hakobune.model.sandbox import Sandbox
from hakobune.model.training import RUNS, Training
from hakobune.stages.arrivals import awaited
from hakobune.stages.compare import grade_runs, read_results
from hakobune.stages.container_end import require_success
from hakobune.stages.inputs import (
    existing_input,
    has_digest,
    look_at,
    recorded_input,
    require_unchanged,
)
from hakobune.stages.record import (
    complete,
    find_documents,
    read_run_record,
    recorded_image,
    require_outside,
)
from hakobune.transform.arguments import drop_option, put_value, value_place
from hakobune.transform.plan_training import plan_training


def reproduce_model(
    project: Project, folder: Path, runner: Runner, reporter: Reporter, *, sandbox: Sandbox
) -> tuple[Grade, str, Path]:
    """Run a recorded run again in its image; return the grade, the likely cause, and the folder.

    The folder of the second run stays where its bits are not the same. Raises FileChangedError,
    ImageMissingError, DataChangedError, TrainingFailedError, ReproduceRunningError.
    """
    with files.only_one(files.own_folder(project.root) / "reproduce.lock") as is_alone:
        if not is_alone:
            raise ReproduceRunningError(
                f"another `hakobune reproduce model` is running in {project.root}",
                remedy="wait until it ends",
            )
        return _again(project, folder, runner, reporter, sandbox)


def _again(
    project: Project, folder: Path, runner: Runner, reporter: Reporter, sandbox: Sandbox
) -> tuple[Grade, str, Path]:
    record = read_run_record(folder)
    project = project.entry(record.arguments)
    read_results(folder, record)
    outside = require_outside(record, folder)
    image = recorded_image(outside, runner)
    documents = find_documents(project, image, folder)
    again = f"{RUNS}/.again-{folder.name}"
    target = project.root / again
    files.remove(target)
    training = plan_training(
        project,
        (*_arguments(project, record, outside), *_output_options(project, again)),
        run_id=record.run_id,
        is_terminal=False,
        sandbox=sandbox,
        existing=lambda text: existing_input(Path(text)) if Path(text).is_absolute() else None,
    )
    # The recorded image, which may be older than the checkout.
    command = docker_cli.train_command(project, training, image=image.id)
    how = Circumstances(
        found_by="container",
        documents=documents,
        commit=outside.commit,
        is_dirty=outside.is_dirty,
        arguments=training.arguments,
        inputs=outside.inputs,
    )
    try:
        with awaited(project, training, reporter):
            _run(training, command, runner, reporter)
        complete(project, target, image, runner, how)
        grade, cause = grade_runs(project, folder, target)
    except BaseException:
        files.remove(target)
        raise
    reporter.done("again", again, digest=image.id)
    if grade.sameness is Sameness.BITS:
        files.remove(target)
    return grade, cause, target


def _run(training: Training, command: list[str], runner: Runner, reporter: Reporter) -> None:
    seen = {path: look_at(path) for _, path in training.inputs}
    end = docker_cli.train(runner, command, training.container)
    require_success(end, reporter, what="the training program, with the run's image and arguments,")
    require_unchanged(seen, training.folder)


def _arguments(project: Project, record: RunRecord, outside: Outside) -> list[str]:
    """Return the recorded arguments, each input as the file of this machine."""
    passed = list(record.arguments)
    for output in project.outputs:
        drop_option(passed, output.flag)
    known = {item.name: item for item in outside.inputs}
    wanted = {item.name: item.sha256 for item in record.inputs}
    for item in project.inputs:
        place = value_place(passed, item.flag)
        if place is None:
            continue
        named = known[item.name].path if item.name in known else ""
        path = recorded_input(project.root, named) if named else None
        if path is None:
            raise DataChangedError(
                f"the run's {item.flag} is not on this machine: {named or passed[place]}",
                remedy="restore the file that the run read: "
                f"sha256 {wanted.get(item.name, 'unknown')}",
            )
        if not has_digest(path, wanted.get(item.name, "")):
            raise DataChangedError(
                f"{path} is not what the run read (sha256 {wanted.get(item.name, '')[:12]}…)",
                remedy="restore the file that the run read",
            )
        put_value(passed, place, item.flag, str(path.resolve()))
    return passed


def _output_options(project: Project, folder: str) -> list[str]:
    return [word for output in project.results for word in (output.flag, folder)]
