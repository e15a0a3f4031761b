"""What jobs tell of themselves while they run: metrics, parameters and tags, as MLflow has them."""

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
    """What was told of one run. Each metric is `key`, `value`, `timestamp` and `step`."""

    metrics: tuple[Mapping[str, Any], ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def latest(self) -> tuple[Mapping[str, Any], ...]:
        """Return of each metric the one of the furthest step; of these the youngest."""
        found: dict[str, Mapping[str, Any]] = {}
        for metric in sorted(self.metrics, key=_age):
            found[metric["key"]] = metric
        return tuple(found.values())


class Tracking:
    """All runs' tellings."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, Tracked)
        self._lock = threading.Lock()

    def get(self, run: str) -> Tracked:
        """Return what was told of a run."""
        return self._store.get(run) or Tracked()

    def log(
        self, run: str, *, metrics: Entries = (), parameters: Entries = (), tags: Entries = ()
    ) -> None:
        """Keep what is told. A parameter that was told with another value is refused, with all."""
        with self._lock:
            held = self.get(run)
            told = {str(entry["key"]): str(entry["value"]) for entry in parameters}
            for name, value in told.items():
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
                    parameters={**held.parameters, **told},
                    tags={**held.tags, **{str(tag["key"]): str(tag["value"]) for tag in tags}},
                ),
            )

    def remove(self, run: str) -> None:
        """Forget a run."""
        self._store.remove(run)


def _age(metric: Mapping[str, Any]) -> tuple[int, int]:
    return int(metric["step"]), int(metric["timestamp"])
