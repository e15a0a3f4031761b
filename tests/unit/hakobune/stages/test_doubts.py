from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.adapters.resolver import Question
from hakobune.model.lock import LockedWheel
from hakobune.stages.doubts import old_releases
from hakobune.stages.project import conda_names
from hakobune.transform.read_spec import read_spec
from tests.samples import FakeRunner, completed

NEWEST = """\
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "six"
version = "1.62"
wheels = [{ url = "https://x.example/a.whl", upload-time = 2024-02-25T09:00:00Z }]
"""
BARE = Question(requirements=(), python="3.13", glibc=36, file="env.yml")


def found(
    line: str, *, year: int | None = 2019, newest: str = NEWEST
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the warnings, and how uv was asked."""

    def answer(command: Sequence[str]) -> Completed:
        Path(command[command.index("-o") + 1]).write_text(newest, encoding="utf-8")
        return completed(exit_code=0 if newest else 2)

    runner = FakeRunner([answer])
    wheel = LockedWheel(
        name="six",
        version="1.0",
        file="six-1.0-py3-none-any.whl",
        size=1,
        sha256="5" * 64,
        uploaded=datetime(year, 1, 2, tzinfo=UTC) if year else None,
    )
    text = f"dependencies:\n  - pip:\n    - {line}\n"
    spec = read_spec(text.encode(), file="env.yml", names=conda_names(()))
    return old_releases(runner, spec, [wheel], BARE, env={}), runner.calls


def test_a_release_that_is_years_older_than_its_line_allows_is_warned_of() -> None:
    (warning,), calls = found("six>=1")
    assert warning.startswith("env.yml:3: warning: six 1.0 is of 2019, though 1.62 is of 2024: ")
    assert warning.endswith("ask for `six>=1.62` to learn why")
    # A release that only exists as source counts, too, and none of its code is run.
    assert "--only-binary" not in calls[0]
    assert "--no-deps" in calls[0]
    assert "--config-file" in calls[0]


@pytest.mark.parametrize("line", ["six==1.0", "six<1.50"])
def test_what_the_line_itself_bounds_is_not(line: str) -> None:
    assert found(line)[0] == ()


def test_the_newest_is_not_looked_for_where_the_chosen_one_is_new_or_has_no_moment() -> None:
    assert found("six", year=None) == ((), [])
    assert found("six", year=datetime.now(UTC).year) == ((), [])


def test_a_package_that_has_had_no_release_since_is_not_old() -> None:
    assert found("six", newest=NEWEST.replace("2024-02", "2019-02"))[0] == ()
    assert found("six", newest="")[0] == ()
