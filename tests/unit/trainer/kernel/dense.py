"""The likelihood by its textbook definition, from the whole covariance matrix of the series.

It shares no recursion with the kernel, and is written for any type of number: complex ones give
derivatives without differences (complex step), long ones give digits to measure the kernel by.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.fit.order import Order, difference

Numbers = npt.NDArray[Any]
STEP = 1e-20


def value(order: Order, point: Numbers, series: Numbers, columns: Numbers) -> Any:
    """Return the log-likelihood; the regressors' weights and the variance are at their best."""
    covariance = _covariance(order, point, len(series))
    logs, right = _eliminated(covariance, np.vstack([series, columns]).T.astype(point.dtype))
    squares = right.T @ right
    weights = _solved(squares[1:, 1:], squares[1:, :1])
    left = squares[0, 0] - (squares[:1, 1:] @ weights).sum()
    rows = len(series)
    return -(rows * (np.log(2 * np.pi) + 1 + np.log(left / rows)) + logs) / 2


def gradient(order: Order, point: Numbers, series: Numbers, columns: Numbers) -> Numbers:
    """Return the exact derivatives: the imaginary part after a step that is too small to round."""
    found = []
    for place in range(len(point)):
        moved = point.astype(np.clongdouble)
        moved[place] += 1j * STEP
        found.append(value(order, moved, series, columns).imag / STEP)
    return np.array(found, dtype=np.float64)


def levels(order: Order, point: Numbers, series: Numbers, steps: int) -> tuple[Any, Any, Any]:
    """Return the log-likelihood of levels with gaps, and means and variances of the next steps.

    Gaps and steps ahead are weights of regressors that are 1 in one row (Gomez, Maravall and Pena
    1999): with the differences' density integrated over them, their information's determinant
    counts. Variances are for innovations of variance 1.
    """
    series = np.append(series, np.full(steps, np.nan)).astype(point.dtype)
    missing = np.flatnonzero(np.isnan(series))
    at_gaps = np.zeros((len(missing), len(series)), dtype=point.dtype)
    at_gaps[np.arange(len(missing)), missing] = 1
    columns = difference(np.vstack([np.nan_to_num(series), at_gaps]), order).T
    logs, right = _eliminated(_covariance(order, point, len(columns)), columns)
    directions, upper = _orthogonal(right[:, 1:])
    part = directions.T @ right[:, 0]
    rest = right[:, 0] - directions @ part
    count = len(series) - len(missing) - order.lost
    logs += 2 * np.log(np.diag(upper)).sum()
    value = -(count * (np.log(2 * np.pi) + 1 + np.log(rest @ rest / count)) + logs) / 2
    undone = _solved(upper, np.eye(len(missing), dtype=point.dtype))
    ahead = len(missing) - steps
    return value, -(undone @ part)[ahead:], (undone * undone).sum(1)[ahead:]


def _orthogonal(columns: Numbers) -> tuple[Numbers, Numbers]:
    """Return the columns made orthonormal, and what each is made of (Gram and Schmidt, twice)."""
    directions = columns.copy()
    upper = np.zeros((columns.shape[1], columns.shape[1]), dtype=columns.dtype)
    for place in range(columns.shape[1]):
        for _ in range(2):
            share = directions[:, :place].T @ directions[:, place]
            directions[:, place] -= directions[:, :place] @ share
            upper[:place, place] += share
        upper[place, place] = np.sqrt((directions[:, place] ** 2).sum())
        directions[:, place] /= upper[place, place]
    return directions, upper


def polynomials(order: Order, point: Numbers) -> tuple[Numbers, Numbers]:
    """Return both lag polynomials, multiplied out, each beginning with its 1."""
    partial = point / np.sqrt(1 + point * point)
    counts = (order.p, order.q, order.seasonal_p, order.seasonal_q)
    parts = []
    for count, season in zip(counts, (1, 1, order.season, order.season), strict=True):
        polynomial = np.ones(1, dtype=point.dtype)
        for place in range(count):
            longer = np.append(polynomial, 0 * polynomial[:1])
            polynomial = longer - partial[place] * longer[::-1]
        partial = partial[count:]
        spread = np.zeros(count * season + 1, dtype=point.dtype)
        spread[:: max(season, 1)] = polynomial
        parts.append(spread)
    return np.convolve(parts[0], parts[2]), np.convolve(parts[1], parts[3])


def _covariance(order: Order, point: Numbers, rows: int) -> Numbers:
    """Return the series' covariance matrix for innovations of variance 1 (Brockwell and Davis)."""
    ar, ma = polynomials(order, point)
    p, q = len(ar) - 1, len(ma) - 1
    psi = ma.copy()
    for lag in range(q + 1):
        for back in range(1, min(lag, p) + 1):
            psi[lag] = psi[lag] - ar[back] * psi[lag - back]
    shared = np.zeros(max(rows, p + 1), dtype=point.dtype)
    for lag in range(min(q + 1, len(shared))):
        shared[lag] = ma[lag:] @ psi[: q + 1 - lag]
    system = np.zeros((p + 1, p + 1), dtype=point.dtype)
    for row in range(p + 1):
        for lag in range(p + 1):
            system[row, abs(row - lag)] += ar[lag]
    gamma = shared.copy()
    gamma[: p + 1] = _solved(system, shared[: p + 1].reshape(-1, 1))[:, 0]
    for lag in range(p + 1, len(gamma)):
        gamma[lag] = shared[lag] - (ar[1:] @ gamma[lag - p : lag][::-1] if p else 0)
    places = np.arange(rows)
    matrix: Numbers = gamma[np.abs(places[:, None] - places)]
    return matrix


def _eliminated(matrix: Numbers, right: Numbers) -> tuple[Any, Numbers]:
    """Return the logarithm of a covariance's determinant, and its Cholesky factor undone."""
    matrix, right, logs = matrix.copy(), right.copy(), 0 * matrix[0, 0]
    for place in range(len(matrix)):
        pivot = matrix[place, place]
        logs = logs + np.log(pivot)
        share = matrix[place + 1 :, place] / pivot
        matrix[place + 1 :, place + 1 :] -= np.outer(share, matrix[place, place + 1 :])
        right[place + 1 :] -= np.outer(share, right[place])
        right[place] /= np.sqrt(pivot)
    return logs, right


def _solved(matrix: Numbers, right: Numbers) -> Numbers:
    """Return the solution of a small system, by elimination with the largest pivot."""
    matrix, right = matrix.copy(), right.copy()
    for place in range(len(matrix)):
        best = place + int(np.argmax(np.abs(matrix[place:, place])))
        matrix[[place, best]], right[[place, best]] = matrix[[best, place]], right[[best, place]]
        for row in range(len(matrix)):
            if row != place:
                share = matrix[row, place] / matrix[place, place]
                matrix[row] -= share * matrix[place]
                right[row] -= share * right[place]
    return right / np.diag(matrix)[:, None] if len(matrix) else right
