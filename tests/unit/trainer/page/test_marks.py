import re

import numpy as np
import pytest

from trainer.page.content import Floats
from trainer.page.marks import Frame, band, bar, dots, enveloped, line, place, stems, text, thinned


@pytest.fixture
def frame() -> Frame:
    return Frame(left=10, right=110, top=5, bottom=55, x_range=(0, 100), y_range=(0, 50))


def column(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def test_a_frame_maps_its_ranges_to_its_edges_and_holds_back_what_is_outside(frame: Frame) -> None:
    assert frame.x(column(0, 50, 100, 500)).tolist() == [10, 60, 110, 110]
    assert frame.y(column(0, 50, -1e300, np.inf)).tolist() == [55, 5, 55, 5]


def test_coordinates_are_short() -> None:
    assert [place(v) for v in (3.0, 3.14159, -0.01)] == ["3", "3.1", "0"]


def test_a_line_breaks_where_a_value_is_missing_and_a_lone_value_is_a_dot(frame: Frame) -> None:
    y = column(0, 10, np.nan, 20, np.nan, 30, 40)
    drawn = line(frame, column(0, 10, 20, 30, 40, 50, 60), y, "ink")
    assert 'class="line ink" d="M10 55 20 45M60 25 70 15"' in drawn
    assert 'class="dot ink" d="M40 35h0"' in drawn
    assert not line(frame, column(0), column(np.nan), "ink")


def test_a_band_goes_there_along_the_top_and_back_along_the_bottom(frame: Frame) -> None:
    drawn = band(frame, column(0, 100), (column(10, 0), column(20, 50)), "pale")
    assert drawn == '<path class="band pale" d="M10 35 110 5 110 55 10 45Z"/>'


def test_a_band_breaks_where_a_bound_is_missing(frame: Frame) -> None:
    x, low = column(0, 25, 50, 75, 100), column(0, 0, np.nan, 0, 0)
    assert band(frame, x, (low, low + 10), "pale").count("M") == 2


def test_stems_begin_at_zero_and_bars_name_their_value(frame: Frame) -> None:
    drawn = stems(frame, column(0, 50, 100), column(10, np.nan, 20), "blue")
    assert drawn == '<path class="line blue" d="M10 55V45M110 55V35"/>'
    drawn = bar(frame, (10, 20), 25, "7 & more")
    assert 'x="20" y="30" width="9" height="25"' in drawn
    assert "<title>7 &amp; more</title>" in drawn


def test_dots_skip_missing_values(frame: Frame) -> None:
    assert dots(frame, column(0, 50), column(np.nan, 50), "blue").count("M") == 1


def test_words_are_escaped() -> None:
    assert text(1, 2, "<a>", "tick", "end") == (
        '<text class="tick" x="1" y="2" text-anchor="end">&lt;a&gt;</text>'
    )


def test_thinning_keeps_every_peak_and_both_ends() -> None:
    x = np.linspace(0, 100, 20_000)
    y = np.sin(x)
    y[[1234, 15_678]] = [9.0, -9.0]
    kept_x, kept_y = thinned(x, y, 100)
    assert len(kept_x) < 250
    assert {9.0, -9.0, y[0], y[-1]} <= set(kept_y.tolist())
    assert (np.diff(kept_x) > 0).all()


def test_thinning_keeps_a_gap_that_the_eye_would_see_and_no_other() -> None:
    x = np.linspace(0, 100, 20_000)
    y = np.ones(20_000)
    y[::2] = np.nan
    y[10_000:11_000] = np.nan
    drawn_x, drawn_y = thinned(x, y, 100)
    breaks = drawn_x[1:-1][np.isnan(drawn_y[1:-1])]
    assert len(breaks)
    assert (breaks > 49).all()
    assert (breaks < 56).all()


def test_few_points_are_all_kept() -> None:
    x = y = np.arange(150.0)
    assert thinned(x, y, 100)[0] is x
    assert enveloped(x, y, y, 100)[0] is x


def test_an_envelope_keeps_the_outermost_bounds_of_each_column() -> None:
    x = np.linspace(0, 9.999, 1000)
    high = np.tile(np.arange(100.0), 10)
    across, low, top = enveloped(x, -high, high, 10)
    assert len(across) == 10
    assert set(top.tolist()) == {99.0}
    assert set(low.tolist()) == {-99.0}


def test_a_long_line_is_as_short_a_text_as_its_width_allows(frame: Frame) -> None:
    x = np.linspace(0, 100, 20_000)
    drawn = line(frame, x, 25 + 20 * np.sin(x * 7), "ink")
    assert len(re.findall(r"\d+(?:\.\d)? \d+(?:\.\d)?", drawn)) <= 2 * 101 + 2
