import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.trainer.page.reading import outline, text
from tests.unit.trainer.page.sample import NASTY, bare, nasty, sample
from trainer.page.content import Content, Kind, Verdict
from trainer.page.page import write_page

ROOM = Path(__file__).resolve().parents[4] / "src" / "trainer" / "page"


def test_the_same_value_gives_the_same_bytes() -> None:
    assert write_page(sample()) == write_page(sample())


def test_the_verdict_comes_first() -> None:
    kinds: dict[Kind, str] = {
        "win": "Better than the baselines",
        "lose": "Not better than the baselines",
        "unclear": "No significant difference from the baselines",
        "none": "Not compared with the baselines",
    }
    for kind, words in kinds.items():
        verdict = Verdict(kind=kind, sentence="The sentence.")
        content = sample(rows=150, horizon=14, held_out=14)
        page = text(write_page(replace(content, head=replace(content.head, verdict=verdict))))
        assert page.index(words) < page.index("The sentence.") < page.index("Key figures")


def test_every_part_is_there_and_linked() -> None:
    found = outline(write_page(sample()))
    links = [a["href"] for tag, a in found.tags if tag == "a"]
    ids = [f"#{a['id']}" for tag, a in found.tags if tag == "section"]
    assert links == ids
    assert len(ids) == 7


@pytest.mark.parametrize("content", [sample(), nasty(), bare()], ids=["sample", "nasty", "bare"])
def test_the_page_is_well_formed_and_loads_and_runs_nothing(content: Content) -> None:
    found = outline(write_page(content))
    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "base", "form", "image", "use"}
    for _, attributes in found.tags:
        assert not {n for n in attributes if n.startswith("on") or n in ("src", "style", "srcset")}
        assert (attributes.get("href") or "#").startswith("#")
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_the_policy_allows_the_style_sheet_alone() -> None:
    policies = [
        a["content"]
        for tag, a in outline(write_page(sample())).tags
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'",
        policies[0] or "",
    )


def test_the_page_says_its_language_and_fits_phones_and_both_schemes() -> None:
    found = outline(write_page(sample())).tags
    assert ("html", {"lang": "en"}) in found
    metas = {a.get("name"): a.get("content") for tag, a in found if tag == "meta"}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == "light dark"


def test_hostile_text_is_shown_and_not_run() -> None:
    page = write_page(nasty())
    assert b"<script" not in page
    shown = " ".join(NASTY.replace("\u202e", "").split())
    assert text(page).count(shown) >= 10
    assert "\u202e" not in page.decode()


def test_what_is_not_there_is_said() -> None:
    page = text(write_page(bare()))
    for words in (
        "not defined here",
        "There is no forecast.",
        "No backtest was run.",
        "There is no residual.",
        "The order was given; no search was run.",
        "No rows were filled, sorted or dropped.",
    ):
        assert words in page


def test_the_search_and_the_run_are_told() -> None:
    page = text(write_page(sample()))
    for words in (
        "Seasonal strength 0.81 is above 0.64",
        "94 models were fitted.",
        "(2,0,0)(0,1,2)[7] with drift chosen",
        "6,571.88",
        "ma.S.L14",
        "3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728",
        "--holdout",
        "Look: One outlier",
    ):
        assert words in page


def test_at_most_fifteen_models_and_sixty_steps_are_listed() -> None:
    content = sample(rows=1000, horizon=200, held_out=100)
    assert content.search is not None
    many = content.search.candidates * 10
    page = write_page(replace(content, search=replace(content.search, candidates=many)))
    body = page.decode().split("<section id=")
    assert body[5].count('<th scope="row">') == 15
    assert body[2].count('<th scope="row">') == 60
    assert "forecast.csv has all 200 steps." in body[2]


def test_a_page_of_1000_values_is_small_and_of_20000_not_much_larger() -> None:
    assert len(write_page(sample(rows=1000, horizon=100, held_out=100))) < 200_000
    assert len(write_page(sample(rows=20_000, horizon=2000, held_out=2000))) < 300_000


def test_the_room_needs_nothing_but_numpy_and_the_standard_library() -> None:
    allowed = {"numpy", "base64", "collections", "dataclasses", "hashlib", "html", "itertools"}
    allowed |= {"math", "statistics", "typing", "unicodedata", "trainer"}
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.module
                names = [node.module]
                assert node.module.startswith("trainer.page") or "trainer" not in node.module
            assert {name.split(".")[0] for name in names} <= allowed, path
