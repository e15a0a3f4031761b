"""A project that uses hakobune, as its `pyproject.toml` describes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from hakobune.model.spec import Index

# The `source` of a project whose code is not a package of its own: scripts beside the conda file.
WHOLE = "."
COMPOSE = "docker-compose.yml"
PYPROJECT = "pyproject.toml"
# Where the image has the source.
_APP = PurePosixPath("/app")
_TAKES_A_NAME = {"-m", "-c"}  # of Python: what follows is no script


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A file that the command reads, and the flag that names it."""

    name: str
    flag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A folder that the command writes, the flag that names it, and the files it must hold.

    One that `is_work` holds no result, but what a later job of the same plan goes on from. A job's
    command gets it and no local run's; it is not fetched.
    """

    name: str
    flag: str
    files: tuple[str, ...]
    is_work: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A shared library that C files are compiled to; all paths are relative to the source."""

    path: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Another way to train: what `hakobune train <name>` runs, reads and writes."""

    name: str
    command: tuple[str, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    distributed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What of the outputs is the model: its name in a registry of models, and its file.

    `metrics` is the JSON file whose numbers go with it; empty where there is none.
    """

    name: str
    file: str
    metrics: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`[tool.hakobune]`, with paths relative to `root`, the folder of `pyproject.toml`.

    `debian` are packages that the image has besides its base's. `gpus` is `all` where the training
    uses the GPUs of its machine, else empty. `signers` are public keys, each a path or a
    fingerprint; runs must be signed with one of them. `distributed` says that the program shares
    its work among the nodes of a job, and continues from what is in its outputs. `commands` are
    other ways to train.
    """

    root: Path
    environment: str
    source: str
    command: tuple[str, ...]
    service: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    libraries: tuple[Library, ...]
    model: Model | None = None
    smoke: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    debian: tuple[str, ...] = ()
    gpus: str = ""
    indexes: tuple[Index, ...] = ()
    distributed: bool = False
    commands: tuple[Command, ...] = ()

    def entry(self, arguments: Sequence[str]) -> "Project":
        """Return the project as the command reads and writes that the first argument names.

        Without such a command it is the project itself. A run's recorded arguments name the same.
        """
        found = self._command_of(arguments)
        if found is None:
            return self
        return replace(
            self,
            inputs=found.inputs,
            outputs=found.outputs,
            distributed=found.distributed,
            model=None,
        )

    def started(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        """Return the words that the image runs for these arguments."""
        found = self._command_of(arguments)
        if found is None:
            return (*self.program, *arguments)
        return (*self.in_image(found.command), *arguments[1:])

    def given(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return the arguments for which the image runs these words; the reverse of `started`."""
        programs = [((found.name,), self.in_image(found.command)) for found in self.commands]
        for name, program in (*programs, ((), self.program)):
            if words[: len(program)] == program:
                return (*name, *words[len(program) :])
        return words

    @property
    def services(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the name and program of each service of a compose file that trains."""
        commands = ((one.name, self.in_image(one.command)) for one in self.commands)
        return ((self.service, self.program), *commands)

    def _command_of(self, arguments: Sequence[str]) -> Command | None:
        return next((one for one in self.commands if [*arguments[:1]] == [one.name]), None)

    @property
    def results(self) -> tuple[Output, ...]:
        """The outputs that a run is made of."""
        return tuple(output for output in self.outputs if not output.is_work)

    @property
    def place(self) -> str:
        """Where the image has the source: below `/app` by its name, so that it can be imported.

        The files of a whole project are in `/app` itself.
        """
        return str(_APP / PurePosixPath(self.source).name)

    @property
    def program(self) -> tuple[str, ...]:
        """`command` as the image runs it; see `in_image`."""
        return self.in_image(self.command)

    def in_image(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command with the image's path of the script that it starts.

        The script is the first word that ends in `.py` and lies below the source. A container's
        working folder is not the source, and on a cluster it is not known.
        """
        number = _script_at(words)
        for word in words[number : number + 1]:
            path = PurePosixPath(word)
            if ".." not in path.parts and path.is_relative_to(self.source):
                found = f"{self.place}/{path.relative_to(self.source)}"
                return (*words[:number], found, *words[number + 1 :])
        return words

    @property
    def script(self) -> str:
        """The script that `command` starts, as it names it; empty for a module or a program."""
        return script_of(self.command)

    @property
    def source_name(self) -> str:
        """What messages call the source."""
        return "the project's code" if self.source == WHOLE else self.source

    @property
    def environment_path(self) -> Path:
        """The conda file."""
        return self.root / self.environment

    @property
    def lock(self) -> str:
        """The lock file's path, relative to the root: the conda file's name, ending in `.lock`."""
        return str(Path(self.environment).with_suffix(".lock"))

    @property
    def lock_path(self) -> Path:
        """The lock file."""
        return self.root / self.lock

    @property
    def dockerfile(self) -> str:
        """The Dockerfile's path, relative to the root."""
        return "docker/Dockerfile"

    @property
    def dockerfile_path(self) -> Path:
        """The Dockerfile."""
        return self.root / self.dockerfile

    @property
    def dockerignore_path(self) -> Path:
        """The allow-list that BuildKit reads beside the Dockerfile."""
        return self.root / f"{self.dockerfile}.dockerignore"


def script_of(words: tuple[str, ...]) -> str:
    """Return the script that a command starts, as it names it; empty for a module or a program."""
    return next(iter(words[_script_at(words) :][:1]), "")


def _script_at(words: tuple[str, ...]) -> int:
    """Return where a command names its script: their number where it names none."""
    number = next((n for n, word in enumerate(words) if word.endswith(".py")), len(words))
    return len(words) if _TAKES_A_NAME & {*words[:number]} else number
