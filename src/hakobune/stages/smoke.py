"""An image to a receipt: smoke tests in the container, and a training for reference."""

import shlex
from dataclasses import replace
from pathlib import Path

from hakobune.adapters import containers, files
from hakobune.adapters.process import Runner, printable
from hakobune.errors import HakobuneError, ReceiptMissingError, SmokeFailedError
from hakobune.model.image import Image
from hakobune.model.lock import PLATFORM
from hakobune.model.project import Project
from hakobune.model.record import RECORD, RunRecord
from hakobune.model.reporter import Reporter
from hakobune.model.sandbox import SANDBOXES, SMOKE
from hakobune.model.training import PLACE, Training
from hakobune.stages.compare import read_results
from hakobune.stages.inputs import digest_of_input
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.record import read_run_record
from hakobune.stages.train import train
from hakobune.transform.compare_records import own_arguments
from hakobune.transform.receipt import Receipt, read_receipt, write_receipt

RECEIPTS = ".hakobune/receipts"
_TIMEOUT_S = 300


def smoke(
    project: Project, training: Training, runner: Runner, reporter: Reporter, *, image: Image
) -> Receipt:
    """Let the image pass its smoke tests and a training; return the receipt, which is kept.

    What it passed before, for the same image, is not done again. Raises SmokeFailedError, or what
    a training raises.
    """
    receipt = _find_receipt(project, image) or Receipt(image=image.id, checks=(), references=())
    checks = checks_of(project, image)
    if skipped := read_fresh_lock(project).skipped:
        named = ", ".join(skipped)
        reporter.say(f"skipped: {named}: not for this Python or {PLATFORM}, by the line's marker")
    if set(checks) <= set(receipt.checks):
        reporter.done("smoke", f"{len(checks)} tests, already passed", digest=image.id)
    else:
        for name, command in checks.items():
            _check(name, command, runner)
            reporter.done("smoke", name)
        receipt = _keep(project, replace(receipt, checks=tuple(checks)))
    reference = _find_reference(project, training, receipt, image)
    if reference:
        reporter.done("train", f"{reference} has the same arguments and data already")
        return receipt
    train(project, training, runner, reporter, image=image)
    if _record_of(project, training.folder, image) is None:
        raise SmokeFailedError(
            f"the training left no run of this image in {training.folder}",
            remedy=f"let the program write its results to {PLACE}",
        )
    return _keep(project, replace(receipt, references=(*receipt.references, training.folder)))


def require_receipt(project: Project, image: Image) -> None:
    """Raise ReceiptMissingError unless the image has passed all, and ReceiptDamagedError."""
    lacking = lacking_of(project, image)
    if lacking:
        raise ReceiptMissingError(
            f"the image {image.tag} ({image.id[:19]}) {lacking}",
            remedy="run hakobune smoke with the arguments that the job gets",
        )


def lacking_of(project: Project, image: Image) -> str:
    """Return in words what the image has not passed here; empty where it may be submitted.

    Raises ReceiptDamagedError.
    """
    receipt = _find_receipt(project, image)
    if receipt is None:
        return "has no receipt: the smoke tests and one training must pass on this machine first"
    left = [name for name in checks_of(project, image) if name not in receipt.checks]
    if left:
        return f"has not passed the smoke test `{left[0]}`"
    if all(_record_of(project, folder, image) is None for folder in receipt.references):
        return "has no training on this machine: the runs of its receipt were deleted"
    return ""


def _find_receipt(project: Project, image: Image) -> Receipt | None:
    path = _path(project, image.id)
    content = files.read_inside(path.parent, path.name)
    if content is None:
        return None
    receipt = read_receipt(content, place=str(path))
    return receipt if receipt.image == image.id else None


def _path(project: Project, image: str) -> Path:
    return project.root / RECEIPTS / f"{image.removeprefix('sha256:')[:16]}.json"


def _keep(project: Project, receipt: Receipt) -> Receipt:
    files.own_folder(project.root)
    files.write_bytes(_path(project, receipt.image), write_receipt(receipt))
    return receipt


def checks_of(project: Project, image: Image) -> dict[str, list[str]]:
    """Return the command of each smoke test by what it shows: the name in a receipt."""
    shut_in = ["docker", "run", "--rm", *SANDBOXES[SMOKE].docker_options(), image.id]
    named = read_fresh_lock(project).asked_for
    program = files.read_data("import_packages.py")
    packages = f"{len(named)} package{'' if len(named) == 1 else 's'}"
    checks = {
        f"imports of {packages}, as any user, read-only, without a network": [
            *shut_in,
            *("python", "-c", program, *named),
        ]
    }
    return checks | {
        text: [*shut_in, *project.in_image(tuple(shlex.split(text)))] for text in project.smoke
    }


def _check(name: str, command: list[str], runner: Runner) -> None:
    done, end = containers.run_container(runner, command[3:], timeout_s=_TIMEOUT_S)
    if end is None:
        how, said = f"did not end within {_TIMEOUT_S} s", ""
    elif end.is_out_of_memory:
        how, said = f"was killed for lack of memory; the limit is {end.memory}", ""
    else:
        how = f"ended with exit code {end.exit_code}"
        said = printable((done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2])
    if end is None or end.exit_code != 0:
        raise SmokeFailedError(
            f"smoke test `{name}` {how}" + (f": {said}" if said else ""),
            remedy="fix it and build again; this image cannot be submitted",
        )


def _find_reference(project: Project, training: Training, receipt: Receipt, image: Image) -> str:
    """Return a run of the receipt with the same arguments and data; empty where there is none."""
    wanted = own_arguments(project, training.arguments)
    data = sorted((name, digest_of_input(path)) for name, path in training.inputs)
    for folder in receipt.references:
        record = _record_of(project, folder, image)
        if record is None:
            continue
        read = sorted((item.name, item.sha256) for item in record.inputs)
        is_same_data = read == data if data else not _names_input(project, record.arguments)
        if own_arguments(project, record.arguments) == wanted and is_same_data:
            return folder
    return ""


def _record_of(project: Project, folder: str, image: Image) -> RunRecord | None:
    """Return the record of a run that is whole and of this image; a new one is made for others."""
    if not (project.root / folder / RECORD).is_file():
        return None
    try:
        record = read_run_record(project.root / folder)
        read_results(project.root / folder, record)
    except HakobuneError:
        return None
    return record if record.outside and record.outside.image == image.id else None


def _names_input(project: Project, arguments: tuple[str, ...]) -> bool:
    words = {word.partition("=")[0] for word in arguments}
    return any(item.flag in words for item in project.entry(arguments).inputs)
