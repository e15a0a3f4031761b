"""One AICc for all engines: the exact likelihood of the differenced series at what they report.

Engines differ in how they start a filter, count rows and estimate the variance, so their own AICc
are not comparable to the last unit. Here each model's autocovariances are solved for and the
series is predicted step by step from all that went before (Durbin-Levinson), in extended precision:
next to the unit circle a Kalman filter of doubles is wrong by whole units. The variance is the one
that fits best, which no engine loses by. This shares no code and no method with any engine.
"""

import math

import numpy as np
import numpy.typing as npt

from search.protocol import Reply

Floats = npt.NDArray[np.float64]
_Long = npt.NDArray[np.longdouble]


def differenced(values: Floats, d: int, seasonal_d: int, season: int) -> Floats:
    """Return the differenced series."""
    for _ in range(d):
        values = np.diff(values)
    for _ in range(seasonal_d):
        values = values[season:] - values[:-season]
    return values


def aicc(values: Floats, reply: Reply) -> float:
    """Return the AICc by this likelihood; infinity where a model failed or is not stationary."""
    if reply.error is not None:
        return math.inf
    p, d, q, seasonal_p, seasonal_d, seasonal_q, season = reply.order
    series = differenced(values, d, seasonal_d, season)
    count = p + q + seasonal_p + seasonal_q + (reply.mean is not None) + 1
    likelihood = log_likelihood(series, reply)
    if len(series) <= count + 1 or not math.isfinite(likelihood):
        return math.inf
    return 2 * count - 2 * likelihood + 2 * count * (count + 1) / (len(series) - count - 1)


def log_likelihood(series: Floats, reply: Reply) -> float:
    """Return the log-likelihood of a differenced series without gaps; NaN where there is none."""
    if np.isnan(series).any():
        raise ValueError(f"{reply.name}: the yardstick knows no missing values")
    season = reply.order[-1]
    ar = -_product([-x for x in reply.ar], [-x for x in reply.seasonal_ar], season)[1:]
    ma = _product(reply.ma, reply.seasonal_ma, season)
    gamma = _autocovariances(ar, ma, len(series))
    rest = series.astype(np.longdouble) - np.longdouble(reply.mean or 0.0)
    squares, logs = _prediction_errors(rest, gamma)
    rows = len(series)
    variance = squares / rows
    if not (variance > 0 and math.isfinite(logs)):
        return math.nan
    return float(-0.5 * (rows * (math.log(2 * math.pi * variance) + 1) + logs))


def _prediction_errors(rest: _Long, gamma: _Long) -> tuple[float, float]:
    """Return the sums of squared errors over their variances, and of the variances' logarithms."""
    variance = gamma[0]
    weights = np.zeros(0, dtype=np.longdouble)
    squares, logs = np.longdouble(0), np.longdouble(0)
    for t in range(len(rest)):
        if t:
            partial = (gamma[t] - weights @ gamma[t - 1 : 0 : -1]) / variance
            weights = np.append(weights - partial * weights[::-1], partial)
            variance *= (1 - partial) * (1 + partial)
        if not variance > 0:
            return math.nan, math.nan
        error = rest[t] - weights @ rest[:t][::-1]
        squares += error * error / variance
        logs += np.log(variance)
    return float(squares), float(logs)


def _autocovariances(ar: _Long, ma: _Long, count: int) -> _Long:
    """Return the first autocovariances for shocks of variance 1 (Brockwell and Davis, 3.3)."""
    p, q = len(ar), len(ma) - 1
    phi = np.append(np.ones(1, dtype=np.longdouble), -ar)
    psi = np.zeros(q + 1, dtype=np.longdouble)
    for j in range(q + 1):
        known = min(j, p)
        psi[j] = ma[j] - phi[1 : known + 1] @ psi[j - known : j][::-1]
    right = np.zeros(max(p, q, count) + 1, dtype=np.longdouble)
    for k in range(q + 1):
        right[k] = ma[k:] @ psi[: q + 1 - k]
    system = np.zeros((p + 1, p + 1), dtype=np.longdouble)
    for k in range(p + 1):
        for i in range(p + 1):
            system[k, abs(k - i)] += phi[i]
    gamma = np.zeros(len(right), dtype=np.longdouble)
    gamma[: p + 1] = _solved(system, right[: p + 1])
    for k in range(p + 1, len(gamma)):
        gamma[k] = right[k] - phi[1:] @ gamma[k - p : k][::-1]
    return gamma[:count]


def _solved(system: _Long, right: _Long) -> _Long:
    """Solve by elimination with pivots: NumPy's own solver knows no extended precision."""
    table = np.column_stack([system, right])
    size = len(right)
    for column in range(size):
        pivot = column + int(np.argmax(np.abs(table[column:, column])))
        table[[column, pivot]] = table[[pivot, column]]
        if table[column, column] == 0:
            return np.full(size, np.nan, dtype=np.longdouble)
        table[column] /= table[column, column]
        others = np.arange(size) != column
        table[others] -= np.outer(table[others, column], table[column])
    return np.asarray(table[:, -1])


def _product(
    plain: list[float] | tuple[float, ...], seasonal: list[float] | tuple[float, ...], season: int
) -> _Long:
    """Return (1 + plain)(1 + seasonal), whose lags are seasons."""
    one = np.ones(1, dtype=np.longdouble)
    first = np.append(one, np.array(plain, dtype=np.longdouble))
    second = np.zeros(len(seasonal) * season + 1, dtype=np.longdouble)
    second[0] = 1
    if len(seasonal):
        second[season::season] = np.array(seasonal, dtype=np.longdouble)
    return np.convolve(first, second)
