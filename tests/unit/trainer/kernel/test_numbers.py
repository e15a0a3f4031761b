"""exp, log and Box-Cox against the decimal module, which rounds correctly to any digit."""

import ctypes
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from trainer.kernel.library import box_cox, box_cox_back, kernel_library

LARGEST_ULPS = 1.0
SMALLEST, LARGEST = 5e-324, 1.7976931348623157e308
POWERS = (-5.0, -1.0, -0.5, -1e-3, -1e-12, 0.0, 1e-17, 1e-9, 1e-3, 0.25, 0.5, 1.0, 2.0, 5.0)


def kernel(name: str, x: float) -> float:
    function = getattr(kernel_library(), f"kernel_{name}")
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
    return float(function(x))


def ulps(found: float, exact: Decimal) -> float:
    return float(abs(Decimal(found) - exact) / Decimal(math.ulp(float(exact))))


def across_the_doubles(count: int) -> list[float]:
    """Positive numbers of every size, the smallest and the largest among them."""
    generator = np.random.default_rng(1)
    bits = generator.integers(1, 0x7FEFFFFFFFFFFFFF, size=count, dtype=np.int64)
    near_one = 1 + generator.uniform(-1, 1, size=count) * 10 ** generator.uniform(-16, -1, count)
    edges = [SMALLEST, 2.2250738585072014e-308, 1.0, math.sqrt(0.5), math.sqrt(2), LARGEST]
    return [*edges, *bits.view(np.float64).tolist(), *near_one.tolist()]


def test_log_is_within_one_unit_of_its_last_place() -> None:
    with localcontext() as context:
        context.prec = 40
        for x in across_the_doubles(400):
            exact = Decimal(x).ln()
            if exact == 0:
                assert kernel("log", x) == 0
                continue
            assert ulps(kernel("log", x), exact) <= LARGEST_ULPS, x


def test_exp_is_within_one_unit_of_its_last_place() -> None:
    generator = np.random.default_rng(2)
    near_zero = generator.uniform(-1, 1, size=300) * 10 ** generator.uniform(-20, 0, size=300)
    middle = generator.uniform(-708, 709, size=600)
    below_normal = generator.uniform(-745, -708, size=100)  # the units there are those of 5e-324
    with localcontext() as context:
        context.prec = 40
        for x in (*near_zero, *middle, *below_normal, 709.782712893384, -745.1332191019411):
            assert ulps(kernel("exp", float(x)), Decimal(float(x)).exp()) <= LARGEST_ULPS, x


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("exp", 0.0, 1.0),
        ("exp", -0.0, 1.0),
        ("exp", math.inf, math.inf),
        ("exp", 710.0, math.inf),
        ("exp", -math.inf, 0.0),
        ("exp", -746.0, 0.0),
        ("log", 0.0, -math.inf),
        ("log", -0.0, -math.inf),
        ("log", 1.0, 0.0),
        ("log", math.inf, math.inf),
    ],
)
def test_special_numbers_give_what_ieee_754_says(name: str, x: float, expected: float) -> None:
    assert kernel(name, x) == expected


@pytest.mark.parametrize(
    ("name", "x"), [("exp", math.nan), ("log", math.nan), ("log", -1.0), ("log", -math.inf)]
)
def test_what_has_no_value_is_nan(name: str, x: float) -> None:
    assert math.isnan(kernel(name, x))


@pytest.mark.parametrize("power", POWERS)
def test_box_cox_is_its_formula_and_comes_back(power: float) -> None:
    values = np.array([1e-3, 0.2, 0.999999, 1.0, 1.0000001, 3.7, 464.0, 1e6])
    transformed = box_cox(values, power)
    with localcontext() as context:
        context.prec = 60
        for value, found in zip(values.tolist(), transformed.tolist(), strict=True):
            exact = Decimal(value).ln()
            if power:
                exact = ((Decimal(power) * exact).exp() - 1) / Decimal(power)
            assert found == pytest.approx(float(exact), rel=4e-15, abs=1e-300)
    # A unit of the transform's last place, seen from the other side, is this much of the value.
    grain = np.spacing(np.abs(transformed)) * values ** (1 - power)
    told = grain < 1e-3 * values  # 1e6 to the power of -5 says nothing of 1e6 any more
    back = box_cox_back(transformed, power)
    assert (np.abs(back - values)[told] <= (4 * grain + 1e-13 * values)[told]).all()
    assert told.sum() >= 6


def test_box_cox_keeps_gaps_and_the_range_ends() -> None:
    for power in (-0.5, 0.0, 1e-9, 0.5):
        gap = np.array([1.0, np.nan])
        assert np.isnan(box_cox(gap, power)).tolist() == [False, True]
        assert np.isnan(box_cox_back(gap, power)).tolist() == [False, True]
    assert box_cox_back(np.array([-2.0, -3.0]), 0.5).tolist() == [0.0, 0.0]
    assert box_cox_back(np.array([2.0, 3.0]), -0.5).tolist() == [math.inf, math.inf]
    assert np.isnan(box_cox(np.array([-1.0]), 0.5)).all()


def test_box_cox_back_rises() -> None:
    at = np.linspace(-3, 3, 2001)
    for power in POWERS:
        assert (np.diff(box_cox_back(at, power)[at * power > -0.9]) > 0).all(), power
