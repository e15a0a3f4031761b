"""A long table to the forecasts of all its series: the story, top to bottom."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from trainer.console import show_notes, show_result, stage
from trainer.errors import DiskFullError, MemoryExhaustedError, TooManyFailuresError
from trainer.input.long import LongTable, open_long
from trainer.input.source import Source, open_source
from trainer.interruption import held_back
from trainer.many.batch_file import count_again, find_sealed
from trainer.many.merge import merge
from trainer.many.options import ManySettings
from trainer.many.plan import Batch, Plan, make_plan
from trainer.many.report import page_of
from trainer.many.runners import Runner, run_here, run_in_processes
from trainer.many.totals import Totals, parameters, result_rows, write_metric
from trainer.outputs import FULL, RECORD, Publication, translated
from trainer.page.many_page import write_many_page
from trainer.printable import counted, printable
from trainer.record import (
    InputFacts,
    RunClock,
    processor_notes,
    write_record,
)
from trainer.settings import read_environment, read_tracking

_TOLD_FAILURES = 5
_EXPERIMENT = "many"
REPORT = "report.html"
_TRACKED = (REPORT, "metric.json", RECORD)  # the tables are as large as the data


def many(settings: ManySettings, publication: Publication, clock: RunClock) -> None:
    """Forecast every series. Raises TrainerError; publishes all or nothing."""
    with machine_translated(settings), ExitStack() as stack:
        plan, source = stack.enter_context(open_plan(settings))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trainer-")))
        folder = settings.batches or scratch / "batches"
        runner = stack.enter_context(_runner(settings))
        with translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
            files = work_batches(plan, folder, runner, settings)
        if settings.shard is not None:
            show_result([("batches", f"{len(files)} of {len(plan.batches)} are in {folder}")])
            return
        facts = InputFacts(
            path=str(settings.input), source=plan.table.source, sha256=source.digest.hexdigest()
        )
        _write(plan, files, settings, (scratch, publication, clock), facts)
        if settings.keys is not None and not settings.keeps_batches:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # it has the end's mark where nodes look for it there
                folder.parent.rmdir()


@contextmanager
def _runner(settings: ManySettings) -> Iterator[Runner]:
    """Yield who works the batches; with `--cluster` all nodes hear the end when the run has it."""
    processes = cores() if settings.processes is None else settings.processes
    if settings.keys is None:
        is_alone = settings.processes is not None and processes <= 1
        yield run_here if is_alone else partial(run_in_processes, processes=processes)
        return
    with held_back():
        from trainer.cluster.head import Head  # noqa: PLC0415 - loads Dask
        from trainer.cluster.invitation import withdraw  # noqa: PLC0415 - as above
        from trainer.cluster.nodes import read_node, told_the_end  # noqa: PLC0415 - as above

    node = read_node(read_environment())
    run_id = settings.place.run_id
    head = Head(run_id=run_id, keys=settings.keys, processes=processes, address=node.head)
    with suppress(OSError):  # also where nothing is left to do, and no new key is made
        withdraw(settings.keys)
    with told_the_end(settings.keys, run_id):
        yield head
        show_notes(head.tally.lines())


@contextmanager
def open_plan(settings: ManySettings) -> Iterator[tuple[Plan, Source]]:
    """Read the table and make its plan, which needs the table until the end."""
    with ExitStack() as stack:
        source = stack.enter_context(
            open_source(str(settings.input), encoding=settings.read_as.encoding)
        )
        with stage("read") as current:
            table = stack.enter_context(
                open_long(
                    source,
                    settings.read_as,
                    series=settings.series_columns,
                    date=settings.date_column,
                    value=settings.value_column,
                    only=dict(settings.only),
                    may_be_cut_off=True,
                )
            )
            plan = make_plan(
                table,
                horizon=settings.horizon,
                has_floor=settings.has_floor,
                sums_days=settings.sums_days,
            )
            current.outcome = _described(table, plan)
        show_notes((*processor_notes(), *plan.notes))
        yield plan, source


def work_batches(
    plan: Plan, folder: Path, runner: Runner, settings: ManySettings
) -> dict[str, Path]:
    """Let the runner work the batches that the folder lacks; return the file of each."""
    wanted = [batch for batch in plan.batches if _is_ours(batch, settings.shard)]
    with stage("forecast") as current:
        files = find_sealed(folder, [batch.name for batch in wanted])
        left = [batch for batch in wanted if batch.name not in files]
        series, worked = sum(batch.end - batch.start for batch in left), Counter[str]()
        for done in runner(left, plan, folder) if left else ():
            files[done.batch.name] = done.path
            worked += done.statuses
            current.progress("series", worked.total(), series)
            failed = worked.total() - worked["ok"]
            if settings.max_failures is not None and failed > settings.max_failures:
                raise _too_many(failed, settings)
        told = ", ".join(f"{count:,} {status}" for status, count in sorted(worked.items()))
        there = counted(len(wanted) - len(left), "batch was", "batches were")
        current.outcome = ", ".join(
            [told] * bool(told) + [f"{there} there"] * (len(left) < len(wanted))
        )
    return files


def _write(
    plan: Plan,
    files: dict[str, Path],
    settings: ManySettings,
    where: tuple[Path, Publication, RunClock],
    facts: InputFacts,
) -> None:
    """Merge the batches on the local disk, then publish the run's files."""
    scratch, publication, clock = where
    folder = scratch / "merged"
    folder.mkdir()
    with stage("write") as current:
        with translated(folder):
            merged = merge(plan, files, folder)
        totals, asked = merged.totals, parameters(settings, plan, facts)
        _demand(totals, settings)
        found: dict[str, bytes | Path] = {path.name: path for path in sorted(folder.iterdir())}
        found["metric.json"] = write_metric(totals, settings, plan, facts)
        notes = (*plan.notes, *processor_notes())
        work = None if settings.keys is None else _work(plan, files)
        found[REPORT] = write_many_page(page_of(merged, plan, notes, asked))
        found[RECORD] = write_record(settings.place.run_id, clock, notes, found, facts, work=work)
        publication.publish(found)
        current.outcome = str(settings.place.output)
    show_notes(totals.told_failures(_TOLD_FAILURES))
    _tell_tracking(totals, settings, clock, asked)
    show_result([*result_rows(totals, settings, list(found))])


def _tell_tracking(
    totals: Totals, settings: ManySettings, clock: RunClock, asked: dict[str, Any]
) -> None:
    """Tell MLflow of the run as one, where the environment names one; note what went wrong."""
    tracking = read_tracking(read_environment())
    if tracking is None:
        return
    with held_back():
        from trainer.tracking.track import (  # noqa: PLC0415 - seldom needed
            NotTrackedError,
            Told,
            as_texts,
            figures,
            tell,
        )

    numbers = {n: v for n, v in totals.figures().items() if isinstance(v, (int, float))}
    told = Told(
        place=settings.place,
        experiment=_EXPERIMENT,
        verdict=totals.verdict(),
        parameters=as_texts(asked),
        metrics=tuple(figures("", **numbers, cpu_seconds=totals.cpu_seconds)),
        files=_TRACKED,
    )
    with stage("track") as current:
        try:
            current.outcome = tell(tracking, told, started_s=clock.started_s)
        except NotTrackedError as failure:
            current.outcome = "failed; the run itself is complete"
            show_notes((f"logging to MLflow was incomplete: {failure}",))


def _work(plan: Plan, files: dict[str, Path]) -> dict[str, int | str]:
    """Return how many series there are, and how many were done twice by several nodes.

    What a node had of a batch when it was lost is in no file, and is not counted.
    """
    again = count_again(next(iter(files.values())).parent, list(files)) if files else {}
    sizes = {batch.name: batch.end - batch.start for batch in plan.batches}
    twice = sum(sizes[name] * count for name, count in again.items())
    return {"unit": "series", "total": sum(sizes.values()), "twice": twice}


def _demand(totals: Totals, settings: ManySettings) -> None:
    most = totals.series - 1 if settings.max_failures is None else settings.max_failures
    if totals.failed > most:
        raise _too_many(totals.failed, settings, totals)


def _too_many(
    failed: int, settings: ManySettings, totals: Totals | None = None
) -> TooManyFailuresError:
    first = [] if totals is None else totals.told_failures(_TOLD_FAILURES)
    told = "".join(f"\n{line}" for line in first)
    most = settings.max_failures
    return TooManyFailuresError(
        f"{failed} series failed, "
        + ("which are all" if most is None else f"more than --max_failures {most}")
        + told,
        remedy="correct the rows of these series, or allow more with --max_failures",
    )


def _described(table: LongTable, plan: Plan) -> str:
    rows = int(table.counts.sum())
    batches = counted(len(plan.batches), "batch", "batches")
    return f"{table.source}: {len(table):,} series, {rows:,} rows, {batches}"


def _is_ours(batch: Batch, shard: tuple[int, int] | None) -> bool:
    return shard is None or batch.place % shard[1] == shard[0]


def cores() -> int:
    """Return the cores that this process may use, by its affinity and its container's limit."""
    with held_back():
        from joblib import cpu_count  # noqa: PLC0415 - takes a while to load

    return int(cpu_count())


@contextmanager
def machine_translated(settings: ManySettings) -> Iterator[None]:
    """Raise MemoryExhaustedError or DiskFullError where this machine lacks room for the table."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in FULL:
            raise
        raise DiskFullError(
            f"the disk of {tempfile.gettempdir()} has no room for the series of "
            f"{printable(str(settings.input))}",
            remedy="give it more room, or name another folder in the variable TMPDIR",
        ) from exc
    except MemoryError as exc:
        raise MemoryExhaustedError(
            f"not enough memory for the series of {printable(str(settings.input))}",
            remedy="give the run more memory, or fewer --processes",
        ) from exc
