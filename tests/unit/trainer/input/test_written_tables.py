"""A table is read as it was meant, or refused; told everything, it is read."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainer.input.written_tables import outcome, write_table
from tests.unit.trainer.read_tables import loaded
from trainer.errors import TrainerError

SEEDS = 200


@pytest.mark.slow
def test_tables_in_random_dialects_are_read_as_they_were_meant_or_refused() -> None:
    untold, told = Counter[str](), Counter[str]()
    for seed in range(SEEDS):
        written = write_table(seed)
        found = outcome(written, is_told=False), outcome(written, is_told=True)
        assert found[0] != "other", f"seed {seed}"
        assert found[1] == "equal", f"seed {seed}"
        untold[found[0]] += 1
        told[found[1]] += 1
    assert told["equal"] == SEEDS
    assert untold["equal"] > SEEDS // 2


def refused(content: bytes) -> TrainerError | None:
    try:
        loaded(content)
    except TrainerError as exc:
        return exc
    return None


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(alphabet='2024-01,;\t|" \n\r.é年#', max_size=200).map(str.encode),
        st.tuples(st.integers(0, 500), st.integers(0, 400), st.binary(max_size=3)).map(
            lambda cut: write_table(cut[0]).content[: cut[1]] + cut[2]
        ),
    )
)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    refusal = refused(content)
    assert refusal is None or (refusal.remedy and refusal.what.startswith("data.csv"))
