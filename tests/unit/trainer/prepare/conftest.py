"""Small raw files, read in this process."""

import io
from collections.abc import Callable

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
