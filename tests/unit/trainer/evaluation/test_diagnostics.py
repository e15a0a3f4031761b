from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from trainer.evaluation.diagnostics import (
    MOST_LISTED,
    Diagnostics,
    Estimates,
    Finding,
    examine_parameters,
    examine_residuals,
    lacking_season,
)
from trainer.fit.prediction import Floats

NAN = float("nan")
NAMES = ["autocorrelation", "normality", "variance", "outliers"]


def noise(count: int = 300, seed: int = 2) -> Floats:
    return np.random.default_rng(seed).normal(size=count)


def examine(errors: Floats, season: int = 7, fitted: int = 0) -> Diagnostics:
    dates = pd.date_range("2024-01-01", periods=len(errors), freq="D")
    return examine_residuals(errors, dates, season=season, fitted=fitted)


def finding(name: str, errors: Floats, **options: Any) -> Finding:
    found = {finding.name: finding for finding in examine(errors, **options).findings}
    return found[name]


def test_errors_of_a_right_model_are_fine() -> None:
    found = examine(noise())
    assert [finding.name for finding in found.findings] == NAMES
    assert [finding.verdict for finding in found.findings] == ["fine"] * 4
    assert found.outliers == ()


def test_each_sentence_is_one() -> None:
    for errors in (noise(), np.cumsum(noise()), noise(5), noise() ** 3, np.zeros(30)):
        for found in examine(errors).findings:
            assert found.sentence.endswith(".")
            assert ". " not in found.sentence
            assert found.sentence[0].isupper() or found.sentence[0].isdigit()


@pytest.mark.parametrize(
    ("count", "season", "fitted", "lags"),
    [(300, 7, 0, 14), (300, 1, 2, 10), (50, 12, 1, 10), (30, 7, 5, 8)],
)
def test_ljung_box_is_that_of_the_library(count: int, season: int, fitted: int, lags: int) -> None:
    from statsmodels.stats.diagnostic import acorr_ljungbox

    errors = noise(count)
    found = finding("autocorrelation", errors, season=season, fitted=fitted)
    expected = acorr_ljungbox(errors, lags=[lags], model_df=fitted).iloc[0]
    assert found.statistic == pytest.approx(expected["lb_stat"])
    assert found.p_value == pytest.approx(expected["lb_pvalue"])


def test_a_season_in_the_errors_is_named() -> None:
    errors = noise() + 1.5 * np.sin(2 * np.pi * np.arange(300) / 7)
    found = finding("autocorrelation", errors)
    assert found.verdict == "look"
    assert found.sentence.startswith("The errors still have a pattern of 7 steps (correlation +0.")
    assert "season" in found.sentence


def test_errors_that_follow_from_the_one_before_are_named() -> None:
    errors = noise()
    for place in range(1, 300):
        errors[place] += 0.6 * errors[place - 1]
    found = finding("autocorrelation", errors)
    assert found.verdict == "look"
    assert "over 1 step (correlation +0." in found.sentence
    assert "season" not in found.sentence


def test_gaps_in_the_errors_do_not_hide_a_pattern_nor_make_one() -> None:
    gapped = noise()
    gapped[np.random.default_rng(3).random(300) < 0.3] = NAN
    gapped[:5] = NAN
    assert finding("autocorrelation", gapped).verdict == "fine"
    assert finding("autocorrelation", gapped + 2 * (np.arange(300) % 7 == 3)).verdict == "look"


def test_jarque_bera_is_that_of_the_library_and_knows_no_unit() -> None:
    errors = noise()
    expected = stats.jarque_bera(errors)
    for unit in (1, 1e12, 1e-12):
        found = finding("normality", errors * unit)
        assert found.statistic == pytest.approx(expected.statistic)
        assert found.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (np.exp(noise()), "go up rather than down"),
        (-np.exp(noise()), "go down rather than up"),
        (np.random.default_rng(1).standard_t(3, size=300), "Very large errors"),
        (np.random.default_rng(1).uniform(-1, 1, size=300), "Errors of a middle size"),
    ],
)
def test_what_is_not_normal_is_said(errors: Floats, words: str) -> None:
    found = finding("normality", errors)
    assert found.verdict == "look"
    assert words in found.sentence


def test_h_statistic_compares_the_last_third_with_the_first() -> None:
    errors = noise(90)
    found = finding("variance", errors)
    expected = np.sum(errors[60:] ** 2) / np.sum(errors[:30] ** 2)
    tail = stats.f.cdf(expected, 30, 30)
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(2 * min(tail, 1 - tail))


def test_errors_that_grow_or_shrink_are_said_with_their_ratio() -> None:
    growing = noise() * np.linspace(1, 3, 300)
    found = finding("variance", growing)
    ratio = np.sqrt(np.mean(growing[200:] ** 2) / np.mean(growing[:100] ** 2))
    assert found.verdict == "look"
    assert f"are {ratio:.1f} times as large" in found.sentence
    assert "too narrow" in found.sentence
    assert "wider than they need" in finding("variance", growing[::-1]).sentence


def test_errors_of_a_third_without_any_are_not_compared() -> None:
    errors = noise(60)
    errors[:20] = 0
    found = finding("variance", errors)
    assert (found.statistic, found.verdict) == (None, "look")


def test_outliers_are_dated_and_sized_in_the_order_of_time() -> None:
    errors = noise()
    errors[[40, 10]] = [-30, 12]
    found = examine(errors)
    assert [(str(far.date.date()), far.size) for far in found.outliers] == [
        ("2024-01-11", 12),
        ("2024-02-10", -30),
    ]
    centre = np.median(errors)
    spread = stats.median_abs_deviation(errors, scale="normal")
    assert found.outliers[1].spreads == pytest.approx((-30 - centre) / spread)
    told = found.findings[3]
    assert told.verdict == "look"
    assert told.statistic == pytest.approx((30 + centre) / spread)
    assert told.sentence.startswith("2 errors are further than 4 spreads")
    assert "-30 on 2024-02-10" in told.sentence


def test_an_outlier_is_further_than_four_spreads() -> None:
    errors = np.tile([-1.0, 0, 1], 21)  # median 0, median deviation 1, spread 1 / 0.6745
    errors[30] = 3.9 / 0.67449
    assert examine(errors).outliers == ()
    errors[30] = 4.1 / 0.67449
    assert len(examine(errors).outliers) == 1


def test_the_largest_outliers_are_listed_and_all_are_counted() -> None:
    errors = noise(400)
    far = np.arange(0, 300, 10)
    errors[far] = 100 + np.arange(30)
    found = examine(errors)
    assert len(found.outliers) == MOST_LISTED
    assert min(outlier.size for outlier in found.outliers) == 110
    assert found.findings[3].sentence.startswith("30 errors are")


@pytest.mark.parametrize("rounding", [0, 1e-8])
def test_where_most_errors_are_equal_the_usual_deviation_stands_in(rounding: float) -> None:
    errors = rounding * noise(100)
    errors[50] = 5
    found = examine(errors)
    assert [outlier.size for outlier in found.outliers] == [5]
    assert found.outliers[0].spreads == pytest.approx(5 / errors.std())


@pytest.mark.parametrize(
    "errors",
    [
        noise(7),
        np.zeros(30),
        np.full(30, NAN),
        np.full(30, 2.5),
        np.append(np.full(30, 2.5), np.nextafter(2.5, 3)),
        np.append(np.zeros(30), 5e-324),
    ],
)
def test_what_cannot_be_tested_is_not_called_fine(errors: Floats) -> None:
    found = examine(errors)
    assert [finding.verdict for finding in found.findings] == ["look"] * 4
    assert all(finding.statistic is None for finding in found.findings)
    assert all("Not tested" in finding.sentence for finding in found.findings)


def test_too_many_coefficients_for_the_errors_are_not_tested() -> None:
    found = finding("autocorrelation", noise(20), fitted=9)
    assert (found.statistic, found.verdict) == (None, "look")
    assert "too few" in found.sentence


@settings(deadline=None)  # the first example loads the libraries
@example(errors=[1.0, 2, 0, 0, 0, 0, 1, 1e-308], season=1, fitted=0)
@example(errors=[1.0, 1, 1, 1, 1, 1, 1, 1, 1 + 1e-13], season=1, fitted=0)
@example(errors=[1.0, *[1 + 1e-13, 1] * 6], season=1, fitted=0)
@given(
    errors=st.lists(
        st.one_of(st.floats(-1e12, 1e12), st.just(NAN), st.just(0.0), st.floats(-1e-12, 1e-12)),
        min_size=1,
        max_size=60,
    ),
    season=st.sampled_from([1, 4, 7]),
    fitted=st.integers(0, 6),
)
def test_any_errors_give_findings_without_nan(
    errors: list[float], season: int, fitted: int
) -> None:
    found = examine(np.array(errors), season=season, fitted=fitted)
    assert [finding.name for finding in found.findings] == NAMES
    for finding in found.findings:
        assert finding.statistic is None or np.isfinite(finding.statistic)
        assert finding.p_value is None or 0 <= finding.p_value <= 1
        assert "nan" not in finding.sentence
    assert len(found.outliers) <= MOST_LISTED


def windows(*values: tuple[float, ...], errors: tuple[float, ...] | None) -> list[Estimates]:
    return [
        Estimates(names=("ar.L1", "ma.L1"), numbers=numbers, standard_errors=errors)
        for numbers in values
    ]


def test_the_largest_move_is_told_in_standard_errors() -> None:
    found = examine_parameters(windows((0.5, 0.1), (0.8, 0.2), (0.6, -0.3), errors=(0.1, 0.25)))
    assert found.statistic == pytest.approx(3)
    assert found.verdict == "look"
    assert found.sentence.startswith("ar.L1 moves by 3.0 standard errors")


def test_parameters_that_stay_within_two_standard_errors_are_fine() -> None:
    found = examine_parameters(windows((0.5, 0.1), (0.6, 0.2), errors=(0.1, 0.25)))
    assert found.verdict == "fine"
    assert found.statistic == pytest.approx(1)


@pytest.mark.parametrize("errors", [None, (NAN, NAN), (0.0, 0.0)])
def test_without_standard_errors_a_move_is_a_share_of_the_size(
    errors: tuple[float, ...] | None,
) -> None:
    found = examine_parameters(windows((0.5, 0.0), (0.8, 0.0), errors=errors))
    assert found.statistic == pytest.approx(0.3 / 0.8)
    assert found.verdict == "fine"
    found = examine_parameters(windows((0.5, 0.1), (0.8, -0.1), errors=errors))
    assert found.statistic == pytest.approx(2)
    assert found.verdict == "look"


def test_windows_that_lead_to_different_models_are_told() -> None:
    other = Estimates(names=("ar.L1",), numbers=(0.5,))
    found = examine_parameters([*windows((0.5, 0.1), (0.6, 0.1), errors=None), other])
    assert (found.statistic, found.verdict) == (None, "look")
    assert found.sentence.startswith("3 windows lead to 2 models")


@pytest.mark.parametrize("given_windows", [[], [Estimates(names=("a",), numbers=(1.0,))]])
def test_less_than_two_windows_cannot_show_a_move(given_windows: list[Estimates]) -> None:
    found = examine_parameters(given_windows)
    assert (found.statistic, found.verdict) == (None, "look")
    assert "not tested" in found.sentence


def test_errors_that_repeat_after_a_natural_season_are_told() -> None:
    noise = np.random.default_rng(9).normal(size=1200)
    week = np.random.default_rng(10).normal(size=168)
    assert lacking_season(noise, (24, 168)) is None
    note = str(lacking_season(noise + np.resize(week, 1200), (24, 168)))
    assert "repeat after 168 steps (correlation +0.48)" in note
    assert "--season 24,168" in note
    gapped = noise + np.resize(week, 1200)
    gapped[100:160] = np.nan
    assert "after 168 steps" in str(lacking_season(gapped, (24, 168)))
    assert lacking_season((noise + np.resize(week, 1200))[:500], (24, 168)) is None  # not held
