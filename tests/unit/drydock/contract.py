"""Is an answer what the installed SDK's models and the service's recorded answers say?"""

import ast
import datetime as dt
import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = Path(__file__).parents[2] / "cases"
# The REST clients of the SDK that the tool, the SDK and MLflow's plugin go through.
SECTIONS = (
    "arm_ml_service",
    "runhistory",
    "dataset_dataplane",
    "model_dataplane",
    "workspace_dataplane",
)
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


def read_contract() -> Contract:
    """Return the contract of the installed azure-ai-ml, from the source of its REST clients.

    Only the source has a field's type and an operation's route; nothing of it is imported.
    """
    package = importlib.util.find_spec("azure.ai.ml")
    assert package is not None
    assert package.origin is not None
    clients = Path(package.origin).parent / "_restclient"
    return Contract(
        models={name: _models(clients / name / "models" / "_models.py") for name in SECTIONS},
        enums={name: _enums(clients / name / "models" / "_enums.py") for name in SECTIONS},
        routes={
            name: list(_routes(clients / name / "operations" / "_operations.py"))
            for name in SECTIONS
        },
    )


def _classes(path: Path) -> Iterator[ast.ClassDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (node for node in tree.body if isinstance(node, ast.ClassDef))


def _models(path: Path) -> dict[str, Any]:
    """Return bases, fields by their names on the wire, and the discriminator's value of each."""
    found = {}
    for node in _classes(path):
        fields = {}
        for part in node.body:
            if isinstance(part, ast.AnnAssign) and isinstance(part.value, ast.Call):
                names = [k.value for k in part.value.keywords if k.arg == "name"]
                name = ast.literal_eval(names[0]) if names else ast.unparse(part.target)
                fields[name] = {"type": ast.unparse(part.annotation)}
        kinds = [ast.literal_eval(k.value) for k in node.keywords if k.arg == "discriminator"]
        bases = [ast.unparse(base) for base in node.bases]
        found[node.name] = {
            "bases": bases,
            "fields": fields,
            "discriminator_kw": kinds[0] if kinds else None,
        }
    return found


def _enums(path: Path) -> dict[str, list[str]]:
    return {
        node.name: [
            ast.literal_eval(part.value) for part in node.body if isinstance(part, ast.Assign)
        ]
        for node in _classes(path)
    }


def _routes(path: Path) -> Iterator[dict[str, str]]:
    """Yield the route of each function that builds a request."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("build_"):
            continue
        texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
        (method,) = [
            ast.literal_eval(keyword.value)
            for part in ast.walk(node)
            if isinstance(part, ast.Call) and ast.unparse(part.func) == "HttpRequest"
            for keyword in part.keywords
            if keyword.arg == "method"
        ]
        yield {
            "op": node.name.removeprefix("build_").removesuffix("_request"),
            "method": method,
            "url": next(text for text in texts if isinstance(text, str) and text.startswith("/")),
        }


def read_recorded() -> dict[str, Any]:
    """Return the fields and types of answers of the live service; see the file's `source`."""
    found = json.loads((CASES / "azure-answers.json").read_text(encoding="utf-8"))
    answers: dict[str, Any] = found["answers"]
    return answers


def lacking(recorded: Any, answered: Any, path: str = "") -> Iterator[str]:
    """Return the fields of a recorded answer that ours does not have."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        for name, part in recorded.items():
            if name not in answered:
                yield f"{path}/{name}"
            else:
                yield from lacking(part, answered[name], f"{path}/{name}")
