"""Is an answer what the SDK's models and the service's recorded answers say? Reads ../shared."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "Any": (object,),
    "object": (object,),
    "dict": (dict,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Models, enumerations and routes of one SDK release."""

    models: dict[str, Any]
    enums: dict[str, Any]
    routes: dict[str, Any]

    def fields(self, section: str, model: str) -> dict[str, str]:
        """Return the types of a model's fields by their names on the wire, inherited ones too."""
        found = self.models[section][model]
        fields: dict[str, str] = {}
        for base in found["bases"]:
            if base in self.models[section]:
                fields |= self.fields(section, base)
        return fields | {name: field["type"] for name, field in found["fields"].items()}

    def kinds(self, section: str, model: str) -> dict[str, str]:
        """Return the models that stand for this one, by their discriminator's value."""
        kinds: dict[str, str] = {}
        for name, found in self.models[section].items():
            if model in found["bases"]:
                if found["discriminator_kw"]:
                    kinds[found["discriminator_kw"]] = name
                kinds |= self.kinds(section, name)
        return kinds

    def faults(self, section: str, model: str, value: Any, path: str = "") -> Iterator[str]:
        """Return each place where a value is not what the model says."""
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no {model}"
            return
        kinds = self.kinds(section, model)
        for part in value.values():
            if isinstance(part, str) and part in kinds:
                model = kinds[part]
        fields = self.fields(section, model)
        for name, part in value.items():
            if name not in fields:
                yield f"{path}/{name}: unknown to {model}"
            else:
                yield from self._type_faults(section, fields[name], part, f"{path}/{name}")
        for name, type_name in fields.items():
            if name not in value and not type_name.startswith("Optional"):
                yield f"{path}/{name}: missing, and {model} needs it"

    def _type_faults(  # noqa: C901, PLR0912 - one branch per form of a type
        self, section: str, name: str, value: Any, path: str
    ) -> Iterator[str]:
        if found := re.fullmatch(r"Optional\[(.*)\]", name):
            if value is not None:
                yield from self._type_faults(section, found[1], value, path)
        elif found := re.fullmatch(r"list\[(.*)\]", name):
            for number, item in enumerate(value if isinstance(value, list) else [None]):
                yield from self._type_faults(section, found[1], item, f"{path}[{number}]")
        elif found := re.fullmatch(r"dict\[str, (.*)\]", name):
            for key, item in (value if isinstance(value, dict) else {"?": None}).items():
                yield from self._type_faults(section, found[1], item, f"{path}/{key}")
        elif found := re.fullmatch(r"Union\[str, '_models\.(\w+)'\]", name):
            if value not in self.enums[section][found[1]]:
                yield f"{path}: {value!r} is no {found[1]}"
        elif found := re.fullmatch(r"'?_models\.(\w+)'?", name):
            yield from self.faults(section, found[1], value, path)
        elif found := re.fullmatch(r"Literal\[(\w+)\.(\w+)\]", name):
            if not isinstance(value, str):
                yield f"{path}: {value!r} is no {found[1]}"
        elif name == "datetime.datetime":
            yield from _time_faults(value, path)
        elif name == "datetime.timedelta":
            if not re.fullmatch(r"P(\d+D)?(T(\d+[HMS])+)?", str(value)):
                yield f"{path}: {value!r} is no duration"
        elif not isinstance(value, _PLAIN[name]):
            yield f"{path}: {value!r} is no {name}"


def _time_faults(value: Any, path: str) -> Iterator[str]:
    try:
        if dt.datetime.fromisoformat(value).tzinfo is None:
            yield f"{path}: {value!r} has no time zone"
    except (TypeError, ValueError):
        yield f"{path}: {value!r} is no time"


def read_contract(shared: Path) -> Contract:
    """Return the contract of the SDK."""
    found = json.loads((shared / "azureml" / "sdk-1.35.2-contract.json").read_text())
    return Contract(models=found["models"], enums=found["enums"], routes=found["routes"])


def read_recorded(shared: Path) -> dict[str, Any]:
    """Return answers of the live service."""
    found = json.loads((shared / "azureml" / "recorded-shapes.json").read_text())
    assert isinstance(found, dict)
    return found


def lacking(recorded: Any, answered: Any, path: str = "") -> Iterator[str]:
    """Return the fields of a recorded answer that ours does not have."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        for name, part in recorded.items():
            if name not in answered:
                yield f"{path}/{name}"
            else:
                yield from lacking(part, answered[name], f"{path}/{name}")
