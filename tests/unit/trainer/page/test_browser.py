"""The page in a real browser, where one is installed: nothing is cut, nor wider than a phone."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.samples import PATIENCE_S
from tests.unit.trainer.many.page_sample import many_sample
from tests.unit.trainer.page.sample import bare, nasty, sample
from trainer.page.many_page import write_many_page
from trainer.page.page import write_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
PAGES = {
    "sample": write_page(sample()),
    "nasty": write_page(nasty()),
    "bare": write_page(bare()),
    "many": write_many_page(many_sample()),
}
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Browsers do not open windows as narrow as a phone, but they do lay out a frame of that width.
FRAME = """<!doctype html><output></output>
<iframe width="{width}" height="844" srcdoc="{page}"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const inside = frame.contentDocument;
  const texts = [...inside.querySelectorAll("svg text")].filter(t => t.getClientRects().length);
  const sizes = texts.map(t => 12 * t.getScreenCTM().a);
  const style = inside.defaultView.getComputedStyle(inside.body).fontFamily;
  const tables = [...inside.querySelectorAll(".scroll")];
  const cut = tables.filter(t => t.scrollWidth > t.clientWidth + 1).length;
  document.querySelector("output").textContent = `cut=${{cut}} ` +
    `width=${{inside.documentElement.scrollWidth}} text=${{Math.min(...sizes)}} font=${{style}}`;
}};
</script>"""


@pytest.mark.process
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
def test_nothing_is_cut_or_wider_than_a_phone_and_text_in_charts_can_be_read(
    content: bytes, width: int, tmp_path: Path
) -> None:
    assert CHROMIUM
    page = html.escape(content.decode())
    (tmp_path / "frame.html").write_text(FRAME.format(page=page, width=width), encoding="utf-8")
    done = subprocess.run(
        [
            *(CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"),
            (tmp_path / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    found = re.search(r"cut=(\d+) width=(\d+) text=([\d.]+) font=(\w+)", done.stdout)
    assert found
    assert int(found[1]) == 0
    assert int(found[2]) <= width
    assert float(found[3]) >= 11
    assert found[4] == "Charter"  # the policy let the style sheet through
