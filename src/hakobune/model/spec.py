"""What an environment file says, with the line that says it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One wanted package.

    `text` is a requirement as pip understands it (PEP 508), `written` is what the file holds, and
    `line` counts from 1.
    """

    name: str
    text: str
    written: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """A conda environment file, reduced to what decides the image.

    `name` is what images, registries and Azure ML call it, and `written_name` what the file does.
    `python` is a version such as `3.13`; `sha256` is that of the file's bytes, as lower-case hex.
    """

    name: str
    written_name: str
    name_line: int
    python: str
    python_line: int
    channels: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    sha256: str


def requirement_name(text: str) -> str:
    """Return the normalised name at the start of a valid requirement (PEP 503, PEP 508)."""
    name = re.match(r"[A-Za-z0-9._-]*", text)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""
