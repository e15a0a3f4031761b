"""Climb the likelihood from several starts, keep the best summit, and check that it is one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from trainer.errors import ModelNotFittedError
from trainer.likelihood import Floats, Likelihood

LARGEST_SLOPE = 1e-3
_BOUND = 50.0
_NEAR_BOUND = 0.99
_ROUNDS = 4
_ROUGH = {"maxiter": 80, "ftol": 1e-8, "gtol": 1e-3}
_FINE = {"maxiter": 200, "ftol": 1e-14, "gtol": 1e-5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start: its name, and the log-likelihood that it led to (None: to none)."""

    name: str
    log_likelihood: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """The best point, what led there, and what the check says.

    `largest_slope` is the steepest rise that is left: log-likelihood per unit of a free parameter.
    `is_at_boundary`: a root lies on the unit circle as far as can be told.
    """

    point: Floats
    log_likelihood: float
    is_converged: bool
    is_at_boundary: bool
    largest_slope: float
    starts: tuple[Start, ...]


def find_optimum(likelihood: Likelihood, points: Mapping[str, Floats]) -> Optimum:
    """Return the highest point that any start leads to; of equals, the first."""
    starts, best, summit = [], -np.inf, None
    for name, point in points.items():
        reached = _climb(likelihood, point, likelihood.rough_gradient, _ROUGH)
        height = likelihood.at(reached)
        starts.append(Start(name=name, log_likelihood=height if np.isfinite(height) else None))
        if np.isfinite(height) and (summit is None or height > best + 1e-9):
            best, summit = height, reached
    if summit is None:
        raise ModelNotFittedError(
            f"none of {len(points)} starts led to a model of order {likelihood.order}",
            remedy="try a smaller order, or --order auto",
        )
    summit = _polish(likelihood, summit)
    slope = _largest_slope(likelihood, summit)
    return Optimum(
        point=summit,
        log_likelihood=likelihood.at(summit),
        is_converged=slope <= LARGEST_SLOPE,
        is_at_boundary=bool(np.any(np.abs(_memory(likelihood, summit)) > _NEAR_BOUND * _BOUND)),
        largest_slope=slope,
        starts=tuple(starts),
    )


def _climb(
    likelihood: Likelihood,
    point: Floats,
    gradient: Callable[[Floats], Floats],
    options: dict[str, float],
) -> Floats:
    """Return the highest point that a quasi-Newton climb meets."""
    from scipy.optimize import minimize  # noqa: PLC0415 - takes half a second

    if not len(point) or not np.isfinite(likelihood.at(point)):
        return point
    depth = -likelihood.at(point)

    def fall(at: Floats) -> float:
        value = likelihood.at(at)
        return -value if np.isfinite(value) else depth + 1e6

    def slope(at: Floats) -> Floats:
        return -np.nan_to_num(gradient(at), nan=0.0, posinf=0.0, neginf=0.0)

    found = minimize(
        fall,
        np.clip(point, -_BOUND, _BOUND),
        jac=slope,
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * len(point),
        options=options,
    )
    return np.asarray(found.x, dtype=np.float64)


def _polish(likelihood: Likelihood, point: Floats) -> Floats:
    """Climb on from the summit with a fresh memory of its shape, while that still helps."""
    for _ in range(_ROUNDS):
        reached = _climb(likelihood, point, likelihood.gradient, _FINE)
        if likelihood.at(reached) < likelihood.at(point):
            break
        point = reached
        if _largest_slope(likelihood, point) <= LARGEST_SLOPE / 10:
            break
    return point


def _largest_slope(likelihood: Likelihood, point: Floats) -> float:
    """Return the steepest rise that is left; a rise over the bound itself does not count."""
    if not len(point):
        return 0.0
    slopes = likelihood.gradient(point)
    outward = (np.abs(point) >= _BOUND) & (slopes * point > 0)
    rest = np.where(outward, 0.0, np.abs(slopes))
    return float(np.max(np.nan_to_num(rest, nan=np.inf)))


def _memory(likelihood: Likelihood, point: Floats) -> Floats:
    """Return the free numbers without the mean."""
    return point[:-1] if likelihood.order.has_constant else point
