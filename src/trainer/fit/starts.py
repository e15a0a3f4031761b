"""Points from which the likelihood of a given order is climbed: the same ones every time."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from trainer.fit.fitting import Fitted, Likelihood, fit
from trainer.fit.order import Floats, Order

_SEED = 20_131_231
_LEAST, _MOST = 8, 200  # starts to climb from
_AFFORDABLE = 1e6  # rows x states x starts: about half a second
_LOOKED_AT = 8  # random points for one that is climbed from
_TURNS = 3
_CLIMBED_ON = 3
_SAME = 1e-3
_TOLD = 20
_FREQUENCIES = 12
_ROUGH, _FINE = 1e-3, 1e-10


def fit_from_many(likelihood: Likelihood, *, warm: Floats | None = None) -> Fitted:
    """Return the best top of many climbs; `warm` is the point of a model of a part of the series.

    Every start is climbed roughly; around the best tops more starts are drawn; the best few are
    climbed to the end, for in such a likelihood the last steps take most of the work. The starts
    that led highest are told.
    """
    effort = _effort(likelihood)
    rough = [
        fit(likelihood, [start], tolerance=_ROUGH)
        for start in starting_points(likelihood, warm).items()
    ]
    generator = np.random.default_rng(_SEED)
    for turn in range(_TURNS if likelihood.order.lags > 1 else 0):
        for place, base in enumerate(_distinct(rough)):
            for number in range(max(1, effort // (_TURNS * _CLIMBED_ON))):
                point = _perturbed(base.point, generator)
                name = f"near_{place + 1}_{turn * effort + number + 1}"
                rough.append(fit(likelihood, [(name, point)], tolerance=_ROUGH))
    best = [(found.starts[0].name, found.point) for found in _distinct(rough)]
    found = fit(likelihood, best, tolerance=_FINE)
    climbed = {start.name: start for start in found.starts}
    starts = [climbed.get(r.starts[0].name, r.starts[0]) for r in rough]
    told = sorted(starts, key=lambda s: -(s.log_likelihood or -np.inf))[:_TOLD]
    return replace(found, starts=tuple(told))


def starting_points(likelihood: Likelihood, warm: Floats | None) -> dict[str, Floats]:
    """Return named points: a regression's, white noise, corners, cycles, and random ones.

    Looking at a point is cheap and climbing from it is not: of many the most likely are kept.
    """
    order = likelihood.order
    points = {"white_noise": np.zeros(order.lags)}
    if not order.lags:
        return points
    if warm is not None:
        points["warm"] = warm
    points["hannan_rissanen"] = likelihood.start()
    points.update(_corners(order))
    effort = _effort(likelihood)
    drawn = dict(_drawn(order, effort * _LOOKED_AT if order.lags > 1 else 0))
    candidates = {**dict(_oscillating(order)), **drawn}
    heights = {name: likelihood.quick.value(point) for name, point in candidates.items()}
    best = sorted(heights, key=lambda name: -heights[name])[: effort // 2]
    # The most likely crowd on the same slopes: as many are taken as they come.
    points.update({name: candidates[name] for name in (*best, *list(drawn)[: effort // 2])})
    return points


def likely_cycles(likelihood: Likelihood, count: int) -> list[tuple[str, Floats]]:
    """Return the most likely of the cycles that two lags of both kinds can make."""
    if likelihood.order.p < 2 or likelihood.order.q < 2:  # noqa: PLR2004 - see above
        return []
    found = dict(_oscillating(likelihood.order))
    best = sorted(found, key=lambda name: -likelihood.quick.value(found[name]))
    return [(name, found[name]) for name in best[:count]]


def _effort(likelihood: Likelihood) -> int:
    """Return how many starts to climb from: fewer where a likelihood costs more."""
    order = likelihood.order
    states = 1 + max(order.p, order.q) + order.season * max(order.seasonal_p, order.seasonal_q)
    work = likelihood.prepared.rows * states * (1 + len(likelihood.prepared.columns))
    if likelihood.has_gaps:
        work *= 10
    return max(_LEAST, min(_MOST, int(_AFFORDABLE / work)))


def _distinct(rough: list[Fitted]) -> list[Fitted]:
    """Return the best tops that are not the same one."""
    found: list[Fitted] = []
    for other in sorted(rough, key=lambda f: -f.log_likelihood):
        if all(f.log_likelihood - other.log_likelihood > _SAME for f in found[-1:]):
            found.append(other)
        if len(found) == _CLIMBED_ON:
            break
    return found


def _perturbed(point: Floats, generator: np.random.Generator) -> Floats:
    """Return a point near another: some numbers moved, or some drawn anew."""
    moved = np.clip(point, -3, 3) + generator.normal(scale=0.7, size=len(point))
    anew = _anew(generator, len(point))
    return np.where(generator.random(len(point)) < 0.3, anew, moved)  # noqa: PLR2004 - a third


def _anew(generator: np.random.Generator, count: int) -> Floats:
    """Return random numbers, one in ten of them near the unit circle: there narrow tops lie."""
    numbers = generator.normal(scale=1.5, size=count)
    return np.where(generator.random(count) < 0.1, 20 * numbers, numbers)  # noqa: PLR2004 - a tenth


def _drawn(order: Order, count: int) -> Iterator[tuple[str, Floats]]:
    generator = np.random.default_rng(_SEED)
    for number in range(1, count + 1):
        yield f"random_{number}", _anew(generator, order.lags)


def _oscillating(order: Order) -> Iterator[tuple[str, Floats]]:
    """Yield cycles of many lengths, which the moving average all but cancels.

    Such tops are narrow: a weekly cycle in 2,0,2 is one, and no ordinary start finds it. A cycle
    with damping r and frequency f has the partial autocorrelations 2 r cos(f) / (1 + r^2), -r^2.
    """
    if order.p < 2:  # noqa: PLR2004 - a cycle takes two lags
        return
    for step in range(1, _FREQUENCIES):
        cosine = np.cos(np.pi * step / _FREQUENCIES)
        for radius, damping in ((0.95, 0.9), (0.8, 0.0)):
            partial = np.zeros(order.lags)
            partial[:2] = 2 * radius * cosine / (1 + radius**2), -(radius**2)
            if order.q >= 2:  # noqa: PLR2004 - see above
                first = 2 * damping * cosine / (1 + damping**2), -(damping**2)
                partial[order.p : order.p + 2] = first
            name = f"cycle_{2 * _FREQUENCIES / step:.2f}_{radius:g}"
            yield name, partial / np.sqrt(1 - partial * partial)


def _corners(order: Order) -> dict[str, Floats]:
    """Return points with strong memory in one part and the opposite in the other."""
    counts = (order.p, order.q, order.seasonal_p, order.seasonal_q)
    points = {}
    for name, ar, ma in (
        ("persistent", 1.0, 0.0),
        ("ar_up_ma_down", 1.0, 1.0),
        ("reverting", -1.0, -1.0),
        ("ridge", 2.0, 3.0),
    ):
        point = np.repeat((ar, ma, ar, ma), counts)
        if point.any():
            points[name] = point
    for name, heads in _unit_circle(order).items():
        point = np.zeros(order.lags)
        point[order.p : order.p + len(heads)] = heads
        points[name] = point
        if order.p > 1:
            point = point.copy()
            point[:2] = 3.0, -2.0
            points[f"{name}_and_ar"] = point
    return points


def _unit_circle(order: Order) -> dict[str, list[float]]:
    """Return moving averages with one root, or two, at 1 or at -1: differencing too often asks."""
    found = {}
    if order.q:
        found = {"unit_ma_up": [30.0], "unit_ma_down": [-30.0]}
    if order.q > 1:
        found |= {"two_unit_ma_up": [30.0, -30.0], "two_unit_ma_down": [-30.0, -30.0]}
    return found
