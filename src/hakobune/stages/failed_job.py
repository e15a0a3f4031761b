"""What a failed job left in its outputs: the reason that its program wrote, or how many files."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hakobune.errors import HakobuneError
from hakobune.model.cloud import Cloud
from hakobune.model.forms import escaped
from hakobune.model.job import Job, RemoteFile
from hakobune.model.json_text import parse_json
from hakobune.model.record import FAILURE

_LARGEST = 64 * 1024
_SHOWN = 600  # letters of a text of the program's
_LOG_LINES = 20
_LOG_OF_NODE = re.compile(r"std_log_process_0*([1-9][0-9]{0,3})\.txt")
_OF_THE_SERVICE = "default"  # the output in which the service keeps the log


def what_it_left(cloud: Cloud, job: Job) -> tuple[str, ...]:
    """Return a line for each output in which the job left something, or which cannot be read.

    Never raises an error of the storage: how the job ended does not depend on its outputs.
    """
    found = []
    for name, _ in job.outputs:
        if name == _OF_THE_SERVICE:
            continue
        try:
            line = _line(cloud, name, cloud.output_files(job, name))
        except HakobuneError as exc:
            line = f"its output {name} could not be read: {exc.what}"
        found += [line] if line else []
    return tuple(found)


def end_of_its_log(cloud: Cloud, job: Job, why: str) -> tuple[str, ...]:
    """Return the last lines of the log that the service names, if it is not the first node's.

    That one is shown while the job is watched. Never raises an error of the storage.
    """
    named = _LOG_OF_NODE.search(why)
    if named is None:
        return ()
    try:
        text = cloud.end_of_log(job.name, int(named[1])).decode(errors="replace")
    except HakobuneError as exc:
        return (f"the log of node {named[1]} could not be read: {exc.what}",)
    lines = [escaped(line) for line in text.splitlines()[-_LOG_LINES:]]
    return (f"the end of the log of node {named[1]}:", *lines) if lines else ()


def _line(cloud: Cloud, output: str, there: tuple[RemoteFile, ...]) -> str:
    there = tuple(file for file in there if not file.is_of_nodes)
    reason = next((file for file in there if file.name == FAILURE), None)
    if reason is not None:
        return f"its {FAILURE}: {_reason(cloud, reason)}"
    if not there:
        return ""
    total = sum(file.size_bytes for file in there) / 1e6
    files = "1 file" if len(there) == 1 else f"{len(there)} files"
    return f"its output {output} holds {files}, {total:.1f} MB, of a run that did not end"


def _reason(cloud: Cloud, file: RemoteFile) -> str:
    """Return the error, exit code, reason and remedy that the program wrote."""
    if file.size_bytes > _LARGEST:
        return f"not shown: it is longer than {_LARGEST} bytes"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, FAILURE)
        cloud.fetch_file(file, target)
        content = target.read_bytes()
    try:
        values = parse_json(content, largest=_LARGEST)
    except ValueError as exc:
        return f"not shown: {exc}"
    if not isinstance(values, dict):
        return "not shown: it is not an object"
    return "; ".join(_parts(values))


def _parts(values: dict[str, object]) -> Iterator[str]:
    for key, words in (("error", "{}"), ("exit_code", "exit code {}"), ("what", "{}")):
        if isinstance(value := values.get(key), str | int):
            yield words.format(_text(value))
    if isinstance(remedy := values.get("remedy"), str):
        yield f"fix: {_text(remedy)}"


def _text(value: str | int) -> str:
    text = " ".join(str(value).split())
    return escaped(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")
