from decimal import Decimal, localcontext
from math import factorial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.regressors import waves
from trainer.regressors.waves import sine_and_cosine

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def _true(step: int, period: float) -> tuple[Decimal, Decimal]:
    """Return sine and cosine to 30 digits, by their series."""
    turns = Decimal(step) / Decimal(period) % 1
    angle = 2 * PI * (turns - 1 if turns > Decimal("0.5") else turns)
    power, sine, cosine = Decimal(1), Decimal(0), Decimal(0)
    for place in range(40):
        term = power / factorial(place) * (-1) ** (place // 2)
        sine, cosine = (sine + term, cosine) if place % 2 else (sine, cosine + term)
        power *= angle
    return sine, cosine


@settings(max_examples=300, deadline=None)
@given(
    step=st.integers(-10, 10**7),
    period=st.one_of(st.sampled_from([7.0, 12.0, 30.4375, 365.25]), st.floats(2, 1e5)),
)
def test_waves_are_within_2e_16_of_the_true_ones(step: int, period: float) -> None:
    with localcontext(prec=50):
        for found, true in zip(sine_and_cosine(step, period), _true(step, period), strict=True):
            assert abs(Decimal(found) - true) <= Decimal("2e-16")


@pytest.mark.parametrize("period", [4.0, 8.0, 365.25, 7.0])
def test_whole_turns_and_quarters_are_exact(period: float) -> None:
    assert sine_and_cosine(0, period) == (0, 1)
    assert sine_and_cosine(int(period * 4), period) == (0, 1)
    assert sine_and_cosine(int(period * 4), period * 8) == (0, -1)
    assert sine_and_cosine(int(period * 4), period * 16) == (1, 0)


def test_a_step_one_period_later_has_the_same_bits() -> None:
    for step in range(50):
        assert sine_and_cosine(step, 365.25) == sine_and_cosine(step + 1461, 365.25)


def test_factors_are_the_nearest_doubles_of_the_series() -> None:
    with localcontext(prec=60):
        half = PI / 2
        assert float(half) == waves._QUARTER
        assert float(half - Decimal(waves._QUARTER)) == waves._QUARTER_REST
        odd = [half**n / factorial(n) * (-1) ** (n // 2) for n in range(3, 18, 2)]
        even = [half**n / factorial(n) * (-1) ** (n // 2) for n in range(2, 19, 2)]
        assert tuple(map(float, odd)) == waves.SINE
        assert tuple(map(float, even)) == waves.COSINE
