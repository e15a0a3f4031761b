"""Small raw files, read in this process."""

from collections.abc import Callable

import pytest

from trainer.input.source import source_of
from trainer.prepare.options import parse_options
from trainer.prepare.report import Report
from trainer.prepare.series import Prepared
from trainer.prepare.work import prepare


@pytest.fixture
def prepared() -> Callable[..., tuple[Prepared, Report]]:
    """Prepare bytes or text with the given options."""

    def call(content: str | bytes, *arguments: str) -> tuple[Prepared, Report]:
        raw = content.encode() if isinstance(content, str) else content
        return prepare(source_of(raw, "raw.tsv"), parse_options(["raw.tsv", *arguments]))

    return call
