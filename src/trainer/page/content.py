"""What the page tells, as values. Whoever fills them did all the reckoning; the page only draws.

A figure that is not defined is None (NaN and infinity are shown like it). Dates are numpy's; their
unit decides how they are written: `datetime64[M]` as "Mar 2024", `[D]` as "5 Mar 2024", finer ones
with the time of day where it is not midnight.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Dates = npt.NDArray[np.datetime64]


Kind = Literal["win", "lose", "unclear", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the model is worth shipping: the page's headline. "none": nothing was compared."""

    kind: Kind
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the page is about. `order` is a text such as "(2,0,0)(0,1,2)[7] with drift"."""

    verdict: Verdict
    model_name: str
    run_id: str
    series_name: str
    calendar: str
    order: str
    first_date: str
    last_date: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Errors of forecasts. sMAPE is in percent (0 to 200), coverage a share (0 to 1)."""

    rmse: float | None = None
    r2: float | None = None
    mae: float | None = None
    smape: float | None = None
    mase: float | None = None
    rmsse: float | None = None
    coverage_80: float | None = None
    coverage_95: float | None = None
    width_80: float | None = None
    width_95: float | None = None
    crps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigures:
    """The figures at the top, and on what they were scored: "the last 76 days, held out"."""

    scored_on: str
    scores: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The known values; `prediction` is that of the held-out rows, which are the last ones."""

    dates: Dates
    values: Floats
    prediction: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The steps after the last known value."""

    dates: Dates
    point: Floats
    lower_80: Floats
    upper_80: Floats
    lower_95: Floats
    upper_95: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One origin of the backtest: what was predicted from there, and what came."""

    dates: Dates
    actual: Floats
    prediction: Floats
    lower_80: Floats
    upper_80: Floats
    mase: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """The model or a baseline over all windows. `errors_by_step` has one mean error a step."""

    name: str
    scores: Scores
    errors_by_step: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """The windows, oldest first, the model and the baselines. `remark` says what is special."""

    windows: tuple[Window, ...]
    model: Contender
    baselines: tuple[Contender, ...]
    error_name: str = "mean absolute error"
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One check of the residuals, with what it means here."""

    name: str
    p_value: float | None
    verdict: Literal["fine", "look"]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """The fit's one-step errors. `autocorrelations` begin with lag 1; 95 % lie within `limit`."""

    dates: Dates
    values: Floats
    autocorrelations: Floats
    limit: float
    season: int
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that the search tried. Several are chosen where an average was."""

    order: str
    is_chosen: bool = False
    aicc: float | None = None
    backtest: float | None = None
    weight: float | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How the model was found. `candidates` are best first; `backtest_name` says what they show."""

    evidence: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    reason: str
    fitted: int
    backtest_name: str = "MASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One estimated number of the model."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What it takes to run it again: pairs of name and value, and the data's digest."""

    arguments: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    data_sha256: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The whole page. Without a backtest or a search those parts say that there was none."""

    head: Head
    figures: KeyFigures
    history: History
    forecast: Forecast
    backtest: Backtest | None
    residuals: Residuals
    search: Search | None
    notes: tuple[str, ...]
    run: Run
