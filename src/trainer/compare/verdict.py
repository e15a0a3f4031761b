"""Whether the challenger takes the champion's place, as JSON and as a table.

Only a significantly lower loss promotes; everything else, and every failure, does not.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainer.compare.contender import Contender
from trainer.compare.contest import Contest
from trainer.compare.options import Options
from trainer.compare.window import NewWindow
from trainer.errors import ChallengerNotPromotedError, TrainerError
from trainer.evaluation.metrics import Scores
from trainer.input.data import Series
from trainer.record import write_json
from trainer.report import dated

SCHEMA_VERSION = 1
_UNDER_WAY = "the comparison is not finished"
_WIDTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision, its reason, and everything that it is based on."""

    promote: bool
    reason: str
    champion: Contender
    challenger: Contender
    series: Series
    window: NewWindow
    contest: Contest
    options: Options
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """Return 0 to promote, otherwise the code of a challenger that is not promoted."""
        return 0 if self.promote else ChallengerNotPromotedError.exit_code

    @property
    def name(self) -> str | None:
        """Return the name of the error that a pipeline reads; None to promote."""
        return None if self.promote else ChallengerNotPromotedError.name()


def decide(contest: Contest, significance: float) -> tuple[bool, str]:
    """Return whether to promote, and why."""
    champion, challenger = contest.losses
    p_value = contest.test.p_value
    if contest.are_alike:
        return False, "The challenger's error is the same as the champion's."
    if challenger > champion:
        return False, f"The challenger's error is {_share(challenger, champion)} the champion's."
    less = f"The challenger's error is {_share(challenger, champion)} the champion's"
    if p_value is None:
        return False, f"{less}, by the same at every origin: the test cannot rule out chance."
    if p_value >= significance:
        return (
            False,
            f"{less}, but that may be chance: p = {p_value:.3g}, not below {significance}.",
        )
    return True, f"{less}, and chance is unlikely: p = {p_value:.3g}, below {significance}."


def write_verdict(verdict: Verdict) -> bytes:
    """Return the JSON of a comparison that was made."""
    contest, window, series = verdict.contest, verdict.window, verdict.series
    new = series.values[window.start :]
    scores = {
        "champion": contest.champion,
        "challenger": contest.challenger,
        contest.baseline_name: contest.baseline,
    }
    return write_json(
        {
            **_head(promote=verdict.promote, reason=verdict.reason, exit_code=verdict.exit_code),
            "error": verdict.name,
            "champion": _contender(verdict.champion),
            "challenger": _contender(verdict.challenger),
            "data": {"path": series.source, "sha256": series.sha256},
            "window": {
                "first_date": dated(series.dates[window.start]),
                "last_date": dated(series.dates[-1]),
                "rows": len(new),
                "known": int(sum(value == value for value in new.tolist())),  # noqa: PLR0124 - NaN
                "origins": len(window.windows),
                "horizon": window.horizon,
                "step": window.step,
            },
            "scores": {name: None if one is None else asdict(one) for name, one in scores.items()},
            "test": {
                "name": "Diebold-Mariano",
                "loss": verdict.options.loss,
                "champion_loss": contest.losses[0],
                "challenger_loss": contest.losses[1],
                "statistic": contest.test.statistic,
                "p_value": contest.test.p_value,
                "significance": verdict.options.significance,
                "origins": contest.test.compared,
                "lags": window.lags - 1,
            },
            "baseline": {"name": contest.baseline_name, "skill": contest.skill},
            "notes": list(verdict.notes),
        }
    )


def write_refusal(failure: TrainerError | None) -> bytes:
    """Return the JSON of a comparison that failed, or (None) that is under way."""
    if failure is None:
        return write_json(_head(promote=False, reason=_UNDER_WAY, exit_code=None))
    return write_json(
        {
            **_head(promote=False, reason=failure.what, exit_code=failure.exit_code),
            "error": failure.name(),
            "remedy": failure.remedy,
        }
    )


def table_of(verdict: Verdict) -> list[tuple[str, str]]:
    """Return the rows to show: scores side by side, the test, and what was decided."""
    contest, window, series = verdict.contest, verdict.window, verdict.series
    shown = (contest.champion, contest.challenger, contest.baseline)
    names = ("champion", "challenger", contest.baseline_name.replace("_", " "))
    first, last = dated(series.dates[window.start]), dated(series.dates[-1])
    return [
        ("window", f"{first} to {last}: {len(series.values) - window.start} rows"),
        ("forecasts", f"{window.horizon} steps from each of {len(window.windows)} origins"),
        ("", "".join(f"{name:>{_WIDTH}}" for name in names)),
        *((label, _cells(shown, field)) for label, field in _SHOWN.items()),
        ("test", _test_line(contest)),
        ("baseline", _baseline_line(contest)),
        ("verdict", f"{'PROMOTE' if verdict.promote else 'KEEP THE CHAMPION'}. {verdict.reason}"),
    ]


_SHOWN: Mapping[str, str] = {
    "MAE": "mae",
    "RMSE": "rmse",
    "MASE": "mase",
    "CRPS": "crps",
    "coverage 80 %": "coverage_80",
    "coverage 95 %": "coverage_95",
}


def _head(*, promote: bool, reason: str, exit_code: int | None) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "promote": promote,
        "reason": reason,
        "exit_code": exit_code,
    }


def _contender(contender: Contender) -> dict[str, Any]:
    return {
        "path": contender.path,
        "run_id": contender.run_id,
        "sha256": contender.sha256,
        "is_verified": contender.is_verified,
        "orders": list(contender.saved.names),
        "last_date": dated(contender.origin.last),
    }


def _cells(shown: tuple[Scores | None, ...], field: str) -> str:
    numbers = [None if scores is None else getattr(scores, field) for scores in shown]
    return "".join(f"{'-' if n is None else format(n, '.6g'):>{_WIDTH}}" for n in numbers)


def _test_line(contest: Contest) -> str:
    test = contest.test
    if test.statistic is None or test.p_value is None:
        return "Diebold-Mariano: no result"
    return f"Diebold-Mariano {test.statistic:.3f}, p = {test.p_value:.3g} (challenger better)"


def _baseline_line(contest: Contest) -> str:
    name = contest.baseline_name.replace("_", " ")
    if contest.baseline is None:
        return f"the {name} forecast has no prediction for some window: not compared"
    if contest.skill is None:
        return f"THE BASELINE WINS: the {name} forecast makes no error, and the challenger does"
    size = f"{100 * abs(contest.skill):.1f} %"
    if contest.skill > 0:
        return f"the challenger's error is {size} below that of the {name} forecast"
    return f"THE BASELINE WINS: the challenger's error is {size} above that of the {name} forecast"


def _share(challenger: float, champion: float) -> str:
    if challenger < champion:
        return f"{100 * (1 - challenger / champion):.1f} % below"
    if champion == 0:
        return "above"
    return f"{100 * (challenger / champion - 1):.1f} % above"
