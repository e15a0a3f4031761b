"""What a user reads is plain English: no idiom of this project's older texts comes back.

The rules ask for an actor and an active verb, for the field's words (retry, sandbox, unsigned), and
for no verbs of people for machines and files. This test finds idioms that have no honest use.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Packages of src whose strings are checked; a package is added once its texts are rewritten.
PACKAGES: tuple[str, ...] = ("drydock", "hakobune", "trainer")

DOCUMENTS = (
    "*.md",
    "docs/**/*.md",
    "docs/reference/generate.py",
    "benchmarks/README.md",
    "data/README.md",
    "runs/README.md",
    "notebooks/*.ipynb",
    "Makefile",
    "docker-compose.yml",
    "docker/**/*.md",
    "docker/**/*.sh",
    "docker/drydock/*.py",
    "docker/**/*.yml",
    "docker/**/pyproject.toml",
    "docker/**/Dockerfile",
    "environments/*.yml",
    "environments/*.sh",
)
# The pages and Dockerfiles that come from strings of src are checked there, with their package.
GENERATED = {
    "docs/reference/cli.md",
    "docs/reference/exit-codes.md",
    "docker/Dockerfile",
    "docker/mlflow/docker/Dockerfile",
}
# Their bytes decide the tag of the base image, which each image records: a word changes its digest.
PINNED_BY_THE_IMAGE = {
    "docker/base/build.sh",
    "docker/base/finish.sh",
    "docker/base/Dockerfile",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Idiom:
    """A pattern of words, what to write instead, a sentence that has it, and one that may stay."""

    words: str
    instead: str
    bad: str
    good: str = ""

    @property
    def pattern(self) -> re.Pattern[str]:
        """Match whole words, in any case, also across a line break of prose or of a comment."""
        words = self.words.replace(" ", r"[\s#]+")
        return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


IDIOMS = (
    Idiom(
        words=r"told|tells?|telling",
        instead="report, print, log, show",
        bad="a retry is told on stderr",
        good="the storyteller",
    ),
    Idiom(
        words=r"lies|lain|lay there",
        instead="is in, exists",
        bad="The lock lies beside it.",
        good="It relies on a layer that applies.",
    ),
    Idiom(
        words=r"stands?(?!-in|alone|-alone)|stood",
        instead="is in, contains, replaces",
        bad="The sum stands in the lock.",
        good="The stand-in is standard; a standalone file that a reader understands.",
    ),
    Idiom(words=r"borne", instead="is retried, is tolerated", bad="A dropped line is borne."),
    Idiom(
        words=r"(?:is|are|be) none",
        instead="is missing, must be at least N",
        bad="a season of 1 steps is none",
        good="The default is `none`: none of them is used.",
    ),
    Idiom(
        words=r"(?<!there\s)(?:is|are) no(?! longer| more than)",
        instead="is not a",
        bad="the input is no UTF-8 text",
        good="There is no colour. The tag is no longer used, and there are no others.",
    ),
    Idiom(
        words=r"(?:forecasts|predicts|reads|finds) what is",
        instead="name the thing: non-finite forecasts",
        bad="the model forecasts what is no number",
    ),
    Idiom(
        words=r"to be (?:seen|had|found|asked|told)",
        instead="not verifiable here, unavailable",
        bad="not to be seen from here",
        good="It needs to be built.",
    ),
    Idiom(
        words=r"befalls?|befell|strikes?|struck",
        instead="inject a fault, fails",
        bad="Let a fault strike.",
    ),
    Idiom(words=r"shut in", instead="sandboxed", bad="the program is shut\n# in", good="shut down"),
    Idiom(words=r"parted by", instead="separated by", bad="numbers parted by commas"),
    Idiom(
        words=r"anew",
        instead="again",
        bad="The list is written anew.",
        good="a new list, renewed",
    ),
    Idiom(
        words=r"mend(?:s|ed|ing)?", instead="fix", bad="mend the file", good="amend, recommended"
    ),
    Idiom(
        words=r"nobody|somebody|anybody|everybody",
        instead="name the actor: any user, an arbitrary UID",
        bad="a user that nobody knows",
        good="the body of a request",
    ),
    Idiom(
        words=r"knows",
        instead="supports, has, is logged in to",
        bad="Azure knows no login of this machine.",
        good="the known values; to know them in advance",
    ),
    Idiom(
        words=r"vouch(?:es|ed|ing)?",
        instead="matches the record, is verified",
        bad="No record vouches for it.",
        good="a voucher",
    ),
    Idiom(
        words=r"(?:is|are) (?:not )?said|says? so|said so",
        instead="reports, states; missing: X",
        bad="It is not said where to.",
        good="The message says what is missing.",
    ),
    Idiom(
        words=r"hears? of|heard of|believes?|forgets?|forgotten",
        instead="receives, trusts, resets",
        bad="MLflow hears of the run.",
    ),
    Idiom(
        words=r"asks? the (?:network|index|package index|registry|image|engine)",
        instead="queries, uses the network",
        bad="the only step that asks the package index",
        good="The program asks the user.",
    ),
    Idiom(
        words=r"(?:of|in) itself|of themselves",
        instead="name the object",
        bad="A run tells MLflow of itself; the file is whole in itself.",
        good="It starts by itself.",
    ),
    Idiom(
        words=r"goes? on(?! the| to)|went on",
        instead="continues, keeps running",
        bad="The job goes on without this terminal.",
        good="What goes on the stack; go on to step 2.",
    ),
    Idiom(
        words=r"whether (?:that|this|it) is (?:still )?so|why it is so|where it is not so",
        instead="whether the lock is up to date",
        bad="--check says whether that is still so",
        good="whether it is still used",
    ),
    Idiom(words=r"list of parts", instead="SBOM", bad="Write the image's list of parts."),
    Idiom(
        words=r"weathers?",
        instead="fault",
        bad="Each weather at each step.",
        good="a weatherproof test",
    ),
    Idiom(
        words=r"fates?",
        instead="outcome, exit status",
        bad="the exit code is the job's fate",
        good="a fated name",
    ),
    Idiom(
        words=r"deaf|blind|mute|silent about",
        instead="does not respond",
        bad="a deaf server",
    ),
    Idiom(
        words=r"(?:has|have) to be there",
        instead="needs, prerequisite",
        bad="Nothing has to be there before.",
        good="The file has to be complete.",
    ),
    Idiom(
        words=r"then again|than it should",
        instead="and retry; degraded",
        bad="correct what it names, then again",
        good="Correct the file, then run it again.",
    ),
    Idiom(
        words=r"passed over",
        instead="skipped, ignored, rejected",
        bad="Third-party entries are passed over.",
        good="passed on to the program",
    ),
    Idiom(
        words=r"whither|whence|thereof|thereby|herein|aught|naught|ere",
        instead="today's words",
        bad="the folder whence it came",
        good="where",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An idiom at a place, as the test prints it."""

    place: str
    words: str
    instead: str

    def __str__(self) -> str:
        return f"{self.place}: {self.words!r}; write: {self.instead}"


def find_idioms(text: str, name: str, first_line: int = 1) -> list[Found]:
    """Return each idiom of a text with the line where it begins."""
    found = []
    for idiom in IDIOMS:
        for match in idiom.pattern.finditer(text):
            line = first_line + text.count("\n", 0, match.start())
            words = re.sub(r"[\s#]+", " ", match[0])
            found.append((line, Found(place=f"{name}:{line}", words=words, instead=idiom.instead)))
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def documents() -> list[Path]:
    """Return the files that are checked as a whole: prose, comments and the code between."""
    paths = {path for pattern in DOCUMENTS for path in ROOT.glob(pattern)}
    left_out = {ROOT / name for name in GENERATED | PINNED_BY_THE_IMAGE}
    return sorted(paths - left_out)


def text_of(path: Path) -> str:
    """Return a file's text; a notebook's prose without the JSON between two lines of a cell."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r'\\n",\n\s*"', "\n", text) if path.suffix == ".ipynb" else text


def sources(package: str) -> list[Path]:
    """Return the modules of a package."""
    return sorted((ROOT / "src" / package).rglob("*.py"))


def strings_of(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each string that a user may read, and of no other docstring.

    A docstring counts where it is printed: the help of a command, and the meaning of an error.
    """
    tree = ast.parse(source)
    hidden = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and ast.get_docstring(node) is not None
        and not is_shown(node)
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in hidden
        ):
            yield node.lineno, node.value


def is_shown(node: ast.AST) -> bool:
    """Return whether a docstring is printed: of a command or group of click, or of an error."""
    if isinstance(node, ast.ClassDef):
        return node.name.endswith("Error")
    names = {ast.unparse(each).split("(")[0] for each in getattr(node, "decorator_list", ())}
    return any(name.split(".")[-1] in ("command", "group") for name in names)


def find_in_strings(source: str, name: str) -> list[Found]:
    """Return each idiom in the strings of a source text."""
    return [found for line, text in strings_of(source) for found in find_idioms(text, name, line)]


def shown(found: list[Found]) -> str:
    return "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_is_plain_english(path: Path) -> None:
    found = find_idioms(text_of(path), str(path.relative_to(ROOT)))
    assert not found, shown(found)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_strings_of_a_package_are_plain_english(package: str) -> None:
    found = [
        each
        for path in sources(package)
        for each in find_in_strings(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    ]
    assert not found, shown(found)


def test_every_place_has_files_and_every_exception_exists() -> None:
    assert not [pattern for pattern in DOCUMENTS if not list(ROOT.glob(pattern))]
    assert all((ROOT / name).is_file() for name in GENERATED | PINNED_BY_THE_IMAGE)
    assert all(sources(package) for package in PACKAGES)


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.bad)
def test_each_idiom_is_found_and_its_honest_use_is_not(idiom: Idiom) -> None:
    assert idiom.instead in [each.instead for each in find_idioms(idiom.bad, "page.md")]
    assert not find_idioms(idiom.good, "page.md")
    assert not find_idioms(f"Write: {idiom.instead}.", "page.md")


def test_a_finding_names_file_and_line_also_across_a_line_break() -> None:
    text = "# One line.\n# The program is shut\n#   in here.\n\nIt is told.\n"
    assert [str(each) for each in find_idioms(text, "a/page.md")] == [
        "a/page.md:2: 'shut in'; write: sandboxed",
        "a/page.md:5: 'told'; write: report, print, log, show",
    ]


def test_a_notebook_keeps_its_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text('{\n"source": [\n "The image is shut\\n",\n "in here.\\n",\n "Told."\n]}\n')
    assert [each.place for each in find_idioms(text_of(path), "a.ipynb")] == [
        "a.ipynb:3",
        "a.ipynb:5",
    ]


MODULE = '''"""A module's docstring, which lies in the source."""

import click


class LostError(Exception):
    """The key lies elsewhere."""


class Plane:
    """A value that lies in memory."""


@click.command(help="Say where it lies.")
def first() -> None:
    """Print what lies here."""
    # A comment lies where it is written.
    click.echo(f"{first} lies there, {1!r}")


def second() -> str:
    """Return what lies there."""
    return (
        "The folder is full, "
        "and it lies there."
    )
'''


def test_strings_are_checked_and_comments_and_other_docstrings_are_not() -> None:
    found = find_in_strings(MODULE, "module.py")
    assert {each.words for each in found} == {"lies"}
    assert sorted(int(each.place.split(":")[1]) for each in found) == [7, 14, 16, 18, 24]
