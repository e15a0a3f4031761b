"""Where many series keep their batches, and where the nodes of a cluster find their key."""

from pathlib import Path

import pytest

from trainer.many.options import complete, parse_arguments
from trainer.settings import RunPlace


@pytest.mark.parametrize(
    ("given", "batches", "keys"),
    [
        ((), None, None),
        (("--cluster",), "out/.cluster/batches", "out/.cluster"),
        (("--cluster", "k"), "out/.cluster/batches", "k"),
        (("--cluster", "--batches", "b"), "b", "b/.cluster"),  # none of it is in the results
        (("--cluster", "k", "--batches", "b"), "b", "k"),
    ],
)
def test_the_nodes_find_their_key_beside_the_batches(
    given: tuple[str, ...], batches: str | None, keys: str | None
) -> None:
    place = RunPlace(run_id="run", output=Path("out"))
    raw = parse_arguments(["--input", "x.csv", *given])
    found = complete(raw, place)
    assert found.batches == (None if batches is None else Path(batches))
    assert found.keys == (None if keys is None else Path(keys))
    assert found.keeps_batches == ("--batches" in given)
