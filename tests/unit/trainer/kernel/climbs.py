"""A program: fit, forecast and transform, and print the sha256 of every bit of the results.

The series are sums of whole numbers, because numpy's own exp and log differ between processors.
"""

import hashlib
import sys

import numpy as np

from trainer.fit.order import Floats, Order, difference
from trainer.kernel.library import Arma, Levels, box_cox, box_cox_back
from trainer.members import ces
from trainer.members.kinds import KINDS, fit, refit, run
from trainer.members.member import Member

ORDERS = (
    Order(p=1, d=1, q=1),
    Order(p=2, d=0, q=2, has_constant=True),
    Order(p=0, d=1, q=1, seasonal_d=1, seasonal_q=1, season=7),
    Order(p=1, d=0, q=0, seasonal_p=2, seasonal_q=1, season=12, has_constant=True),
    Order(p=5, d=0, q=3),
    Order(p=1, d=0, q=1, seasonal_p=1, season=52),
)


def main() -> None:
    """Print the digest."""
    digest = hashlib.sha256()
    for number, order in enumerate(ORDERS):
        for result in _results(order, number):
            digest.update(np.ascontiguousarray(result, dtype=np.float64).tobytes())
    for result in _members():
        digest.update(np.ascontiguousarray(result, dtype=np.float64).tobytes())
    sys.stdout.write(f"{digest.hexdigest()}\n")


def _results(order: Order, seed: int) -> list[Floats | float]:
    generator = np.random.default_rng(seed)
    levels = generator.integers(-512, 512, size=110).cumsum() / 64
    columns = np.ones((1, 110)) if order.has_constant else np.zeros((0, 0))
    plain = difference(levels, order)
    arma = Arma(plain, order, columns)
    start = arma.start()
    top = arma.climb(start, tolerance=1e-9)
    found: list[Floats | float] = [start, top.point, top.slope, top.beta]
    found += [top.log_likelihood, top.variance, float(top.evaluations)]
    found += [arma.innovations(top.point), Arma(plain, order).forecast(top.point, 20)]
    levels[30:35] = np.nan
    again = Levels(levels, order, columns).climb(top.point, tolerance=1e-3, most=4)
    means, spreads, _ = Levels(levels, order).forecast(again.point, 20)
    found += [again.point, again.log_likelihood, means, spreads]
    positive = np.abs(plain) + 1
    for power in (-0.5, 0.0, 0.33):
        found += [box_cox(positive, power), box_cox_back(box_cox(positive, power), power)]
    return found


def _members() -> list[Floats]:
    """Return the numbers and forecasts of each kind, of seasons that are states and of one more."""
    generator = np.random.default_rng(9)
    found = []
    for season, rows in ((1, 40), (4, 60), (12, 100), (30, 100)):
        pattern = generator.integers(0, 512, size=season)
        noise = generator.integers(-64, 64, size=rows).cumsum()
        values = (2048 + np.resize(pattern, rows) + noise) / 64
        values[7] = np.nan
        demand = values * (generator.integers(0, 3, size=rows) == 0)
        for kind in KINDS:
            series = demand if kind in ("croston", "sba", "tsb", "imapa") else values
            seasonal = ("cycles", "seasonal_naive", "long_seasonal_naive", "seasonal_mean")
            if season > 1 or kind not in seasonal:
                member = fit(kind, series, season)
                found += _of(member, series) + _of(refit(member, series[:-5]), series)
        if season > 1:
            found += _of(fit("cycles", values, season, (season + 7,)), values)
        for form in ("simple", "partial", "full") if season > 1 else ():
            found += _of(ces.fit_form(form, values, season), values)
    return found


def _of(member: Member, values: Floats) -> list[Floats]:
    ahead = run(member, values, 20)
    likelihood = np.array([member.log_likelihood or 0.0, member.variance])
    numbers = np.array(member.numbers)
    return [numbers, likelihood, ahead.fitted, ahead.mean, ahead.standard_error]


if __name__ == "__main__":
    main()
