"""A program: climb, forecast and transform, and print the sha256 of every bit of the results.

The series are sums of whole numbers, because numpy's own exp and log differ between processors.
"""

import hashlib
import sys

import numpy as np

from trainer.fit.order import Floats, Order, difference
from trainer.kernel.library import Arma, Levels, box_cox, box_cox_back

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


if __name__ == "__main__":
    main()
