"""What a comparison that a test calls comes to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainer.errors import TrainerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a comparison came to: its exit code or failure, and its JSON."""

    exit_code: int
    failure: TrainerError | None
    verdict: dict[str, Any]


Compare = Callable[..., Answered]
