"""What a conda file should not have, though it can be locked. No I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from hakobune.model.lock import Lock
from hakobune.model.spec import EnvironmentSpec, Requirement, requirement_name

# A line that asks for CUDA, by conda's names or a wheel's.
_CUDA = re.compile(r"cuda|cudnn|gpu|nvidia|\+cu\d")
# What brings CUDA's libraries, and what to write for the same without them.
_WITHOUT_CUDA = {
    "torch": "add the line `- cpuonly` to `dependencies` (PyTorch's wheels without CUDA)",
    "xgboost": "ask for `xgboost-cpu` in place of `xgboost`, under `- pip:`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What is warned of: when each Python (`3.8`) ends, and retired packages with what to do."""

    python_ends: Mapping[str, date]
    retired: Mapping[str, str]


def spec_warnings(
    spec: EnvironmentSpec, python: str, doubts: Doubts, *, file: str, today: date
) -> tuple[str, ...]:
    """Return the warnings in the order of the lines, each as `file:line: warning: what`.

    `python` is the version that was locked, and `file` the conda file's path.
    """
    found = [_python_warning(python, doubts, today)]
    at = spec.python_line or 1
    warnings = [(at, f"{file}:{at}", text) for text in found if text]
    first: dict[tuple[str, str], Requirement] = {}
    line = 0
    for wanted in spec.requirements:
        # The lines of an included file come where the conda file includes it.
        line = wanted.line if wanted.file == file else line
        if instead := doubts.retired.get(wanted.name):
            text = f"{wanted.name} belongs to Azure ML's SDK v1, which is retired: {instead}"
            warnings.append((line, wanted.place, text))
        earlier = first.setdefault((wanted.file, wanted.name), wanted)
        if earlier is not wanted and _are_doubled(earlier, wanted):
            text = f"{wanted.name} is asked for on line {earlier.line}, too; remove one of the two"
            warnings.append((line, wanted.place, text))
    warnings.sort(key=lambda one: one[0])
    return tuple(f"{place}: warning: {text}" for _, place, text in warnings)


def cuda_warning(spec: EnvironmentSpec, lock: Lock, *, file: str) -> str:
    """Return a warning where the lock has CUDA's libraries and no line of the file asks for them.

    `file` is the conda file's path. Empty: nothing is to be warned of.
    """
    cuda = [
        package
        for package in lock.python_packages
        if re.match(r"nvidia-(?!ml-py)", package.name) or "+cu" in package.version
    ]  # nvidia-ml-py only asks the driver
    asks = [one.name.lower() for one in spec.left_out]
    asks += [wanted.written.lower() for wanted in spec.requirements]
    if not cuda or (not spec.cpu_place and any(_CUDA.search(text) for text in asks)):
        return ""
    size = sum(package.size for package in cuda) / 1e9
    count = f"{len(cuda)} package{'' if len(cuda) == 1 else 's'}"
    what = f"{count} for NVIDIA's CUDA ({size:.1f} GB) in the lock"
    if spec.cpu_place:
        way = "lock again where PyTorch's index, or a mirror of it, can be reached"
        return f"{spec.cpu_place}: warning: {what}, though this line asks for none: {way}"
    place = next((one.place for one in spec.requirements if one.name in _WITHOUT_CUDA), file)
    names = {package.name for package in lock.python_packages}
    ways = "; ".join(way for name, way in _WITHOUT_CUDA.items() if name in names)
    return (
        f"{place}: warning: {what}, which a job without a GPU does not use: "
        f"{ways or 'choose packages without CUDA'}. For a job with a GPU, add the line "
        "`- pytorch-cuda` or `- cudatoolkit` to `dependencies`"
    )


def _python_warning(python: str, doubts: Doubts, today: date) -> str:
    minor = ".".join(python.split(".")[:2])
    end = doubts.python_ends.get(minor)
    if end is None or today <= end:
        return ""
    kept = next((name for name, last in doubts.python_ends.items() if today <= last), "")
    newer = f"; choose Python {kept} or newer" if kept else ""
    return f"Python {minor} gets no security fixes since {end.isoformat()}{newer}"


def _are_doubled(one: Requirement, other: Requirement) -> bool:
    """Tell whether two lines say the same, or contradict each other.

    An exported environment has several of conda's packages that are one of the index
    (`matplotlib`, `matplotlib-base`); and lines with markers may be for different machines.
    """
    has_marker = ";" in one.text or ";" in other.text
    names = {requirement_name(wanted.written) for wanted in (one, other)}
    return not has_marker and (len(names) == 1 or one.text != other.text)
