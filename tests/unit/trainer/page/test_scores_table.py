import re
from dataclasses import replace

from tests.unit.trainer.page.reading import plain
from tests.unit.trainer.page.sample import sample
from trainer.page.content import Backtest, Scores
from trainer.page.scores_table import key_figures, scores_table


def backtest() -> Backtest:
    found = sample().backtest
    assert found is not None
    return found


def cells(table: str, row: str) -> list[str]:
    """Return the row's cells of both tables."""
    found = re.findall(rf"<th scope=\"row\">(?:<strong>)?<bdi>{row}</bdi>.*?</tr>", table)
    assert found
    return re.findall(r"<td.*?>(.*?)</td>", "".join(found))


def test_the_best_of_each_column_is_marked_in_words_and_not_by_colour_alone() -> None:
    table = scores_table(backtest())
    best = '<span class="best">0.714</span><span class="sr"> best</span>'
    assert cells(table, "ARIMA")[0] == best
    assert "best" not in "".join(cells(table, "ETS"))


def test_a_baseline_that_is_better_is_marked() -> None:
    value = backtest()
    worse = replace(value.model, scores=replace(value.model.scores, mase=0.9, coverage_80=0.6))
    table = scores_table(replace(value, model=worse))
    assert "best" not in cells(table, "ARIMA")[0]
    assert "best" in cells(table, "season mean")[0]
    assert "best" in cells(table, "ETS")[6]


def test_coverage_is_best_where_nearest_to_its_level_and_width_is_never_best() -> None:
    value = backtest()
    over = replace(value.model.scores, coverage_80=0.99, width_80=1.0)
    table = scores_table(replace(value, model=replace(value.model, scores=over)))
    assert "best" not in cells(table, "ARIMA")[6]
    assert "best" not in cells(table, "ARIMA")[8]


def test_figures_that_look_the_same_are_both_the_best() -> None:
    value = backtest()
    close = replace(value.model.scores, mae=18.2001, rmse=23.41)
    table = scores_table(replace(value, baselines=(replace(value.baselines[0], scores=close),)))
    assert "best" in cells(table, "ARIMA")[2]
    assert "best" in cells(table, "naive")[2]
    assert "best" in cells(table, "ARIMA")[3]
    assert "best" not in cells(table, "naive")[3]


def test_a_column_without_any_figure_is_left_out() -> None:
    assert "R²" not in scores_table(backtest())
    assert "RMSSE" in scores_table(backtest())


def test_key_figures_show_their_value_and_meaning_or_that_there_is_none() -> None:
    scores = Scores(rmse=461.63, r2=-0.02)
    figures = plain(key_figures(replace(sample().figures, scores=scores)))
    assert "<dd>461.6</dd>" in figures
    assert "<dd>-0.0200</dd>" in figures
    assert figures.count("not defined here") == 6
