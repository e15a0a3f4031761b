from pathlib import Path

from drydock.faults import KINDS
from drydock.route_list import with_route_list
from drydock.routes import ROUTES

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "drydock.md"


def test_the_page_s_route_list_is_the_table_byte_for_byte() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_route_list(page) == page


def test_the_page_names_each_route_and_each_weather() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for route in ROUTES:
        assert f"| {route.name} | " in page
    for kind in KINDS:
        assert f"| `{kind}` | " in page
