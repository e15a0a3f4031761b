"""What goes to an engine's process and what comes back: text lines there, JSON lines here.

This runs inside every engine's own environment, so it needs nothing but the standard library.
"""

import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A series to model, NaN where a value is missing; d and D are free where they are None."""

    name: str
    values: tuple[float, ...]
    season: int
    horizon: int
    d: int | None = None
    seasonal_d: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an engine found: 1 - ar, 1 + ma, and the mean of the differenced series, if it has one.

    `log_likelihood` and `aicc` are the engine's own words; the harness computes them anew.
    """

    name: str
    cpu_s: float
    order: tuple[int, int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0, 0)
    ar: tuple[float, ...] = ()
    ma: tuple[float, ...] = ()
    seasonal_ar: tuple[float, ...] = ()
    seasonal_ma: tuple[float, ...] = ()
    mean: float | None = None
    log_likelihood: float = math.nan
    aicc: float = math.nan
    forecast: tuple[float, ...] = ()
    error: str | None = None


_SEPARATOR = "\t"


def write_tasks(path: Path, tasks: Iterable[Task]) -> None:
    """Write name, season, horizon, d, D and the values, one task a line."""
    with path.open("w", encoding="utf-8") as file:
        for task in tasks:
            differences = ("auto" if n is None else str(n) for n in (task.d, task.seasonal_d))
            values = ",".join("NA" if math.isnan(v) else repr(float(v)) for v in task.values)
            head = (task.name, str(task.season), str(task.horizon), *differences)
            file.write(_SEPARATOR.join((*head, values)) + "\n")


def read_tasks(path: Path) -> list[Task]:
    """Return the tasks of a file."""
    tasks = []
    for line in path.read_text(encoding="utf-8").splitlines():
        name, season, horizon, d, seasonal_d, values = line.split(_SEPARATOR)
        tasks.append(
            Task(
                name=name,
                values=tuple(math.nan if v == "NA" else float(v) for v in values.split(",")),
                season=int(season),
                horizon=int(horizon),
                d=None if d == "auto" else int(d),
                seasonal_d=None if seasonal_d == "auto" else int(seasonal_d),
            )
        )
    return tasks


def read_reply(line: str) -> Reply:
    """Return the reply that a line holds."""
    fields = json.loads(line)
    for key, value in fields.items():
        if isinstance(value, list):
            fields[key] = tuple(value)
    return Reply(**fields)


def mean_of_differences(numbers: dict[str, float], steps: int) -> float | None:
    """Return the mean of the differenced series; a drift adds up over a season."""
    if "drift" in numbers:
        return numbers["drift"] * steps
    return numbers.get("intercept")


def warm_up() -> list[Task]:
    """Return small tasks to run before the clock: compiled code and lazy imports are no search."""
    random = Random(1)
    noise = tuple(random.gauss(50, 5) + 10 * (i % 4) for i in range(40))
    return [Task(name="warm-up", values=noise, season=season, horizon=2) for season in (1, 4)]


def serve(fit: Callable[[Task], Reply]) -> None:
    """Answer the tasks of the file named last on the command line, one JSON line each.

    `fit` leaves `cpu_s` at zero: processor seconds are taken here, the same way for every engine,
    after imports and one warm-up, and warnings are off because printing them takes time.
    """
    warnings.simplefilter("ignore")
    for task in warm_up():
        fit(task)
    for task in read_tasks(Path(sys.argv[-1])):
        began = time.process_time()
        try:
            reply = fit(task)
        except Exception as error:  # noqa: BLE001 - an engine that fails on a series is a result
            reply = Reply(name=task.name, cpu_s=0.0, error=f"{type(error).__name__}: {error}")
        spent = time.process_time() - began
        print(json.dumps({**asdict(reply), "cpu_s": spent}), flush=True)
