"""`[tool.hakobune]` of pyproject.toml (text) to Project. No I/O.

docs/reference/configuration.md describes each key; a test keeps it and this file together.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from hakobune.errors import ConfigurationInvalidError
from hakobune.model.forms import FORMS, escaped, is_of
from hakobune.model.lock import INDEX_ADDRESS
from hakobune.model.project import Command, Input, Library, Model, Output, Project
from hakobune.model.spec import Index, requirement_name

KEYS = {
    "environment": "the conda environment file, such as `environments/arima-env.yml`",
    "source": "the folder of your Python package, such as `src/trainer`, or `.`: the whole project",
    "command": 'what the container runs, as a list: `["python", "-m", "trainer"]`',
    "service": "the service of docker-compose.yml that trains (default `train`)",
    "smoke": "commands that the image must pass before a submit, as a list: "
    '`["python -m trainer --help"]`',
    "inputs": "files that the command reads: a table of `name = { flag = … }`",
    "outputs": "folders that the command writes: a table of `name = { flag = …, files = [ … ] }`",
    "commands": "other commands that `hakobune train <name>` runs in the same image: a table of "
    "`name = { command = [ … ], inputs = …, outputs = … }`",
    "libraries": "shared libraries and their C files, below `source`: a table of "
    '`"name.so" = ["name.c"]`',
    "names": "what conda's packages are called on the Python package index, where hakobune does "
    'not know it: a table of `conda-name = "index-name"`',
    "debian": "Debian packages that the image has besides its base's, as a list: "
    '`["libgomp1", "git"]`',
    "gpus": '`"all"`: the training uses the GPUs of the machine that it runs on',
    "indexes": "package indexes besides the usual one: a table of "
    '`name = { address = "https://…/simple", packages = ["what comes from it alone"] }`',
    "model": "what `hakobune register` registers: a table of `name`, `file` and `metrics`",
    "signers": "public keys, one of which `hakobune verify` requires, as a list of paths of PEM "
    'files in the project or of fingerprints: `["keys/release.pub.pem"]`',
    "distributed": "`true` for a program that shares its work among the nodes of a job; without "
    "it `--instances` above 1 is refused",
}
INPUT_KEYS = {"flag": "the command's option that takes the file, such as `--input`"}
OUTPUT_KEYS = {
    "flag": "the command's option that takes the folder, such as `--output`",
    "files": "what the folder must hold after a run",
    "work": "`true` for a folder without results: what a later job of the same plan continues from",
}
COMMAND_KEYS = {
    "command": 'what the container runs instead, as a list: `["python", "-m", "trainer", "many"]`',
    "inputs": "files that it reads, as above; default: those of `[tool.hakobune]`",
    "outputs": "folders that it writes, as above; default: those of `[tool.hakobune]`",
    "distributed": "as above, for this command",
}
INDEX_KEYS = {
    "address": "its address; `${NAME}` is an environment variable's place, for a password",
    "packages": "the packages that come from this index alone; it then serves nothing else",
}
MODEL_KEYS = {
    "name": "its name in the workspace's registry of models",
    "file": "the output's file that is the model, such as `models/model.pkl`",
    "metrics": "the output's JSON file whose numbers become the model's tags",
}
# tomllib's time grows with the square of a key's parts.
_LONGEST_LINE = 20_000
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_SOURCE = re.compile(rf"\.|{_PATH.pattern}")
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z0-9_-]*")
_GPUS = re.compile(r"all")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9,_.-]+\])?")
# https://www.debian.org/doc/debian-policy, 5.6.1
_DEBIAN = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_LIBRARY = re.compile(rf"{_PATH.pattern}\.so")
_C_FILE = re.compile(rf"{_PATH.pattern}\.c")
_SIGNER = re.compile(rf"[0-9a-f]{{32}}|[0-9a-f]{{64}}|(?=.*[./]){_PATH.pattern}")


def read_project(text: str, *, root: Path, file: str = "pyproject.toml") -> Project:
    """Return the project that this `pyproject.toml` describes.

    Raises ConfigurationInvalidError with every problem found.
    """
    table = _table(text, file)
    reader = _Reader(text, file)
    project = Project(
        root=root,
        environment=reader.path(table, "environment"),
        source=reader.path(table, "source", _SOURCE),
        command=reader.words(table, "command"),
        service=reader.word(table, "service", _NAME, default="train"),
        inputs=reader.inputs(table),
        outputs=reader.outputs(table),
        commands=reader.commands(table, "commands"),
        libraries=reader.libraries(table, "libraries"),
        model=reader.model(table, "model"),
        smoke=reader.words(table, "smoke", default=()),
        signers=reader.signers(table, "signers"),
        names=reader.pairs(table, "names", _PACKAGE),
        distributed=reader.switch(table, "distributed"),
        debian=reader.named(table, "debian", _DEBIAN),
        gpus=reader.word(table, "gpus", _GPUS) if "gpus" in table else "",
        indexes=reader.indexes(table, "indexes"),
    )
    reader.refuse_unknown(table, KEYS)
    if reader.problems:
        raise ConfigurationInvalidError(
            "\n".join(reader.problems),
            remedy=f"correct [tool.hakobune] in {file}",
            place=reader.place,
        )
    return project


def _table(text: str, file: str) -> Mapping[str, Any]:
    """Return `[tool.hakobune]`. Raises ConfigurationInvalidError."""
    if max(map(len, text.split("\n"))) > _LONGEST_LINE:
        raise ConfigurationInvalidError(
            f"{file} has a line of more than {_LONGEST_LINE} characters",
            remedy="break the line into shorter ones",
        )
    try:
        tool = tomllib.loads(text).get("tool", {})
        table = tool.get("hakobune") if isinstance(tool, dict) else None
    # Besides TOMLDecodeError: numbers of thousands of digits, and a thousand brackets.
    except (ValueError, RecursionError) as exc:
        found = re.search(r"^(.*) \(at line (\d+), .*\)$", str(exc))
        where = f"{file}:{found[2]}: {found[1]}" if found else f"{file}: {exc}"
        raise ConfigurationInvalidError(where, remedy=f"correct the TOML of {file}") from None
    if not isinstance(table, dict):
        raise ConfigurationInvalidError(
            f"{file}: there is no [tool.hakobune]",
            remedy="add it: hakobune init",
        )
    return table


class _Reader:
    """Takes values out of the table and keeps a list of what is wrong with it."""

    def __init__(self, text: str, file: str) -> None:
        self.lines = text.splitlines()
        self.file = file
        self.problems: list[str] = []
        self.place = ""

    def add(self, key: str, what: str, *, within: str = "") -> None:
        """Note a problem at the line that holds the key, or where its table begins.

        The table is that of the entry `within`, or [tool.hakobune] itself.
        """
        starts = [n for n, text in enumerate(self.lines, 1) if text.strip() == "[tool.hakobune]"]
        line = starts[0] if starts else 1
        if within:
            line = self._line(within, line) or line
        if key:
            line = self._line(key, line) or line
        self.place = self.place or f"{self.file}:{line}"
        self.problems.append(f"{self.file}:{line}: {escaped(what)}")

    def _line(self, key: str, start: int) -> int | None:
        """Return the first line from `start` on that gives the key or opens its table."""
        name = re.escape(key)
        holds = re.compile(rf"\s*(\[.*\b{name}\]|\"?{name}\"?\s*=)|.*[{{,]\s*\"?{name}\"?\s*=")
        numbered = enumerate(self.lines, 1)
        return next((n for n, text in numbered if n >= start and holds.match(text)), None)

    def word(
        self,
        table: Mapping[str, Any],
        key: str,
        form: re.Pattern[str],
        *,
        default: str = "",
        within: str = "",
    ) -> str:
        """Return a text value of this form."""
        value = table.get(key, default)
        if not value:
            self.add("", f"`{key}` is missing", within=within)
        elif not isinstance(value, str) or not form.fullmatch(value):
            shown = re.sub(r"//[^/@\s]+@", "//***@", repr(value))  # a password is for no terminal
            what = f"`{key} = {shown}` is not usable: wanted {_form_in_words(form)}"
            self.add(key, what, within=within)
        return str(value)

    def path(self, table: Mapping[str, Any], key: str, form: re.Pattern[str] = _PATH) -> str:
        """Return a path relative to the project, with `/`."""
        value = self.word(table, key, form)
        return str(PurePosixPath(value))

    def words(
        self, table: Mapping[str, Any], key: str, *, default: tuple[str, ...] | None = None
    ) -> tuple[str, ...]:
        """Return a list of texts."""
        value = table.get(key, default)
        if value is None:
            self.add("", f"`{key}` is missing")
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(x, str) and x for x in value):
            self.add(key, f"`{key}` must be a list of texts")
            return ()
        if not value and default is None:
            self.add(key, f"`{key}` is empty")
        return tuple(value)

    def switch(self, table: Mapping[str, Any], key: str) -> bool:
        """Return true or false; false where it is not given."""
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.add(key, f"`{key}` must be true or false")
        return value is True

    def tables(
        self, table: Mapping[str, Any], key: str, known: Mapping[str, str]
    ) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the named entries of a table of tables."""
        value = table.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(e, dict) for e in value.values()):
            self.add(key, f"`{key}` must be a table: {KEYS[key]}")
            return []
        for name, entry in value.items():
            if not _NAME.fullmatch(name):
                self.add(name, f"`{name}`: a name has lower-case letters, digits and `_`")
            self.refuse_unknown(entry, known, within=name)
        return list(value.items())

    def file_names(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """Return a list of paths inside a folder."""
        found = self.words(table, key, default=())
        for name in found:
            if not is_of("file name", name):
                self.add(
                    key, f"`{name}` in `{key}` is not usable: wanted {FORMS['file name'].words}"
                )
        return found

    def signers(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """Return the list of public keys; where it is given, it names at least one."""
        if key in table:
            self.words(table, key)
        return self.named(table, key, _SIGNER)

    def named(self, table: Mapping[str, Any], key: str, form: re.Pattern[str]) -> tuple[str, ...]:
        """Return a list of texts of this form, each once; it may be missing or empty."""
        found = self.words(table, key, default=())
        for entry in found:
            if not form.fullmatch(entry):
                what = f"`{entry}` in `{key}` is not usable: wanted {_form_in_words(form)}"
                self.add(key, what)
        return tuple(dict.fromkeys(found))

    def inputs(self, table: Mapping[str, Any]) -> tuple[Input, ...]:
        """Return the table of inputs."""
        return tuple(
            Input(name=name, flag=self.word(entry, "flag", _FLAG, within=name))
            for name, entry in self.tables(table, "inputs", INPUT_KEYS)
        )

    def outputs(self, table: Mapping[str, Any]) -> tuple[Output, ...]:
        """Return the table of outputs."""
        found = tuple(
            Output(
                name=name,
                flag=self.word(entry, "flag", _FLAG, within=name),
                files=self.file_names(entry, "files"),
                is_work=self.switch(entry, "work"),
            )
            for name, entry in self.tables(table, "outputs", OUTPUT_KEYS)
        )
        for output in found:
            if output.is_work and output.files:
                self.add("work", "`work` and `files` exclude each other", within=output.name)
        return found

    def commands(self, table: Mapping[str, Any], key: str) -> tuple[Command, ...]:
        """Return the table of commands; what one does not say of files is the table's own."""
        found = self.tables(table, key, COMMAND_KEYS)
        service = table.get("service", "train")
        for name, _ in found:
            if name == service:
                self.add(name, f"`{name}` is the service that trains: choose another name")
        return tuple(
            Command(
                name=name,
                command=self.words(entry, "command"),
                inputs=self.inputs(entry if "inputs" in entry else table),
                outputs=self.outputs(entry if "outputs" in entry else table),
                distributed=self.switch(entry, "distributed"),
            )
            for name, entry in found
        )

    def libraries(self, table: Mapping[str, Any], key: str) -> tuple[Library, ...]:
        """Return the table of libraries, each with its C files."""
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.add(key, f"`{key}` must be a table: {KEYS[key]}")
            return ()
        found = []
        for path, files in value.items():
            if not _LIBRARY.fullmatch(path):
                what = f"`{path}` is not usable: wanted {_form_in_words(_LIBRARY)}"
                self.add(path, what, within=key)
            if not _are_different_c_files(files):
                what = f"`{path}` needs a list of different C files: each {_form_in_words(_C_FILE)}"
                self.add(path, what, within=key)
                continue
            found.append(Library(path=path, files=tuple(files)))
        return tuple(found)

    def pairs(
        self, table: Mapping[str, Any], key: str, form: re.Pattern[str]
    ) -> tuple[tuple[str, str], ...]:
        """Return a table of texts, each of this form."""
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.add(key, f"`{key}` must be a table: {KEYS[key]}")
            return ()
        return tuple((name, self.word(value, name, form, within=key)) for name in value)

    def indexes(self, table: Mapping[str, Any], key: str) -> tuple[Index, ...]:
        """Return the table of indexes; a package is assigned to one of them at most."""
        found: dict[str, Index] = {}
        owner: dict[str, str] = {}
        for name, entry in self.tables(table, key, INDEX_KEYS):
            address = self.word(entry, "address", INDEX_ADDRESS, within=name)
            packages = self.words(entry, "packages", default=())
            for package in packages:
                if not _DISTRIBUTION.fullmatch(package):
                    what = f"`{package}` is not usable: wanted {_form_in_words(_DISTRIBUTION)}"
                    self.add("packages", what, within=name)
                elif owner.setdefault(requirement_name(package), name) != name:
                    first = owner[requirement_name(package)]
                    what = f"`{package}` is assigned to {first} already: choose one index"
                    self.add("packages", what, within=name)
            names = tuple(requirement_name(package) for package in packages)
            found[name] = Index(name=name, address=address, packages=names)
        return tuple(found.values())

    def model(self, table: Mapping[str, Any], key: str) -> Model | None:
        """Return the table of the model, or None where there is none."""
        value = table.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.add(key, f"`{key}` must be a table: {KEYS[key]}")
            return None
        self.refuse_unknown(value, MODEL_KEYS, within=key)
        metrics = self.word(value, "metrics", _PATH, within=key) if "metrics" in value else ""
        return Model(
            name=self.word(value, "name", _MODEL, within=key),
            file=self.word(value, "file", _PATH, within=key),
            metrics=metrics,
        )

    def refuse_unknown(
        self, table: Mapping[str, Any], known: Mapping[str, str], *, within: str = ""
    ) -> None:
        """Note each key that nobody reads, with the nearest that somebody does."""
        for key in table:
            if key not in known:
                import difflib  # noqa: PLC0415 - slow to import, and seldom needed

                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
                self.add(key, f"unknown key `{key}`; {hint}", within=within)


def _are_different_c_files(value: object) -> bool:
    """Tell whether this is a list of C files, at least one and none twice."""
    return (
        isinstance(value, list)
        and all(isinstance(file, str) and _C_FILE.fullmatch(file) for file in value)
        and len(set(value)) == len(value) > 0
    )


def _form_in_words(form: re.Pattern[str]) -> str:
    return {
        _PATH: "a path inside the project, with `/`",
        _SOURCE: "a folder of the project, with `/`, or `.`",
        _FLAG: "an option such as `--input`",
        _GPUS: '`"all"`',
        _NAME: "lower-case letters, digits and `_`",
        _PACKAGE: "the name of a Python package",
        _DEBIAN: "the name of a Debian package",
        _DISTRIBUTION: "the name of a Python package",
        INDEX_ADDRESS: "the address of an index (https://…/simple), with `${NAME}` for a password",
        _MODEL: "letters, digits, `.`, `-` and `_`",
        _LIBRARY: "a path below `source` that ends in `.so`",
        _SIGNER: "the path of a PEM file in the project, or a fingerprint: 32 or 64 hex digits",
        _C_FILE: "a path below `source` that ends in `.c`",
    }[form]
