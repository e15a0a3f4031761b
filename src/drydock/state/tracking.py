"""What jobs log to MLflow while they run: metrics, parameters and tags."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drydock.refusal import bad_request
from drydock.state.store import Store

Entries = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What one run logged. Each metric has `key`, `value`, `timestamp` and `step`."""

    metrics: tuple[Mapping[str, Any], ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def latest(self) -> tuple[Mapping[str, Any], ...]:
        """Return each metric's entry with the highest step; of several, the newest."""
        found: dict[str, Mapping[str, Any]] = {}
        for metric in sorted(self.metrics, key=_age):
            found[metric["key"]] = metric
        return tuple(found.values())


class Tracking:
    """What all runs logged."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, Tracked)
        self._lock = threading.Lock()

    def get(self, run: str) -> Tracked:
        """Return what a run logged."""
        return self._store.get(run) or Tracked()

    def log(
        self, run: str, *, metrics: Entries = (), parameters: Entries = (), tags: Entries = ()
    ) -> None:
        """Store what a run logs; refuse all of it if a parameter already has another value."""
        with self._lock:
            held = self.get(run)
            logged = {str(entry["key"]): str(entry["value"]) for entry in parameters}
            for name, value in logged.items():
                if held.parameters.get(name, value) != value:
                    raise bad_request(
                        f"The parameter '{name}' is {held.parameters[name]} and cannot be changed."
                    )
            rows = tuple(
                {
                    "key": str(entry["key"]),
                    "value": entry["value"],
                    "timestamp": int(entry.get("timestamp") or 0),
                    "step": int(entry.get("step") or 0),
                }
                for entry in metrics
            )
            self._store.put(
                run,
                Tracked(
                    metrics=(*held.metrics, *rows),
                    parameters={**held.parameters, **logged},
                    tags={**held.tags, **{str(tag["key"]): str(tag["value"]) for tag in tags}},
                ),
            )

    def remove(self, run: str) -> None:
        """Remove a run."""
        self._store.remove(run)


def _age(metric: Mapping[str, Any]) -> tuple[int, int]:
    return int(metric["step"]), int(metric["timestamp"])
