"""Who works the batches: this process, or several. Both yield the same files, in any order.

Another way to run them has the same form: batches in, one `Done` for each out.
"""

import gc
import importlib
import multiprocessing
import signal
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import IO, Any

from trainer.errors import MemoryExhaustedError
from trainer.interruption import held_back
from trainer.many.batch_file import record, records, whole_length, write_batch
from trainer.many.plan import Batch, Plan
from trainer.many.series import Given, Rules, forecast_one

_DEATHS = 2  # a series that ends so many processes crashed; a first one may be another's fault
_MOST_STARTS = 100  # processes that end before they take a batch
# What the search loads when it first needs it: before there are several processes, so once.
_LIBRARIES = ("statsmodels.tsa.seasonal", "statsmodels.tsa.stattools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A batch that is done: its file, and how many series have each status."""

    batch: Batch
    path: Path
    statuses: Counter[str]


Runner = Callable[[Sequence[Batch], Plan, Path], Iterator[Done]]


def run_here(batches: Sequence[Batch], plan: Plan, folder: Path) -> Iterator[Done]:
    """Work batches in this process, one after another."""
    for batch in batches:
        with tempfile.TemporaryFile() as scratch:
            statuses = work_batch(plan.given(batch), plan.rules, scratch)
            path = write_batch(folder, batch.name, scratch)
        yield Done(batch=batch, path=path, statuses=statuses)


def run_in_processes(
    batches: Sequence[Batch], plan: Plan, folder: Path, *, processes: int
) -> Iterator[Done]:
    """Work batches in so many processes, the longest first. They have all libraries already.

    A process that ends loses the series that it was at, and no other.
    """
    with tempfile.TemporaryDirectory(prefix="trainer-") as scratch:
        pool = Pool(plan, folder, Path(scratch))
        try:
            yield from pool.run(batches, min(processes, len(batches)))
        finally:
            with held_back():
                pool.end()


def work_batch(
    series: Sequence[Given], rules: Rules, scratch: IO[bytes], crashed: Collection[int] = ()
) -> Counter[str]:
    """Append each result to a scratch file that may have the first ones; return all statuses."""
    scratch.seek(0)
    content = scratch.read()
    count, size = whole_length(content)
    statuses = Counter[str](result.status for result in records(content[:size]))
    scratch.seek(size)
    scratch.truncate()
    for place in range(count, len(series)):
        result = forecast_one(series[place], rules, has_crashed=place in crashed)
        scratch.write(record(result))
        scratch.flush()
        statuses[result.status] += 1
    return statuses


@dataclass(slots=True)
class _Worker:
    process: Any
    pipe: Any
    batch: Batch | None = None


class Pool:
    """Processes of this machine, each with a batch; one that ends is replaced.

    A series that ended several is marked. Where another machine may have the memory that this one
    lacks (`is_one_of_several`), those that SIGKILL ended raise MemoryExhaustedError instead.
    `beside` are all pools of this process, if it has several.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        scratch: Path,
        *,
        is_one_of_several: bool = False,
        beside: Sequence["Pool"] | None = None,
    ) -> None:
        self._is_one_of_several = is_one_of_several
        self._plan, self._folder, self._scratch = plan, folder, scratch
        self._beside = (self,) if beside is None else beside
        self._workers = list[_Worker]()
        self._deaths = Counter[tuple[str, int]]()
        self._idle_deaths = 0

    def run(self, batches: Sequence[Batch], processes: int) -> Iterator[Done]:
        """Yield each batch when it is done. The processes stay for a next call, until `end`."""
        waiting = deque(sorted(batches, key=lambda batch: (-batch.seconds, batch.place)))
        self.start(processes)
        for worker in self._workers:
            self._give(worker, waiting)
        while busy := [worker for worker in self._workers if worker.batch is not None]:
            for pipe in connection.wait([worker.pipe for worker in busy]):
                worker = next(worker for worker in self._workers if worker.pipe is pipe)
                done = self._received(worker, waiting)
                if done is not None:
                    yield done

    @property
    def pipes(self) -> list[Any]:
        """Return this process's end of the pipe to each of its processes."""
        return [worker.pipe for worker in self._workers]

    def start(self, processes: int) -> None:
        """Have so many processes. Before the first thread of this one, they cost little time."""
        while len(self._workers) < processes:
            self._start()

    def end(self) -> None:
        """End every process. None of them leaves anything that is not in the scratch folder."""
        for worker in self._workers:
            worker.pipe.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        self._workers.clear()

    def _received(self, worker: _Worker, waiting: deque[Batch]) -> Done | None:
        batch = worker.batch
        assert batch is not None  # noqa: S101 - for mypy: only those with a batch are asked
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            self._give(self._start(), deque([batch]))
            return None
        if isinstance(answer, BaseException):
            raise answer
        path, statuses = answer
        self._scratch_of(batch).unlink(missing_ok=True)
        self._give(worker, waiting)
        return Done(batch=batch, path=path, statuses=statuses)

    def _bury(self, worker: _Worker) -> None:
        """Note which series a process ended at: the first one without a record."""
        worker.pipe.close()
        worker.process.join()
        self._workers.remove(worker)
        batch = worker.batch
        assert batch is not None  # noqa: S101 - for mypy: as above
        scratch = self._scratch_of(batch)
        if not scratch.exists():
            self._idle_deaths += 1
            if self._idle_deaths > _MOST_STARTS:
                raise MemoryExhaustedError(
                    f"processes end before they work: the last with {worker.process.exitcode}",
                    remedy="give the run more memory, or fewer --processes",
                )
            return
        place, _ = whole_length(scratch.read_bytes())
        self._deaths[batch.name, place] += 1
        is_killed = worker.process.exitcode == -signal.SIGKILL
        if self._is_one_of_several and is_killed and self._deaths[batch.name, place] >= _DEATHS:
            raise MemoryExhaustedError(
                f"{_DEATHS} processes were killed at one series",
                remedy="give the node more memory, or fewer --processes",
            )

    def _give(self, worker: _Worker, waiting: deque[Batch]) -> None:
        worker.batch = waiting.popleft() if waiting else None
        if worker.batch is None:
            return
        name = worker.batch.name
        deadly = {
            place
            for (batch, place), times in self._deaths.items()
            if batch == name and times >= _DEATHS
        }
        given = self._plan.given(worker.batch)
        with suppress(OSError):  # a process that ended meanwhile: reading from it finds out
            worker.pipe.send((name, given, str(self._scratch_of(worker.batch)), deadly))

    def _start(self) -> _Worker:
        with held_back():
            context = _context()
            ours, theirs = context.Pipe()
            is_fork = context.get_start_method() == "fork"
            if is_fork:
                gc.freeze()  # the collector writes into each object, which would copy its page
            pipes = [pipe for pool in self._beside for pipe in pool.pipes]
            others = [ours, *pipes] if is_fork else []
            process = context.Process(
                target=_work,
                args=(theirs, others, self._plan.rules, str(self._folder)),
                daemon=True,
            )
            process.start()
            theirs.close()
            worker = _Worker(process=process, pipe=ours)
            self._workers.append(worker)
        return worker

    def _scratch_of(self, batch: Batch) -> Path:
        return self._scratch / batch.name


def _work(pipe: Any, others: Sequence[Any], rules: Rules, folder: str) -> None:  # noqa: ANN401 - multiprocessing's connections
    """Work what comes through the pipe, until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches all; the first process decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for other in others:  # else a pipe stays open when the first process is killed
        other.close()
    while True:
        try:
            batch, given, scratch_path, crashed = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            with open(scratch_path, "a+b") as scratch:  # noqa: PTH123 - as the type of a scratch
                statuses = work_batch(given, rules, scratch, crashed)
                path = write_batch(Path(folder), batch, scratch)
            answer: Any = path, statuses
        except OSError as exc:
            answer = exc
        with suppress(OSError):
            pipe.send(answer)


def _context() -> Any:  # noqa: ANN401 - multiprocessing has a class for each way
    """Return how processes are started: copies of this one, where no thread can be cut off.

    A copy of a process with threads may wait for a lock that nobody holds. The server that is
    copied instead loads the libraries once.
    """
    threads = Path("/proc/self/task")
    if threads.is_dir() and len(list(threads.iterdir())) == 1:
        with held_back():
            for name in _LIBRARIES:
                importlib.import_module(name)
        return multiprocessing.get_context("fork")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *_LIBRARIES])
    return context
