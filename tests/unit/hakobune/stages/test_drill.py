"""Drills with an engine in memory: what is taken away, what is compared, and what is left."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.adapters.process import Completed
from hakobune.errors import DrillFailedError, DrillRunningError, TrainingFailedError
from hakobune.model.drill import ALONE, SHARED, Drilled, Made, Target
from hakobune.model.image import Image
from hakobune.model.project import Output, Project
from hakobune.model.sandbox import SANDBOXES, TRAIN
from hakobune.stages import drill as stage
from hakobune.stages.train import plan_train
from tests.samples import FakeReporter, FakeRunner, completed, make_project, mounts_of

STEPS = 6
IMAGE = Image(
    tag="x:local",
    id="sha256:" + "0" * 64,
    base="",
    size_bytes=0,
    environment_sha256="",
    lock_sha256="",
    source_sha256="",
)


@dataclass
class Engine(FakeRunner):
    """Containers that make one file of work each time they are looked at, and then the result.

    Each knows the command line and the state; an unknown command fails the test.
    """

    result: bytes = b"42\n"
    after_kill: bytes = b"42\n"
    leaves_node: bool = False
    fails: bool = False
    nodes: dict[str, int | None] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    folder: Path = Path()
    run_id: str = ""
    is_hit: bool = False
    starts: int = 0
    misses: bool = False

    def capture(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Completed:
        assert env is None
        assert timeout_s is not None, "the engine may hang"
        self.calls.append(list(command))
        words = list(command)[1:]
        match words[0]:
            case "network" | "volume":
                (self.made.add if words[1] == "create" else self.made.discard)(words[-1])
            case "run":
                self._run(words)
            case "kill":
                self.nodes[words[-1]], self.is_hit = 137, True
            case "start":
                self.nodes[words[-1]] = None
            case "exec":
                self.is_hit = True
                return completed(exit_code=137) if self.misses else completed("3 times\n")
            case "inspect":
                return self._inspect(words[5:])
            case "logs":
                return completed("what the node said\n")
            case "rm":
                self.nodes = {}
            case _:
                raise AssertionError(shlex.join(command))
        return completed()

    def _run(self, words: Sequence[str]) -> None:
        assert "--detach" in words
        name = words[words.index("--name") + 1]
        network = words[words.index("--network") + 1]
        assert network in self.made
        self.nodes[name] = None
        if name.endswith("-0"):
            self.is_hit, self.starts = False, self.starts + 1
            self.folder = mounts_of(["docker", *words])["/workspace/runs", False]
            at = next(word for word in words if word.startswith("HAKOBUNE_RUN_ID="))
            self.run_id = at.partition("=")[2]

    def _inspect(self, names: Sequence[str]) -> Completed:
        done = len(list(self.folder.glob("work-*")))
        if self.nodes[names[0]] is None:
            (self.folder / f"work-{done}").touch()
            if done >= STEPS and (self.is_hit or self.starts == 1):
                self._finish()
        shown = [(self.nodes[name] is None, self.nodes[name] or 0) for name in names]
        return completed("".join(f"{str(runs).lower()} {code}\n" for runs, code in shown))

    def _finish(self) -> None:
        for name in self.nodes:
            if self.nodes[name] is None and not (self.leaves_node and name.endswith("-1")):
                self.nodes[name] = int(self.fails)
        place = self.folder / self.run_id
        place.mkdir(exist_ok=True)
        (place / "result.csv").write_bytes(self.after_kill if self.is_hit else self.result)
        (place / "page.html").write_text(str(self.is_hit), encoding="utf-8")
        work = {"unit": "lines", "total": 9, "twice": int(self.is_hit)}
        (place / "record.json").write_text(json.dumps({"work": work}), encoding="utf-8")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_LOOK_S", 0)
    monkeypatch.setattr(stage, "_END_S", 0.05)
    monkeypatch.setattr("hakobune.adapters.job_nodes._LOOK_S", 0)


def project_of(folder: Path, *, distributed: bool) -> Project:
    output = Output(name="output", flag="--output", files=("result.csv",))
    return replace(make_project(folder), inputs=(), outputs=(output,), distributed=distributed)


def drilled(
    project: Project, engine: Engine, *, nodes: int = 3
) -> tuple[Made, tuple[Drilled, ...]]:
    training = plan_train(
        project, (), cwd=project.root, is_terminal=False, sandbox=SANDBOXES[TRAIN]
    )
    try:
        return stage.drill(
            project, training, engine, FakeReporter(), image=IMAGE, nodes=nodes, limit_s=10
        )
    finally:
        assert not engine.nodes
        assert not engine.made
        assert list((project.root / "runs").iterdir()) == []


def test_every_target_of_a_program_that_shares_its_work_is_taken_away(tmp_path: Path) -> None:
    engine = Engine()
    first, found = drilled(project_of(tmp_path, distributed=True), engine)
    assert [one.target for one in found] == list(SHARED)
    assert set(first.files) == {"result.csv"}
    for one in found:
        assert one.is_passed, one
        assert (one.unit, one.twice, one.lost, one.outcome) == ("lines", 1, 0, "equal")
    stage.require_passed(found)
    killed = [call[-1][-1] for call in engine.calls if call[1] == "kill"]
    assert killed == ["1", "1", "2", "0", "0", "1", "2"]
    assert len(engine.called("exec")) == 2


def test_nodes_have_azure_ml_s_variables_and_the_sandbox_of_train(tmp_path: Path) -> None:
    engine = Engine()
    drilled(project_of(tmp_path, distributed=True), engine, nodes=2)
    run = next(call for call in engine.calls if call[1] == "run" and "NODE_RANK=1" in call)
    assert {"WORLD_SIZE=2", "AZUREML_NODE_COUNT=2", "HAKOBUNE_KEYS=/hakobune-keys"} <= set(run)
    assert {"--read-only", "--cap-drop", "no-new-privileges:true"} <= set(run)
    assert "none" not in run
    (network, *_) = [call for call in engine.calls if call[1:3] == ["network", "create"]]
    assert "--internal" in network


def test_a_program_of_one_node_is_killed_once_in_the_middle(tmp_path: Path) -> None:
    engine = Engine()
    _, found = drilled(project_of(tmp_path, distributed=False), engine)
    assert [one.target for one in found] == list(ALONE)
    assert len([call for call in engine.calls if call[1] == "kill"]) == 1
    assert not any("NODE_RANK" in word for call in engine.calls for word in call)


def test_other_bytes_after_a_kill_fail_the_drill_and_are_named(tmp_path: Path) -> None:
    engine = Engine(after_kill=b"43\n")
    _, found = drilled(project_of(tmp_path, distributed=False), engine)
    with pytest.raises(DrillFailedError, match=r"container: differ: result\.csv"):
        stage.require_passed(found)


def test_a_drill_that_hit_nothing_is_failed(tmp_path: Path) -> None:
    _, found = drilled(project_of(tmp_path, distributed=True), Engine(misses=True))
    missed = {one.target for one in found if not one.is_passed}
    assert missed == {Target.WORKER, Target.PROCESS}


def test_a_node_that_does_not_end_fails_the_drill(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailedError, match="node 1 did not end after node 0"):
        drilled(project_of(tmp_path, distributed=True), Engine(leaves_node=True))


def test_a_job_that_fails_by_itself_is_no_drill(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailedError, match="exit code 1:\nwhat the node said"):
        drilled(project_of(tmp_path, distributed=False), Engine(fails=True))


def test_a_second_drill_of_a_project_waits_for_the_first(tmp_path: Path) -> None:
    project = project_of(tmp_path, distributed=False)

    class Again(Engine):
        def _run(self, words: Sequence[str]) -> None:
            with pytest.raises(DrillRunningError):
                drilled_again(project)
            super()._run(words)

    def drilled_again(project: Project) -> None:
        training = plan_train(
            project, (), cwd=project.root, is_terminal=False, sandbox=SANDBOXES[TRAIN]
        )
        stage.drill(project, training, Engine(), FakeReporter(), image=IMAGE, nodes=2, limit_s=1)

    drilled(project, Again())


def test_what_a_killed_drill_left_is_removed_by_the_next(tmp_path: Path) -> None:
    class KilledError(BaseException):
        """As SIGKILL: nothing is tidied up, since the engine refuses everything from then on."""

    class Killed(Engine):
        is_dead = False

        def capture(
            self,
            command: Sequence[str],
            *,
            env: Mapping[str, str] | None = None,
            timeout_s: float | None = None,
        ) -> Completed:
            if self.is_dead or command[1] == "inspect":
                self.is_dead = True
                raise KilledError
            return super().capture(command, env=env, timeout_s=timeout_s)

    project, killed = project_of(tmp_path, distributed=True), Killed()
    training = plan_train(
        project, (), cwd=project.root, is_terminal=False, sandbox=SANDBOXES[TRAIN]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "remove", lambda _path: None)
        with pytest.raises(KilledError):
            stage.drill(project, training, killed, FakeReporter(), image=IMAGE, nodes=3, limit_s=9)
    assert len(killed.nodes) == 3
    assert len(killed.made) == 2
    assert len(list((tmp_path / "runs").iterdir())) == 1
    drilled(project, Engine(nodes=killed.nodes, made=killed.made))
    assert not (tmp_path / ".hakobune/drill").exists()


def test_a_note_of_another_form_removes_nothing(tmp_path: Path) -> None:
    engine = Engine()
    own = tmp_path / ".hakobune"
    own.mkdir()
    (own / "drill").write_text("hakobune-drill-0123abcd --all; rm -r /")
    drilled(project_of(tmp_path, distributed=False), engine)
    assert not any("rm -r" in word for call in engine.calls for word in call)


@pytest.mark.parametrize(
    "work", [{"unit": "\x1b[2J", "total": 1, "twice": 0}, {"unit": "lines", "total": True}, [], 7]
)
def test_what_a_program_counts_in_another_form_is_left_out(work: object) -> None:
    assert stage._work(json.dumps({"work": work}).encode()) is None


def test_lost_work_fails_a_drill_though_no_file_differs() -> None:
    assert not Drilled(target=Target.JOB, how="", lost=1).is_passed
