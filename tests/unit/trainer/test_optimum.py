import numpy as np
import pytest

from trainer.errors import ModelNotFittedError
from trainer.likelihood import Floats, Likelihood, Order
from trainer.optimum import LARGEST_SLOPE, find_optimum


class _Hill:
    """A likelihood with two summits: 0 at -2 and 1 at +2. Not finite beyond 9."""

    order = Order(p=1, d=0, q=0)

    def at(self, point: Floats) -> float:
        x = float(point[0])
        return -np.inf if abs(x) > 9 else max(-((x + 2) ** 2), 1 - (x - 2) ** 2)

    def gradient(self, point: Floats) -> Floats:
        return np.array([(self.at(point + 1e-6) - self.at(point - 1e-6)) / 2e-6])

    rough_gradient = gradient


def _hill() -> Likelihood:
    return _Hill()  # type: ignore[return-value]


def test_the_highest_summit_of_all_starts_is_kept_and_all_are_told() -> None:
    found = find_optimum(_hill(), {"left": np.array([-3.0]), "right": np.array([3.0])})
    assert found.point[0] == pytest.approx(2, abs=1e-3)
    assert found.is_converged
    assert not found.is_at_boundary
    assert [start.name for start in found.starts] == ["left", "right"]
    assert [start.log_likelihood for start in found.starts] == pytest.approx([0, 1], abs=1e-4)


def test_start_without_a_likelihood_is_told_as_such() -> None:
    found = find_optimum(_hill(), {"bad": np.array([20.0]), "left": np.array([-3.0])})
    assert found.starts[0].log_likelihood is None
    assert found.log_likelihood == pytest.approx(0, abs=1e-6)


def test_no_start_with_a_likelihood_is_an_error() -> None:
    with pytest.raises(ModelNotFittedError):
        find_optimum(_hill(), {"bad": np.array([20.0])})


def test_slope_that_is_left_denies_convergence() -> None:
    class Endless(_Hill):
        def at(self, point: Floats) -> float:
            return float(point[0])

        def gradient(self, point: Floats) -> Floats:
            return np.array([1.0]) if point[0] < 50 else np.array([-1.0])

        rough_gradient = gradient

    found = find_optimum(Endless(), {"any": np.array([0.0])})  # type: ignore[arg-type]
    assert found.largest_slope > LARGEST_SLOPE
    assert not found.is_converged
    assert found.is_at_boundary
