from collections.abc import Iterator
from datetime import timedelta

import pytest

from drydock.blob_store import BlobStoreError
from drydock.engine import EngineError
from drydock.job_log import JobLog
from tests.unit.drydock.machine_fakes import LOG, FakeClock, MemoryStore

KEY = (LOG.container, LOG.path)


def make_log(store: MemoryStore, *pieces: bytes, clock: FakeClock | None = None) -> JobLog:
    log = JobLog(store, LOG, lambda: iter(pieces), (clock or FakeClock()).now)
    log._thread.join()
    return log


def test_the_log_is_there_before_the_job_says_anything() -> None:
    store = MemoryStore()
    make_log(store)
    assert store.content == {KEY: b""}


def test_only_whole_lines_are_passed_on_while_the_job_runs() -> None:
    store = MemoryStore()
    log = make_log(store, b"one\ntwo\nthr", b"ee")
    log.pass_on()
    assert store.content[KEY] == b"one\ntwo\n"
    log.finish(1)
    assert store.content[KEY] == b"one\ntwo\nthree"


def test_a_line_without_end_is_passed_on_once_it_is_long() -> None:
    store = MemoryStore()
    make_log(store, b"x" * 70_000).pass_on()
    assert len(store.content[KEY]) == 70_000


def test_it_is_not_written_at_each_call() -> None:
    store, clock = MemoryStore(), FakeClock()
    log = make_log(store, b"one\n", clock=clock)
    log.pass_on()
    log._came_in += b"two\n"
    log.pass_on()
    assert store.appended == [b"one\n"]
    clock.time += timedelta(seconds=1)
    log.pass_on()
    assert store.appended == [b"one\n", b"two\n"]


def test_a_long_output_goes_in_pieces_that_the_service_takes() -> None:
    store = MemoryStore()
    line = b"y" * 1023 + b"\n"
    make_log(store, line * 9000).finish(1)
    assert store.content[KEY] == line * 9000
    assert max(len(piece) for piece in store.appended) <= 4 * 1024**2


def test_what_the_blob_holds_already_is_not_written_again() -> None:
    store = MemoryStore({KEY: b"one\n"})
    make_log(store, b"on", b"e\ntw", b"o\n").finish(1)
    assert store.content[KEY] == b"one\ntwo\n"


def test_a_connection_that_breaks_loses_and_doubles_nothing() -> None:
    store = MemoryStore()
    tries = []

    def follow() -> Iterator[bytes]:
        tries.append(1)
        yield b"one\nt"
        if len(tries) < 3:
            raise EngineError("broken pipe")
        yield b"wo\n"

    JobLog(store, LOG, follow, FakeClock().now).finish(5)
    assert len(tries) == 3
    assert store.content[KEY] == b"one\ntwo\n"


@pytest.mark.parametrize("has_arrived", [True, False])
def test_a_store_that_does_not_answer_is_asked_again(*, has_arrived: bool) -> None:
    store, clock = MemoryStore(failures=[has_arrived]), FakeClock()
    log = make_log(store, b"one\n", clock=clock)
    log.pass_on()
    clock.time += timedelta(seconds=1)
    log.pass_on()
    assert store.content[KEY] == b"one\n"


def test_at_the_end_a_store_that_does_not_answer_is_told() -> None:
    with pytest.raises(BlobStoreError):
        make_log(MemoryStore(failures=[False]), b"one\n").finish(1)
