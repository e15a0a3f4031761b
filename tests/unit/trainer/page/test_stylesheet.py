"""Colours that can be read: contrast as the Web Content Accessibility Guidelines 2.2 reckon it."""

import pytest

from trainer.page.stylesheet import DARK, LIGHT, STYLE

SCHEMES = pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@SCHEMES
@pytest.mark.parametrize("name", ["ink", "muted", "blue", "good", "bad"])
def test_text_stands_out_from_the_paper(scheme: dict[str, str], name: str) -> None:
    assert contrast(scheme[name], scheme["paper"]) >= 4.5


@SCHEMES
@pytest.mark.parametrize("name", ["blue", "orange", "green", "grey", "muted"])
def test_lines_stand_out_from_the_paper(scheme: dict[str, str], name: str) -> None:
    assert contrast(scheme[name], scheme["paper"]) >= 3


@SCHEMES
def test_the_forecast_stands_out_from_its_intervals_and_they_from_each_other(
    scheme: dict[str, str],
) -> None:
    assert contrast(scheme["blue"], scheme["half"]) >= 2.5
    assert contrast(scheme["half"], scheme["pale"]) >= 1.3
    assert contrast(scheme["pale"], scheme["paper"]) >= 1.2


def test_both_schemes_name_the_same_colours_and_rules_use_only_those() -> None:
    assert set(LIGHT) == set(DARK)
    used = {part.split(")")[0] for part in STYLE.split("var(--")[1:]}
    assert used == set(LIGHT)


def test_nothing_is_loaded() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
