"""Small raw files, read in this process."""

import io
from collections.abc import Callable, Sequence

import pytest

from trainer.prepare.lines import Source
from trainer.prepare.options import parse_options
from trainer.prepare.report import Report
from trainer.prepare.series import Prepared
from trainer.prepare.work import prepare


@pytest.fixture
def prepared() -> Callable[..., tuple[Prepared, Report]]:
    """Prepare bytes or text with the given options."""

    def call(content: str | bytes, *arguments: str) -> tuple[Prepared, Report]:
        raw = content.encode() if isinstance(content, str) else content
        source = Source(name="raw.tsv", stream=io.BytesIO(raw), size=len(raw))
        return prepare(source, parse_options(["raw.tsv", *arguments]))

    return call


def line(
    day: str, *, kind: str = "S", quantity: object = 1, cost: object = 2.5, product: int = 7
) -> str:
    return f"1\t{product}\t1\t0\t{day} 00:00:00\t{kind}\t{quantity}\t{cost}\t{day} 00:00:00\n"


def text(days: Sequence[str]) -> str:
    return "".join(line(day) for day in days)
