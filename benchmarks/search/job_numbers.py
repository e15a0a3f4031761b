"""The whole job on one series: its peak memory beside that of importing what it loaded."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from search.daily import trend_and_week
from search.engines import environment
from search.table import Row

TITLE = "the training job on one series of 760 points"
_MOST = 1.2
_JOBS = (
    ("--order auto", ("--order", "auto")),
    ("--order 1,1,1 --seasonal_order 1,0,1,7", ("--order=1,1,1", "--seasonal_order=1,0,1,7")),
)


def rows() -> Iterator[Row]:
    """Yield peak memory of both jobs, and whether a given order loads pmdarima."""
    for name, options in _JOBS:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            peak_kb, modules = _run(folder, options)
            bare_kb = _imported(folder, modules)
        yield Row(
            what=f"peak memory, {name}",
            ours=f"{peak_kb / 1000:.0f} MB",
            reference=f"its imports {bare_kb / 1000:.0f} MB",
            ratio=f"{peak_kb / bare_kb:.2f}",
            bound=f"<= {_MOST}",
            is_met=peak_kb <= _MOST * bare_kb,
        )
    # The last job's order was given: nothing of pmdarima is in it.
    loaded = sorted({"pmdarima", "sklearn", "mlflow"} & set(modules))
    yield Row(
        what="  loaded without need for a given order",
        ours=", ".join(loaded) or "none",
        bound="no pmdarima",
        is_met="pmdarima" not in loaded,
    )


def _run(folder: Path, options: tuple[str, ...]) -> tuple[int, list[str]]:
    """Train and return the peak in KB and the modules loaded at the end."""
    data, report = folder / "daily.csv", folder / "report.json"
    first = date(2022, 1, 1)
    lines = [
        f"{first + timedelta(days=n)},{value!r}"
        for n, value in enumerate(trend_and_week().tolist())
    ]
    data.write_text("date,value\n" + "\n".join(lines) + "\n", encoding="utf-8")
    job = ("trainer", "--input", str(data), "--output", str(folder / "out"), *options)
    return _measured(report, ("run", *job))


def _imported(folder: Path, modules: list[str]) -> int:
    """Return the peak in KB of a process that imports these modules and ends."""
    wanted, report = folder / "modules.json", folder / "report.json"
    wanted.write_text(
        json.dumps([name for name in modules if name != "__main__"]), encoding="utf-8"
    )
    return _measured(report, ("import", str(wanted)))[0]


def _measured(report: Path, what: tuple[str, ...]) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "search.peak", str(report), *what],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(what)}\n{done.stderr[-2000:]}")
    found = json.loads(report.read_text(encoding="utf-8"))
    return found["peak_kb"], found["modules"]
