"""Two runs side by side: their chains, their metrics, and a grade of their results."""

import hashlib
import shlex
from pathlib import Path

from hakobune.adapters import files
from hakobune.errors import (
    FileChangedError,
    GradeMissingError,
    HakobuneError,
    ModelDiffersError,
)
from hakobune.model.forms import is_of
from hakobune.model.grade import Grade, Sameness
from hakobune.model.image import Image
from hakobune.model.job import JobInput
from hakobune.model.project import Project
from hakobune.model.record import RECORD, ManifestEntry, RunRecord
from hakobune.stages.record import read_run_record
from hakobune.transform.compare_records import (
    Row,
    compare_records,
    is_same_plan,
    likely_cause,
    own_arguments,
)
from hakobune.transform.grade_results import grade_results, is_compared, without_place
from hakobune.transform.read_run import read_metrics

NO_REFERENCE = "no local run of this image, data and arguments to compare the job with"


def compare(project: Project, left: Path, right: Path) -> tuple[Row, ...]:
    """Return a row for each thing of the two runs; metrics and results' sha256 come last."""
    records = read_run_record(left), read_run_record(right)
    rows = list(compare_records(project, *records))
    if project.model is not None and project.model.metrics:
        metrics = [_metrics(folder, project.model.metrics) for folder in (left, right)]
        rows += _side_by_side(*metrics)
    rows += _side_by_side(_results(left, records[0]), _results(right, records[1]))
    return tuple(rows)


def _metrics(folder: Path, name: str) -> dict[str, str]:
    content = files.read_inside(folder, name)
    return {} if content is None else dict(read_metrics(content, place=str(folder / name)))


def _results(folder: Path, record: RunRecord) -> dict[str, str]:
    """Return the sha256 of what is compared of each result, by name."""
    found = {}
    for entry in record.manifest:
        if is_compared(entry.name):
            content = files.read_inside(folder, entry.name, largest=_largest(entry))
            if content is None:
                found[entry.name] = "gone"
                continue
            compared = without_place(entry.name, content)
            name = entry.name if compared == content else f"{entry.name} less run, run_id"
            found[name] = hashlib.sha256(compared).hexdigest()
    return found


def _side_by_side(left: dict[str, str], right: dict[str, str]) -> list[Row]:
    names = dict.fromkeys([*left, *right])
    return [Row(name=n, left=left.get(n, ""), right=right.get(n, "")) for n in names]


def grade_runs(project: Project, left: Path, right: Path) -> tuple[Grade, str]:
    """Return the grade of two runs' results, and the likely cause of a difference (or nothing).

    Raises FileChangedError for a result that is not what its run wrote.
    """
    records = read_run_record(left), read_run_record(right)
    grade = grade_results(read_results(left, records[0]), read_results(right, records[1]))
    if grade.sameness is Sameness.BITS:
        return grade, ""
    return grade, likely_cause(compare_records(project, *records))


def _largest(entry: ManifestEntry) -> int:
    """Return how many bytes of a result are read: no file takes more memory than its record says.

    A changed file of a document's size is read whole, to tell how it differs.
    """
    return max(entry.size_bytes, files.LARGEST_DOCUMENT)


def read_results(folder: Path, record: RunRecord) -> dict[str, bytes]:
    """Return the bytes of each result by name. Raises FileChangedError, see grade_runs."""
    found = {}
    for entry in record.manifest:
        if is_compared(entry.name):
            content = files.read_inside(folder, entry.name, largest=_largest(entry))
            if content is None or hashlib.sha256(content).hexdigest() != entry.sha256:
                raise FileChangedError(
                    f"{folder / entry.name} is not what the run wrote, so it cannot be compared",
                    remedy="to see what else was changed: "
                    f"hakobune verify {shlex.quote(folder.name)}",
                )
            found[entry.name] = content
    return found


def find_reference(project: Project, folder: Path) -> Path | None:
    """Return the newest local run of the same image, data and arguments, or None.

    A run that was changed since it was made is no reference.
    """
    record = read_run_record(folder)
    source = record.image.get("source_sha256", "").encode()
    found = []
    for beside in folder.parent.iterdir():
        if beside == folder or not is_of("run id", beside.name):
            continue
        try:
            # A cheap look first: most runs are of another image.
            if source not in (files.read_inside(beside, RECORD) or b""):
                continue
            other = read_run_record(beside)
            is_local = other.outside is not None and other.outside.job is None
            if is_local and is_same_plan(project, record, other):
                read_results(beside, other)
                found.append((str(other.values.get("started", "")), beside))
        except HakobuneError:
            continue
    return max(found)[1] if found else None


def require_reference(
    project: Project, image: Image, arguments: tuple[str, ...], inputs: tuple[JobInput, ...]
) -> None:
    """Raise GradeMissingError unless a local run is there that a planned job is compared with.

    It is a run of the same image with the same arguments and data, whose results are unchanged.
    """
    wanted = own_arguments(project, arguments)
    for path in project.root.glob(f"runs/*/{RECORD}"):
        if path.parent.name.startswith(".") or image.id.encode() not in (
            files.read_bytes(path) or b""
        ):
            continue
        try:
            record = read_run_record(path.parent)
            read_results(path.parent, record)
        except HakobuneError:
            continue
        outside = record.outside
        if (
            outside is not None
            and outside.job is None
            and outside.image == image.id
            and _is_of_data(project, record, inputs)
            and own_arguments(project, record.arguments) == wanted
        ):
            return
    raise grade_missing("the job")


def _is_of_data(project: Project, record: RunRecord, inputs: tuple[JobInput, ...]) -> bool:
    """Tell whether a run read these inputs and, of each other input, the program's own default."""
    read = {item.name: item.sha256 for item in record.inputs}
    given = {item.name: item.sha256 for item in inputs}
    named = {word.partition("=")[0] for word in record.arguments}
    return all(
        read.get(item.name) == given[item.name] if item.name in given else item.flag not in named
        for item in project.entry(record.arguments).inputs
    )


def grade_missing(job: str) -> GradeMissingError:
    """Return the error of a model that no local run is there to be compared with."""
    return GradeMissingError(
        f"the model of {job} cannot be compared: no run on this machine has the same image, data "
        "and arguments",
        remedy="train on this machine with the same arguments: hakobune train …\n"
        "or register the model without a comparison: --ungraded",
    )


def require_alike(project: Project, folder: Path) -> str:
    """Return in one line how a fetched run compares with the local run that should be the same.

    Raises ModelDiffersError where their results are different.
    """
    reference = find_reference(project, folder)
    if reference is None:
        return NO_REFERENCE
    grade, cause = grade_runs(project, reference, folder)
    line = told(grade, f"the local run {reference.name}", cause)
    if grade.sameness is Sameness.DIFFERENT:
        raise ModelDiffersError(
            f"{folder.name} and the local run {reference.name} gave different results: {line}",
            remedy="compare both: hakobune compare "
            f"{shlex.quote(reference.name)} {shlex.quote(folder.name)}",
        )
    return line


def told(grade: Grade, other: str, cause: str) -> str:
    """Return the grade in one line."""
    line = f"{grade.sameness.value} to {other}"
    if grade.sameness is Sameness.DIFFERENT:
        line = f"different from {other}"
    elif grade.sameness is Sameness.CLOSE:
        line = f"{grade.sameness.value} of {other}"
    if grade.first:
        line += f"; first: {grade.first}"
    return f"{line}; likely cause: {cause}" if cause else line
