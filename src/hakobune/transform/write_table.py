"""What `hakobune init` adds to a project's files: text in, text out. What is there stays as it is.

The table, lines of `.gitignore` and of `.gitattributes`. No I/O.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from hakobune.errors import ConfigurationInvalidError, FileDiffersError
from hakobune.model.script import ScriptOption, Takes

FILE = "pyproject.toml"
# What hakobune and drydock write beside the code.
IGNORED = ("/runs/*", "/.hakobune/", "/.drydock/", "/vendor/")


def table_of(
    *, environment: str, source: str, command: Iterable[str], options: Iterable[ScriptOption]
) -> dict[str, Any]:
    """Return `[tool.hakobune]` as values."""
    table: dict[str, Any] = {
        "environment": environment,
        "source": source,
        "command": list(command),
    }
    for option in options:
        if option.takes is Takes.INPUT:
            table.setdefault("inputs", {})[option.name.lower()] = {"flag": option.flag}
        elif option.takes is Takes.OUTPUT:
            files = {"files": list(option.files)} if option.files else {}
            table.setdefault("outputs", {})[option.name.lower()] = {"flag": option.flag, **files}
    return table


def with_table(before: str, table: Mapping[str, Any]) -> str:
    """Return pyproject.toml with the table at its end; unchanged where it has the same one.

    Raises FileDiffersError where it has another, and ConfigurationInvalidError where it is no TOML
    or no table can be added.
    """
    try:
        tool = tomllib.loads(before).get("tool", {})
    except (ValueError, RecursionError) as exc:
        raise _no_toml(str(exc)) from None
    if isinstance(tool, dict) and "hakobune" in tool:
        _require_same(before, tool["hakobune"], table)
        return before
    after = added(before, _text_of(table))
    try:
        is_added = tomllib.loads(after)["tool"]["hakobune"] == table
    except (ValueError, KeyError, TypeError):
        is_added = False
    if not is_added:
        raise ConfigurationInvalidError(
            f"{FILE}: [tool.hakobune] cannot be added, because `tool` is not a table of its own",
            remedy=f"write `[tool.<name>]` as a heading in {FILE}",
            place=FILE,
        )
    return after


def added(before: str, text: str) -> str:
    """Return a text with lines added at its end, with the line ends that it has."""
    newline = "\r\n" if "\r\n" in before else "\n"
    start = before + ("" if before.endswith("\n") or not before else newline)
    gap = newline if before.strip() and text.startswith("[") else ""
    return start + gap + text.replace("\n", newline)


def with_ignored(before: str) -> tuple[str, tuple[str, ...]]:
    """Return `.gitignore` with the lines that it lacks, and these."""
    known = {_folder(line) for line in before.splitlines()}
    new = tuple(line for line in IGNORED if _folder(line) not in known)
    return added(before, "".join(f"{line}\n" for line in new)), new


def with_attributes(before: str, paths: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Return `.gitattributes` with lines that keep the bytes of these files, and these lines.

    A digest is of exact bytes, which git would change where it converts line ends.
    """
    lines = [line.split() for line in before.splitlines()]
    named = {words[0].lstrip("/") for words in lines if words}
    if any(words[0] == "*" and {"eol=lf", "-text"} & {*words[1:]} for words in lines if words):
        return before, ()
    new = tuple(f"/{path} -text" for path in paths if path not in named)
    return added(before, "".join(f"{line}\n" for line in new)), new


def _folder(line: str) -> str:
    return line.strip().removesuffix("*").strip("/")


def _text_of(table: Mapping[str, Any]) -> str:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = ["[tool.hakobune]", *(f"{key} = {_value(value)}" for key, value in plain.items())]
    for key in ("inputs", "outputs"):
        if key in table:
            lines += ["", f"[tool.hakobune.{key}]"]
            lines += [f"{name} = {_inline(entry)}" for name, entry in table[key].items()]
    return "\n".join(lines) + "\n"


def _inline(entry: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in entry.items()) + " }"


def _value(value: str | list[str]) -> str:
    # JSON's texts are TOML's, but for DEL, and for halves of characters, which no path here has.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _require_same(text: str, found: object, wanted: Mapping[str, Any]) -> None:
    if found == wanted:
        return
    there = found if isinstance(found, dict) else {}
    keys = [key for key in {**wanted, **there} if there.get(key) != wanted.get(key)]
    lines = [
        f"  {key}: there {_shown(there.get(key))}, found {_shown(wanted.get(key))}" for key in keys
    ]
    starts = [n for n, line in enumerate(text.splitlines(), 1) if "[tool.hakobune" in line]
    place = f"{FILE}:{starts[0] if starts else 1}"
    raise FileDiffersError(
        f"{place}: there is another [tool.hakobune] than this folder gives\n" + "\n".join(lines),
        remedy="keep it: hakobune lock is next; or remove the table and run hakobune init again",
        place=place,
    )


def _shown(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _no_toml(why: str) -> ConfigurationInvalidError:
    found = re.search(r"^(.*) \(at line (\d+), .*\)$", why)
    where = f"{FILE}:{found[2]}: {found[1]}" if found else f"{FILE}: {why}"
    return ConfigurationInvalidError(where, remedy=f"correct the TOML of {FILE}")
