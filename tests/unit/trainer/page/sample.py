"""A page's content as a run might fill it: simulated daily values with a weekly season."""

from dataclasses import replace

import numpy as np

from trainer.page.content import (
    Backtest,
    Candidate,
    Contender,
    Content,
    Dates,
    Diagnostic,
    Floats,
    Forecast,
    Head,
    History,
    KeyFigures,
    Parameter,
    Residuals,
    Run,
    Scores,
    Search,
    Verdict,
    Window,
)
from trainer.page.wording import date

NASTY = (
    "<script>alert(\"1\")</script> & 'quoted' \u202e\u05e9\u05dc\u05d5\u05dd "
    + "very " * 60
    + "long"
)


def sample(rows: int = 760, horizon: int = 28, held_out: int = 76, windows: int = 5) -> Content:
    """Return the content of a run over so many days."""
    random = np.random.default_rng(20260101)
    values, residuals = _series(random, rows)
    return Content(
        head=_head(rows),
        figures=KeyFigures(
            scored_on=f"the last {held_out} days, held out",
            scores=Scores(
                rmse=24.61,
                r2=0.741,
                mae=19.3,
                smape=5.86,
                mase=0.714,
                coverage_80=0.776,
                coverage_95=0.934,
                crps=13.92,
            ),
        ),
        history=History(
            dates=_days(0, rows),
            values=values,
            prediction=values[rows - held_out :] * 0.5
            + 0.5 * np.roll(values, 7)[rows - held_out :]
            + random.normal(0, 8, held_out),
        ),
        forecast=_forecast(values, rows, horizon),
        backtest=_backtest(random, values, windows),
        residuals=_residuals(residuals),
        search=_search(),
        notes=(
            "3 dates have no value; for fitting they lie on the line between their neighbours.",
            "The rows were not sorted by date; they were sorted.",
        ),
        run=_run(),
    )


def nasty() -> Content:
    """Return content whose every text is hostile."""
    content = sample(rows=150, horizon=14, held_out=14)
    assert content.backtest is not None
    assert content.search is not None
    head = Head(
        verdict=Verdict(kind="lose", sentence=NASTY),
        model_name=NASTY,
        run_id=NASTY,
        series_name=NASTY,
        calendar=NASTY,
        order=NASTY,
        first_date=NASTY,
        last_date=NASTY,
        rows=150,
    )
    contenders = tuple(replace(b, name=NASTY) for b in content.backtest.baselines)
    checks = tuple(replace(d, name=NASTY, sentence=NASTY) for d in content.residuals.diagnostics)
    tried = tuple(replace(c, order=NASTY, remark=NASTY) for c in content.search.candidates)
    return replace(
        content,
        head=head,
        figures=replace(content.figures, scored_on=NASTY),
        backtest=replace(
            content.backtest,
            model=replace(content.backtest.model, name=NASTY),
            baselines=contenders,
            error_name=NASTY,
            remark=NASTY,
        ),
        residuals=replace(content.residuals, diagnostics=checks),
        search=Search(
            evidence=(NASTY,), candidates=tried, reason=NASTY, fitted=1, backtest_name=NASTY
        ),
        notes=(NASTY,),
        run=Run(
            arguments=((NASTY, NASTY),),
            versions=((NASTY, NASTY),),
            data_sha256=NASTY,
            parameters=(Parameter(name=NASTY, value=1.0),),
        ),
    )


def bare() -> Content:
    """Return the least that a page can be about: one known value, nothing else."""
    none = np.zeros(0)
    content = sample(rows=150, horizon=14, held_out=14)
    return replace(
        content,
        figures=KeyFigures(scored_on="nothing", scores=Scores()),
        history=History(dates=_days(0, 1), values=np.array([5.0]), prediction=none),
        forecast=Forecast(
            dates=_days(0, 0),
            point=none,
            lower_80=none,
            upper_80=none,
            lower_95=none,
            upper_95=none,
        ),
        backtest=None,
        residuals=Residuals(
            dates=_days(0, 0),
            values=none,
            autocorrelations=none,
            limit=0.1,
            season=1,
            diagnostics=(),
        ),
        search=None,
        notes=(),
        run=Run(arguments=(), versions=(), data_sha256="0" * 64, parameters=()),
    )


def _days(start: int, stop: int) -> Dates:
    return np.datetime64("2023-01-02", "D") + np.arange(start, stop)


def _series(random: np.random.Generator, rows: int) -> tuple[Floats, Floats]:
    errors = random.normal(0, 18, rows)
    errors[rows // 3] = 85.0
    level = np.zeros(rows)
    for i in range(1, rows):
        level[i] = 0.7 * level[i - 1] + errors[i]
    week = np.array([30.0, 12, 0, -4, 10, -55, -70])[np.arange(rows) % 7]
    values = 320 + 0.12 * np.arange(rows) + week + level
    values[[rows // 2, rows // 2 + 1, rows // 2 + 40]] = np.nan
    return values, np.where(np.arange(rows) < 7, np.nan, errors)


def _head(rows: int) -> Head:
    return Head(
        verdict=Verdict(
            kind="win",
            sentence=(
                "Beats the best baseline, season mean, by 12 % (MASE 0.714 against 0.812 over 5"
                " windows)."
            ),
        ),
        model_name="arima-model",
        run_id="20261124T034806-ab12cd",
        series_name="order_value",
        calendar="daily",
        order="(2,0,0)(0,1,2)[7] with drift",
        first_date="2 Jan 2023",
        last_date=date(_days(0, rows)[-1]),
        rows=rows,
    )


def _forecast(values: Floats, rows: int, horizon: int) -> Forecast:
    steps = np.arange(1, horizon + 1)
    week = values[rows - 7 :][(steps - 1) % 7]
    point = 0.6 * week + 0.4 * float(np.nanmean(values[-60:])) + 0.12 * steps
    error = 18 * np.sqrt(1 + 0.9 * (1 - 0.5**steps) + 0.02 * steps)
    return Forecast(
        dates=_days(rows, rows + horizon),
        point=point,
        lower_80=point - 1.2816 * error,
        upper_80=point + 1.2816 * error,
        lower_95=point - 1.96 * error,
        upper_95=point + 1.96 * error,
    )


def _backtest(random: np.random.Generator, values: Floats, windows: int) -> Backtest:
    steps = 14
    made = []
    for i in range(windows):
        start = len(values) - (windows - i) * steps
        actual = values[start : start + steps]
        prediction = 0.55 * np.nan_to_num(actual, nan=400.0) + 0.45 * (330 + 0.12 * start)
        prediction = prediction + random.normal(0, 9, steps)
        made.append(
            Window(
                dates=_days(start, start + steps),
                actual=actual,
                prediction=prediction,
                lower_80=prediction - 30,
                upper_80=prediction + 30,
                mase=float(0.6 + 0.07 * i),
            )
        )
    growth = np.sqrt(np.arange(1, steps + 1) / steps)
    bump = np.array([0.0, 0.4, -0.3, 0.2, 0.6, -0.5, 0.1] * 2)

    def contender(name: str, size: float, slope: float, scores: Scores) -> Contender:
        return Contender(name=name, scores=scores, errors_by_step=size + slope * growth + bump)

    def points(mase: float, rmsse: float, mae: float, rmse: float, smape: float) -> Scores:
        return Scores(mase=mase, rmsse=rmsse, mae=mae, rmse=rmse, smape=smape)

    arima = replace(
        points(0.714, 0.69, 18.2, 23.4, 5.6),
        crps=12.9,
        coverage_80=0.786,
        coverage_95=0.943,
        width_80=60.3,
        width_95=92.2,
    )
    ets = replace(
        points(0.823, 0.79, 21.0, 25.9, 6.4),
        crps=14.8,
        coverage_80=0.84,
        coverage_95=0.971,
        width_80=75.1,
        width_95=114.8,
    )
    return Backtest(
        windows=tuple(made),
        model=contender("ARIMA", 13.2, 6.9, arima),
        baselines=(
            contender("naive", 31, 9, points(1.512, 1.41, 38.5, 47.8, 11.9)),
            contender("seasonal naive", 19.5, 5.4, points(0.934, 0.95, 23.8, 31.1, 7.4)),
            contender("season mean", 20.1, 0.4, points(0.812, 0.80, 20.7, 26.2, 6.3)),
            contender("ETS", 15.9, 6.2, ets),
            contender("Theta", 15.5, 7, points(0.829, 0.81, 21.1, 26.4, 6.4)),
        ),
    )


def _residuals(values: Floats) -> Residuals:
    known = values[np.isfinite(values)]
    centred = known - known.mean()
    power = float(np.sum(centred**2))
    lags = [float(np.sum(centred[lag:] * centred[:-lag])) / power for lag in range(1, 29)]
    return Residuals(
        dates=_days(0, len(values)),
        values=values,
        autocorrelations=np.array(lags),
        limit=float(1.96 / np.sqrt(len(known))),
        season=7,
        diagnostics=(
            Diagnostic(
                name="Ljung-Box, 14 lags",
                p_value=0.412,
                verdict="fine",
                sentence="The residuals hold no pattern that a larger model would find.",
            ),
            Diagnostic(
                name="Jarque-Bera",
                p_value=0.00004,
                verdict="look",
                sentence=(
                    "One outlier on 11 Sep 2023 makes the tails heavy: real 95 % intervals are a"
                    " little wider than drawn."
                ),
            ),
            Diagnostic(
                name="Heteroscedasticity",
                p_value=0.231,
                verdict="fine",
                sentence="The errors of the last third are as large as those of the first.",
            ),
            Diagnostic(
                name="Stability over the windows",
                p_value=None,
                verdict="fine",
                sentence="No parameter moved by more than its standard error.",
            ),
        ),
    )


def _search() -> Search:
    orders = ["(2,0,0)(0,1,2)[7]", "(2,0,1)(0,1,1)[7]", "(1,0,0)(0,1,1)[7]", "(3,0,0)(0,1,1)[7]"]
    tried = [
        Candidate(
            order=f"{order} with drift",
            is_chosen=i == 0,
            aicc=6571.88 + 1.7 * i,
            backtest=0.714 + 0.011 * i,
            weight=(0.58, 0.25, 0.12, 0.05)[i],
            remark="" if i < 3 else "a root near the unit circle",
        )
        for i, order in enumerate(orders)
    ]
    return Search(
        evidence=(
            "Seasonal strength 0.81 is above 0.64: one seasonal difference (D = 1).",
            "KPSS 0.21 after the seasonal difference is below 0.463: no further one (d = 0).",
        ),
        candidates=tuple(tried),
        reason=(
            "(2,0,0)(0,1,2)[7] has the lowest AICc and also the lowest MASE in the backtest inside"
            " the training part."
        ),
        fitted=94,
    )


def _run() -> Run:
    names = ("ar.L1", "ar.L2", "ma.S.L7", "ma.S.L14", "drift", "sigma2")
    values = (0.6612, 0.0831, -0.8423, -0.0764, 0.1198, 326.4)
    return Run(
        arguments=(
            ("--model_name", "arima-model"),
            ("--input", "data/daily.csv"),
            ("--order", "auto"),
            ("--holdout", "10%"),
        ),
        versions=(
            ("python", "3.13.1"),
            ("numpy", "2.4.0"),
            ("scipy", "1.17.0"),
            ("statsmodels", "0.15.0"),
        ),
        data_sha256="3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728",
        parameters=tuple(
            Parameter(name=name, value=value) for name, value in zip(names, values, strict=True)
        ),
    )
