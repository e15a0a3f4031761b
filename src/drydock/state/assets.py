"""Assets with a name and versions: environments, data, models, code."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drydock.arm_ids import text_of
from drydock.clock import Clock
from drydock.refusal import Refusal, bad_request
from drydock.state.store import Store

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetVersion:
    """One version of an asset; `given` are its properties as the client sent them."""

    name: str
    version: str
    given: Mapping[str, Any]
    created: str
    modified: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetContainer:
    """What was set for an asset's name as a whole; `given` are its properties."""

    name: str
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset's name with its versions, the oldest first, and what was set for the name."""

    name: str
    versions: tuple[AssetVersion, ...]
    given: Mapping[str, Any]

    @property
    def is_archived(self) -> bool:
        """Whether the asset as a whole or each of its versions is archived."""
        return bool(self.given.get("isArchived")) or all(
            bool(version.given.get("isArchived")) for version in self.versions
        )

    @property
    def latest(self) -> AssetVersion:
        """The version that was registered last."""
        return self.versions[-1]

    @property
    def next_version(self) -> str:
        """The number after the highest version that is a number."""
        numbers = [int(v.version) for v in self.versions if _NUMBER.fullmatch(v.version)]
        return str(max(numbers, default=0) + 1)


# Returns the part of a version's properties that may not change once it is registered.
Fixed = Callable[[Mapping[str, Any]], object]


class Assets:
    """All assets of one kind; `fixed` returns the part of a version that may not change."""

    def __init__(self, folder: Path, *, kind: str, fixed: Fixed, clock: Clock) -> None:
        self.kind = kind
        self._fixed = fixed
        self._clock = clock
        self._store = Store(folder, AssetVersion)
        self._containers = Store(folder.with_name(f"{folder.name}-containers"), AssetContainer)
        self._putting = threading.Lock()  # of two concurrent requests, one is first

    def all(self) -> tuple[Asset, ...]:
        """Return every asset, the oldest first."""
        names = dict.fromkeys(held.name for held in self._store.all())
        return tuple(self.get(name) for name in names)

    def get(self, name: str) -> Asset:
        """Return an asset."""
        versions = tuple(held for held in self._store.all() if held.name == name)
        if not versions:
            raise self._missing(name)
        container = self._containers.get(name)
        return Asset(name=name, versions=versions, given=container.given if container else {})

    def next_version(self, name: str) -> str:
        """Return the next version of an asset, which need not be there yet."""
        versions = tuple(held for held in self._store.all() if held.name == name)
        return Asset(name=name, versions=versions, given={}).next_version

    def put_container(self, name: str, given: Mapping[str, Any]) -> Asset:
        """Set what holds for an asset as a whole."""
        self.get(name)
        self._containers.put(name, AssetContainer(name=name, given=dict(given)))
        return self.get(name)

    def get_version(self, name: str, version: str) -> AssetVersion:
        """Return one version."""
        held = self._store.get(_key(name, version))
        if held is None:
            raise self._missing(f"{name}:{version}")
        return held

    def put(self, name: str, version: str, given: Mapping[str, Any]) -> tuple[AssetVersion, bool]:
        """Store a version; return it and whether it is new. Its fixed part may not change."""
        for text in (name, version):
            if not NAME.fullmatch(text):
                raise bad_request(f"{self.kind}: the name or version '{text}' is not valid.")
        with self._putting:
            return self._put(name, version, given)

    def _put(self, name: str, version: str, given: Mapping[str, Any]) -> tuple[AssetVersion, bool]:
        held = self._store.get(_key(name, version))
        now = text_of(self._clock.now())
        if held is None:
            made = AssetVersion(
                name=name, version=version, given=dict(given), created=now, modified=now
            )
            return self._store.put(_key(name, version), made), True
        if self._fixed(held.given) != self._fixed(given):
            raise Refusal(
                409,
                "UserError",
                f"{self.kind} version {name}:{version} is already registered and cannot be "
                "changed. Specify a new version.",
            )
        changed = replace(held, given=dict(given), modified=now)
        return self._store.put(_key(name, version), changed), False

    def _missing(self, what: str) -> Refusal:
        return Refusal(404, "UserError", f"Not found: {self.kind} {what}.")


def find_by_hash(codes: Assets, digest: str) -> tuple[AssetVersion, ...]:
    """Return the code versions that were uploaded with this hash, under any name."""
    return tuple(
        version
        for asset in codes.all()
        for version in asset.versions
        if (version.given.get("properties") or {}).get("hash_sha256") == digest
    )


def _key(name: str, version: str) -> str:
    return f"{name}/{version}"
