"""What the page of many series shows, as values. Errors are those of backtests.

A figure that is not defined is None.
"""

from dataclasses import dataclass

from trainer.page.content import Forecast, History, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """How many series have a skill from `low` up to `high`; None: without such an end."""

    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """The forecast against one rival, by the number of series where either has the smaller error.

    `relative` is the geometric mean of error / error of the rival; below 1 the forecast is better.
    """

    rival: str
    is_baseline: bool
    better: int
    equal: int
    worse: int
    relative: float | None
    best: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Means of a forecast's errors over series of intermittent demand, each over its mean row."""

    name: str
    series: int
    rmse: float
    mae: float
    bias: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A member: its share of all weights, in how many series it has one, and the largest one."""

    member: str
    weight: float
    series: int
    heaviest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How many series have a status, and what it means."""

    name: str
    count: int
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Series that failed for the same reason; `reason` is that of the first one by name."""

    status: str
    reason: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesShown:
    """A series that is drawn; `anchor` is the name of its place on the page."""

    anchor: str
    name: str
    remark: str
    history: History
    forecast: Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A series in the index: its skill, or its status where that is not "ok"."""

    name: str
    status: str
    skill: float | None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Series that follow one another by name. `entries` are empty where there are too many."""

    first: str
    last: str
    series: int
    better: int
    worse: int
    failed: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyContent:
    """The whole page. `metrics_file` is where every series has a row of its own."""

    title: str
    verdict: Verdict
    facts: tuple[tuple[str, str], ...]
    figures: tuple[tuple[str, str, str], ...]
    caveats: tuple[str, ...]
    bars: tuple[Bar, ...]
    duels: tuple[Duel, ...]
    demands: tuple[Demand, ...]
    shares: tuple[Share, ...]
    statuses: tuple[Status, ...]
    failures: tuple[Failure, ...]
    unlisted_failures: int
    best: tuple[SeriesShown, ...]
    worst: tuple[SeriesShown, ...]
    failed: tuple[SeriesShown, ...]
    index: tuple[Stretch, ...]
    notes: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    metrics_file: str
