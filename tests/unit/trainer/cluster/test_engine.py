"""A node that has no disk or memory for a batch is sent away, and another one does it."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from distributed import get_worker

from tests.samples import PATIENCE_S
from trainer.cluster import engine
from trainer.cluster.engine import Progress, Team, UnfitNodeError, hand_out, scheduler, work_for
from trainer.cluster.invitation import make_invitation

pytestmark = [pytest.mark.process, pytest.mark.slow]

NAMES = [f"batch-{number}" for number in range(12)]
UNFIT = set[str]()


def work(name: str) -> str:
    """Fail on an unfit node; the first to be asked is one, as long as the set has room for it."""
    address = get_worker().address
    if address in UNFIT or "all" in UNFIT:
        raise UnfitNodeError(address, "the disk is full")
    return name


@dataclass
class Heard:
    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)

    def done(self, answer: str) -> None:
        self.answers.append(answer)

    def failed(self, name: str, why: BaseException) -> None:
        assert isinstance(why, (UnfitNodeError, OSError))
        self.failures.append(name)

    def gave_back(self, why: str) -> None:
        self.back.append(why)

    def look(self, progress: Progress) -> None:
        """Take part in nothing."""


async def spread(folder: Path, *, all_unfit: bool) -> tuple[Heard, int]:
    """Let three workers do all names, one or all of them unfit; return how many are left."""
    UNFIT.clear()
    heard = Heard()
    team = Team(invitation=make_invitation(port=0, batches=folder), plan="plan-1", host="127.0.0.1")
    async with asyncio.timeout(PATIENCE_S), scheduler(team) as serving:

        async def node(number: int) -> None:  # one that comes back, as after a pause
            while not over.is_set():
                place = folder / str(number)
                await work_for(serving.address, team, processes=1, folder=place)
                if not all_unfit:
                    return

        over = asyncio.Event()
        nodes = [asyncio.create_task(node(number)) for number in range(3)]
        while len(serving.workers) < len(nodes):  # noqa: ASYNC110 - Dask has no event for it
            await asyncio.sleep(0.05)
        UNFIT.update(["all"] if all_unfit else list(serving.workers)[:1])
        await hand_out(serving, team, work, NAMES, heard)
        left = len(serving.workers)
        over.set()
    await asyncio.gather(*nodes)
    return heard, left


def test_a_node_without_disk_is_sent_away_and_the_others_do_its_batches(tmp_path: Path) -> None:
    heard, left = asyncio.run(spread(tmp_path, all_unfit=False))
    assert sorted(heard.answers) == sorted(NAMES)
    assert not heard.failures
    assert left == 2
    assert set(heard.back) == {"the disk is full"}


def test_a_node_with_another_key_is_not_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PATIENCE_S", 3)
    ours, other = (
        Team(invitation=make_invitation(port=0, batches=tmp_path), plan="plan-1", host="127.0.0.1")
        for _ in range(2)
    )

    async def knock() -> tuple[list[bool], list[str]]:
        async with asyncio.timeout(PATIENCE_S), scheduler(ours) as serving:
            places = {"plain": serving.address.replace("tls://", "tcp://"), "tls": serving.address}
            let_in = [
                await work_for(place, other, processes=1, folder=tmp_path / kind)
                for kind, place in places.items()
            ]
            return let_in, list(serving.workers)

    assert asyncio.run(knock()) == ([False, False], [])


def test_where_every_node_is_unfit_node_0_is_left_with_the_work(tmp_path: Path) -> None:
    heard, _ = asyncio.run(spread(tmp_path, all_unfit=True))
    assert not heard.answers
    assert len(set(heard.failures)) < len(NAMES)  # it did not try them one by one to the last


class Lost:
    """A future of Dask that is done, and whose answer was on a node that is gone."""

    status = "finished"

    async def result(self) -> str:
        raise OSError("the node is gone")

    def release(self) -> None:
        """Take no part."""


@pytest.mark.parametrize(("tries", "waiting"), [(1, ["a"]), (3, [])])
def test_an_answer_that_is_lost_with_its_node_is_asked_for_again(
    tmp_path: Path, tries: int, waiting: list[str]
) -> None:
    heard = Heard()
    team = Team(invitation=make_invitation(port=0, batches=tmp_path), plan="plan-1", host="-")
    handing = engine._Handing(cast("Any", None), team, None, heard)
    handing._tries["a"] = tries
    asyncio.run(handing._take("a", Lost()))
    assert (list(handing._waiting), heard.answers) == (waiting, [])
    assert heard.failures == (["a"] if not waiting else [])
