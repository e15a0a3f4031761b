"""`--json`, for the commands whose results other programs read."""

import functools
from collections.abc import Callable
from typing import Any

import click


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option; with `--dry-run` it is wrong usage."""

    @functools.wraps(command)
    def checked(**given: Any) -> None:  # noqa: ANN401 - click checked each
        if given["is_json"] and given.get("dry_run"):
            raise click.UsageError("--dry-run prints what would be done, and no JSON")
        command(**given)

    option = click.option(
        "--json", "is_json", is_flag=True, help="Print one JSON object; all else goes to stderr."
    )
    return option(checked)
