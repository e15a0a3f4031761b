"""`hakobune drill eviction`: what it passes on, the table, and the exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hakobune.cli.wiring import Wiring
from hakobune.model.drill import Drilled, Made, Target, Work
from tests.command_samples import run
from tests.samples import FakeRunner, write_project

Hakobune = Callable[..., tuple[int, str, str]]


@pytest.fixture
def asked() -> dict[str, Any]:
    return {}


@pytest.fixture
def hakobune(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    asked: dict[str, Any],
) -> Hakobune:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)

    def drill(
        _project: object, training: Any, *_: object, **how: Any
    ) -> tuple[Made, tuple[Drilled, ...]]:
        asked.update(how, arguments=training.arguments)
        work = Work(unit="series", total=9, twice=0)
        found = Drilled(
            target=Target.WORKER,
            how="node 1 is killed",
            seconds=12.0,
            lost_s=2.0,
            unit="series",
            twice=1200,
            lost=0,
            differing=asked.get("differing", ()),
        )
        return Made(seconds=10.0, files={"a": "b"}, work=work), (found,)

    monkeypatch.setattr("hakobune.stages.ready.ready_image", lambda *_, **__: "the image")
    monkeypatch.setattr("hakobune.stages.drill.drill", drill)
    wiring = Wiring()
    wiring.runner = FakeRunner()
    return lambda *words: run(monkeypatch, capsys, *words, wiring=wiring)


def test_the_table_has_what_was_lost_and_all_arguments_go_to_the_program(
    hakobune: Hakobune, asked: dict[str, Any]
) -> None:
    words = ("drill", "eviction", "--nodes", "4", "--limit", "2m", "--order", "1,0,0")
    code, out, _ = hakobune(*words)
    assert code == 0
    assert (asked["nodes"], asked["limit_s"], asked["image"]) == (4, 120, "the image")
    assert asked["arguments"][:2] == ("--order", "1,0,0")
    line = next(line for line in out.splitlines() if line.startswith("worker"))
    assert line.split("  ")[0:1] == ["worker"]
    assert "1,200 series" in line
    assert "+2.0 s" in line
    assert "equal" in line


def test_json_has_each_drill(hakobune: Hakobune) -> None:
    code, out, _ = hakobune("drill", "eviction", "--json")
    (found,) = json.loads(out)["drills"]
    assert code == 0
    assert (found["name"], found["twice"], found["seconds_lost"]) == ("worker", 1200, 2.0)


def test_a_failed_drill_ends_with_its_family_s_code(
    hakobune: Hakobune, asked: dict[str, Any]
) -> None:
    asked["differing"] = ("forecasts.csv.gz",)
    code, out, err = hakobune("drill", "eviction")
    assert code == 11
    assert "error[drill-failed]" in err
    assert "differ: forecasts.csv.gz" in out
