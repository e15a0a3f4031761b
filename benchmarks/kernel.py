"""How exact and how fast the kernel is, beside statsmodels and beside numbers with more digits.

    .venv/bin/python -m benchmarks.kernel [--models 5000]

Prints one line for each comparison: how many models, the largest errors, seconds. Exit code 1 where
an error is larger than the project promises. The models are those of the tests, drawn from fixed
seeds.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from tests.unit.trainer.kernel import dense
from tests.unit.trainer.kernel.drawn import Case, cases, numbers, sarimax
from trainer.fit.order import Floats, Order, difference
from trainer.kernel.library import Arma, Levels

NONE = np.zeros((0, 0))
SPREADS = (1.0, 3.0, 10.0, 30.0)
LONGEST_OF_THEIRS = 24  # a season of 365 takes them seconds
TIMED = (
    (Order(p=1, d=0, q=1), 200),
    (Order(p=2, d=0, q=2, seasonal_p=1, seasonal_q=1, season=7), 200),
    (Order(p=2, d=0, q=2, seasonal_p=1, seasonal_q=1, season=7), 760),
    (Order(p=1, d=0, q=1, seasonal_p=1, seasonal_q=1, season=24), 500),
    (Order(p=1, d=0, q=1, seasonal_p=1, season=365), 760),
)


def main() -> None:
    """Print the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=5000)
    count = parser.parse_args().models
    warnings.simplefilter("ignore")
    kept = [
        likelihoods(count),
        gradients(count // 10),
        gaps(count // 10),
        *(near_unit_roots(spread, count // 20) for spread in SPREADS),
    ]
    for order, rows in TIMED:
        speed(order, rows)
    sys.exit(0 if all(kept) else 1)


def likelihoods(count: int) -> bool:
    """Compare log-likelihoods with statsmodels; the largest relative error."""
    began, largest = time.monotonic(), 0.0
    for case in cases(count):
        top = case.top
        model = sarimax(case.series, case.order, case.columns, simple_differencing=True)
        theirs = model.loglike(numbers(case.order, case.point, top.beta, top.variance))
        largest = max(largest, _relative(top.log_likelihood, theirs))
    row("log-likelihood, statsmodels", count, f"{largest:.1e} (1e-6)", began)
    return largest <= 1e-6  # noqa: PLR2004 - the promise


def gradients(count: int) -> bool:
    """Compare gradients with the complex step, as a share of the steepest slope (or of 1)."""
    began, largest = time.monotonic(), 0.0
    for case in cases(count, seed=1):
        exact = dense.gradient(case.order, case.point, *_differenced(case))
        scale = max(1.0, float(np.abs(exact).max(initial=0)))
        off = np.abs(case.arma.gradient(case.point) - exact).max(initial=0)
        largest = max(largest, float(off) / scale)
    row("gradient, complex step", count, f"{largest:.1e} (1e-8)", began)
    return largest <= 1e-8  # noqa: PLR2004 - the promise


def gaps(count: int) -> bool:
    """Compare levels with gaps: value, means (in standard errors) and variances (relative)."""
    began, largest, compared = time.monotonic(), [0.0, 0.0, 0.0], 0
    for series, case in _with_gaps(count):
        order, point = case.order, case.point
        top = Levels(series, order).climb(point, tolerance=np.inf)
        if top.log_likelihood == -np.inf:
            continue
        model = sarimax(series, order, NONE, use_exact_diffuse=True)
        theirs = model.filter(numbers(order, point, np.zeros(0), top.variance))
        height = theirs.llf_obs.sum() + order.lost * np.log(2 * np.pi) / 2
        ahead = theirs.get_forecast(14)
        means, spreads, value = Levels(series, order).forecast(point, 14)
        off = np.abs(means - ahead.predicted_mean) / np.sqrt(ahead.var_pred_mean)
        wide = np.abs(spreads * top.variance / ahead.var_pred_mean - 1)
        errors = (_relative(value, height), float(off.max()), float(wide.max()))
        largest = [max(pair) for pair in zip(largest, errors, strict=True)]
        compared += 1
    told = ", ".join(f"{error:.1e}" for error in largest)
    row("gaps: value, means, variances", compared, f"{told} (1e-8)", began)
    return max(largest) <= 1e-8  # noqa: PLR2004 - the promise


def near_unit_roots(spread: float, count: int) -> bool:
    """Tell how likelihoods lose digits as free numbers grow, by numbers with 19 digits.

    Models for which those are too few, or which the kernel refuses, are left out of the count.
    """
    began, errors = time.monotonic(), []
    for case in cases(count, seed=2, spread=spread):
        case.point.clip(-50, 50, out=case.point)
        exact = float(
            dense.value(case.order, case.point.astype(np.longdouble), *_differenced(case))
        )
        errors.append(abs(case.arma.value(case.point) - exact))
    known = [error for error in errors if np.isfinite(error)]
    median, high, largest = np.quantile(known, [0.5, 0.99, 1])
    told = f"{median:.1e} median, {high:.1e} of 99 %, {largest:.1e} largest"
    row(f"free numbers about {spread:g}", len(known), told, began)
    return True


def speed(order: Order, rows: int) -> None:
    """Time a value and a gradient beside statsmodels' likelihood; CPU microseconds."""
    series = np.random.default_rng(0).normal(size=rows)
    point = np.full(order.lags, 0.3)
    arma = Arma(series, order)
    value, slope = _timed(lambda: arma.value(point)), _timed(lambda: arma.gradient(point))
    told = f"{order!s:<20} {rows:>5} rows: value {value:>7.1f}, with gradient {slope:>7.1f} us"
    if order.season <= LONGEST_OF_THEIRS:
        model, parameters = sarimax(series, order, NONE), numbers(order, point, np.zeros(0), 1.0)
        theirs = _timed(lambda: model.loglike(parameters))
        told += f", statsmodels {theirs:>8.1f} us, {theirs / value:>5.0f} times"
    print(told)


def row(what: str, count: int, told: str, began: float) -> None:
    """Print one comparison."""
    print(
        f"{what:<32} {count:>5} models  {told:<56} {time.monotonic() - began:>6.1f} s", flush=True
    )


def _differenced(case: Case) -> tuple[Floats, Floats]:
    series = difference(case.series, case.order)
    columns = difference(case.columns, case.order) if len(case.columns) else NONE
    return series, columns if len(columns) else np.zeros((0, len(series)))


def _with_gaps(count: int) -> Iterator[tuple[Floats, Case]]:
    generator = np.random.default_rng(3)
    for number, case in enumerate(cases(count, seed=3)):
        series = case.series.copy()
        if number % 4 == 0:
            series[generator.random(len(series)) < 0.3] = np.nan  # noqa: PLR2004 - a share
        elif number % 4 == 1:
            series[len(series) // 2 :][:12] = np.nan
        elif number % 4 == 2:  # noqa: PLR2004 - a kind
            series[1:10] = np.nan
        yield series, case


def _relative(found: float, exact: float) -> float:
    return abs(found - exact) / max(1.0, abs(exact))


def _timed(call: Callable[[], object]) -> float:
    """Return CPU microseconds of one call: the best of five rounds."""
    best = np.inf
    for _ in range(5):
        began, calls = time.process_time(), 0
        while time.process_time() - began < 0.03:  # noqa: PLR2004 - seconds
            call()
            calls += 1
        best = min(best, (time.process_time() - began) / calls)
    return float(best) * 1e6


if __name__ == "__main__":
    main()
