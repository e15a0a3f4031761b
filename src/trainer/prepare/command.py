"""The command `python -m trainer prepare`. Raises TrainerError; its caller tells and exits."""

from collections.abc import Sequence

from trainer.interruption import held_back
from trainer.prepare.options import parse_options


def run(arguments: Sequence[str]) -> int:
    """Do what the command line says; return 0. Exits with 2 where it is wrong."""
    options = parse_options(arguments)
    with held_back():
        from trainer.prepare.work import work  # noqa: PLC0415 - loads numpy, which --help does not need

    work(options)
    return 0
