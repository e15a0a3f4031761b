import tomllib
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.adapters.resolver import solve
from hakobune.errors import (
    HakobuneError,
    IndexUnreachableError,
    PackageUnknownError,
    ResolutionImpossibleError,
)
from tests.samples import FakeRunner, completed

PLACES = {"pandas": "env.yml:6", "nosuch": "env.yml:7"}


def call(runner: FakeRunner, preferred: tuple[str, ...] = ()) -> str:
    return solve(
        runner,
        ["pandas", "nosuch"],
        python="3.13",
        preferred=preferred,
        env={},
        places=PLACES,
        file="env.yml",
    )


def failure(stderr: str) -> HakobuneError:
    runner = FakeRunner([lambda _: completed(exit_code=1, stderr=stderr)])
    with pytest.raises(HakobuneError) as caught:
        call(runner)
    return caught.value


def test_the_answer_is_what_uv_wrote() -> None:
    seen = []

    def write(command: list[str]) -> Completed:
        seen.append(Path(command[3]).read_text(encoding="utf-8"))
        Path(command[command.index("-o") + 1]).write_text("answer", encoding="utf-8")
        return completed()

    runner = FakeRunner([write])  # type: ignore[list-item] # a list is what we pass
    assert call(runner) == "answer"
    assert seen == ["pandas\nnosuch\n"]
    assert "--only-binary" in runner.calls[0]
    assert runner.calls[0][runner.calls[0].index("--python-version") + 1] == "3.13"


def test_earlier_pins_lie_where_uv_looks_for_them() -> None:
    seen = []

    def read(command: list[str]) -> Completed:
        answer = Path(command[command.index("-o") + 1])
        seen.append(tomllib.loads(answer.read_text(encoding="utf-8"))["packages"])
        return completed()

    call(FakeRunner([read]), preferred=("pandas==3.0", "six==1.17"))  # type: ignore[list-item] # as above
    assert seen == [[{"name": "pandas", "version": "3.0"}, {"name": "six", "version": "1.17"}]]


def test_a_package_that_does_not_exist_is_named_by_its_line() -> None:
    error = failure(
        "  x No solution found when resolving dependencies:\n  ╰─▶ Because nosuch was not found in "
        "the package\n  registry and you require nosuch, we can conclude that …"
    )
    assert isinstance(error, PackageUnknownError)
    assert error.what == "env.yml:7: the Python package index has no `nosuch`"


def test_an_impossible_pin_is_named_by_its_line() -> None:
    error = failure("Because there is no version of pandas==99 and you require pandas==99, …")
    assert isinstance(error, ResolutionImpossibleError)
    assert error.what.startswith("env.yml:6: no set of wheels fits\n")


def test_a_silent_index_is_its_own_failure() -> None:
    error = failure(
        "error: Failed to fetch: `https://index.example/simple/pandas/`\n  Caused by: x"
    )
    assert isinstance(error, IndexUnreachableError)
