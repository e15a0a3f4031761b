from fractions import Fraction
from math import fsum

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.prepare.options import parse_options
from trainer.prepare.reading import Rows
from trainer.prepare.totals import Totals, as_fraction, exact_sums

values = st.floats(min_value=-1e30, max_value=1e30)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), values), min_size=1, max_size=60))
def test_exact_sums_are_exact(pairs: list[tuple[int, float]]) -> None:
    places, numbers = zip(*pairs, strict=True)
    sums = dict(exact_sums(np.array(places), np.array(numbers), 4))
    for place in range(4):
        expected = sum((Fraction(x) for p, x in pairs if p == place), Fraction(0))
        assert as_fraction(sums.get(place, 0)) == expected
        assert float(expected) == fsum(x for p, x in pairs if p == place)


@settings(deadline=None)
@given(st.lists(values, min_size=1, max_size=60), st.integers(1, 59))
def test_plain_sums_are_those_of_one_loop_however_the_lines_come(
    numbers: list[float], cut: int
) -> None:
    totals = Totals(parse_options(["x"]))
    for part in (numbers[:cut], numbers[cut:]):
        if part:
            totals.add(_rows(part), ())
    expected = 0.0
    for number in numbers:
        expected += number
    assert totals.days[7].amount == expected
    assert totals.days[7].lines == totals.lines == len(numbers)


def _rows(amounts: list[float]) -> Rows:
    return Rows(
        days=np.full(len(amounts), 7),
        quantities=np.array(amounts),
        amounts=np.array(amounts),
        types=None,
        is_wanted_product=None,
    )
