"""The command `python -m trainer predict`. Raises TrainerError; its caller tells and exits."""

from collections.abc import Sequence

from trainer.interruption import held_back
from trainer.predict.options import parse_options


def run(arguments: Sequence[str]) -> int:
    """Return 0 once the forecast is written. Exits with 2 on wrong usage."""
    options = parse_options(arguments)
    with held_back():
        from trainer.predict.work import work  # noqa: PLC0415 - loads pandas, which --help does not need

    return work(options)
