"""What a program inside an image printed, to values. No I/O."""

import json
from typing import Any

from hakobune.model.parts import Part, Parts

# A longer text in the field `License` is the licence itself and not its name.
_LONGEST_NAME = 80


def read_parts(text: str) -> Parts:
    """Return the parts. Raises ValueError where the text is not what `list_parts.py` prints."""
    try:
        found = json.loads(text)
        return Parts(
            distribution=str(found["distribution"]),
            debian=tuple(_debian(each) for each in found["debian"]),
            python=tuple(_python(each) for each in found["python"]),
        )
    except (KeyError, TypeError) as exc:
        raise ValueError(f"no list of parts: {exc}") from exc


def _debian(found: dict[str, Any]) -> Part:
    return Part(
        name=str(found["name"]),
        version=str(found["version"]),
        architecture=str(found["architecture"]),
        licences=tuple(found["licences"]),
        expression="",
    )


def _python(found: dict[str, Any]) -> Part:
    return Part(
        name=str(found["name"]),
        version=str(found["version"]),
        architecture="",
        licences=_licences(str(found["licence"]), found["classifiers"]),
        expression=str(found["expression"]),
    )


def _licences(field: str, classifiers: list[str]) -> tuple[str, ...]:
    """Return the name in the field `License`, else what the classifiers call it."""
    name = field.strip()
    if name and "\n" not in name and len(name) <= _LONGEST_NAME and name.upper() != "UNKNOWN":
        return (name,)
    names = {text.split(" :: ")[-1] for text in classifiers}
    return tuple(sorted(names - {"OSI Approved"}))
