"""The command `python -m trainer compare`. Raises TrainerError; its caller prints it and exits."""

from collections.abc import Sequence

from trainer.compare.options import parse_options
from trainer.interruption import held_back


def run(arguments: Sequence[str]) -> int:
    """Return 0 to promote the challenger, 10 to keep the champion. Exits with 2 on wrong usage."""
    options = parse_options(arguments)
    with held_back():
        from trainer.compare.work import work  # noqa: PLC0415 - loads pandas, which --help does not need

    return work(options)
