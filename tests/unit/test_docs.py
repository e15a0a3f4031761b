"""The pages of docs: the generated ones are current, and links lead somewhere."""

import importlib.util
import re
from pathlib import Path

import pytest

from hakobune import __version__
from hakobune.model.host_settings import HOST_SETTINGS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("name", ["cli.md", "exit-codes.md", "forms.md"])
def test_a_generated_page_is_what_its_program_writes(name: str) -> None:
    path = ROOT / "docs/reference/generate.py"
    spec = importlib.util.spec_from_file_location("generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (path.parent / name).read_text(encoding="utf-8") == module.pages()[name], "make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_nobody_is_told_to_install_hakobune_from_an_index_that_lacks_it() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "notebooks").glob("*.ipynb")]
    pages = set(PAGES) - {ROOT / "CHANGELOG.md"}  # which says what was
    told = re.compile(r"""\binstall\s+([^\n`#]*\s)?["']?(hakobune|drydock)(\[|["'`\s]|$)""")
    for path in (*pages, *sources):
        assert not told.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_a_page_names_the_wheel_that_is_built(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    wheels = set(re.findall(r"/([\w.-]+\.whl)", text))
    assert wheels == {f"hakobune-{__version__}-py3-none-any.whl"}


def test_the_table_of_what_reaches_whom_is_the_list_in_the_code() -> None:
    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    _, _, table = page.partition("| setting | this process | engine | build | container |\n")
    assert table.splitlines()[1:] == [setting.row() for setting in HOST_SETTINGS]
