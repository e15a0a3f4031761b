"""What containers leave: looked at, and moved to `runs/` or set aside."""

import json
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import OutputRefusedError, RunExistsError
from hakobune.model.project import Project
from hakobune.model.sandbox import SANDBOXES, TRAIN
from hakobune.model.training import Training
from hakobune.stages import arrivals
from hakobune.stages.arrivals import awaited, collect
from hakobune.stages.project import has_arrivals
from hakobune.transform.plan_training import plan_training
from tests.samples import Answer, FakeReporter, FakeRunner, begins, completed, write_project

Plant = Callable[[Path], object]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return write_project(tmp_path)


def planned(project: Project, *arguments: str, run_id: str = "demo-1") -> Training:
    sandbox = SANDBOXES[TRAIN]
    return plan_training(
        project, arguments, run_id=run_id, is_terminal=False, sandbox=sandbox, existing=Path
    )


def run(project: Project, training: Training, plant: Plant) -> FakeReporter:
    """Let a program do this in the folder that it sees as `runs`."""
    reporter = FakeReporter()
    with awaited(project, training, reporter):
        plant(project.root / training.waiting)
    return reporter


def ended(project: Project, training: Training, end: BaseException, plant: Plant) -> FakeReporter:
    """Let a program do this, and the training end so."""
    reporter = FakeReporter()

    def call() -> None:
        with awaited(project, training, reporter):
            plant(project.root / training.waiting)
            raise end

    with pytest.raises(type(end)) as caught:
        call()
    assert caught.value is end
    return reporter


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def listed(project: Project) -> set[str]:
    runs = project.root / "runs"
    return {p.relative_to(runs).as_posix() for p in runs.rglob("*") if not p.is_dir()}


def test_what_a_program_wrote_is_moved_and_nothing_is_left(project: Project) -> None:
    reporter = run(project, planned(project), lambda runs: write(runs / "demo-1/a/b"))
    assert listed(project) == {"demo-1/a/b"}
    assert [path.name for path in (project.root / "runs").iterdir()] == ["demo-1"]
    assert reporter.said == []
    assert not has_arrivals(project)


def planted(make: Plant) -> Plant:
    """Plant something two folders deep, beside a good file."""

    def plant(runs: Path) -> None:
        write(runs / "demo-1/good")
        (runs / "demo-1/deep").mkdir()
        make(runs / "demo-1/deep/evil")

    return plant


def bind_socket(path: Path) -> None:
    os.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def hard_link(path: Path) -> None:
    write(path.parent / "one")
    path.hardlink_to(path.parent / "one")


def many_folders(path: Path) -> None:
    for _ in range(arrivals.MAX_DEPTH):
        path.mkdir()
        path = path / "d"


def sparse(path: Path) -> None:
    write(path)
    os.truncate(path, arrivals.MAX_BYTES)


EVIL: dict[str, tuple[Plant, str]] = {
    "link": (lambda p: p.symlink_to("/etc/passwd"), "a symbolic link"),
    "link to nothing": (lambda p: p.symlink_to("nowhere"), "a symbolic link"),
    "link to a folder": (lambda p: p.symlink_to("/etc"), "a symbolic link"),
    "hard link": (hard_link, "hard link"),
    "fifo": (os.mkfifo, "a FIFO"),
    "socket": (bind_socket, "a socket"),
    "setuid": (lambda p: write(p).chmod(0o4755), "setuid"),
    "setgid": (lambda p: write(p).chmod(0o2755), "setgid"),
    "name": (lambda p: write(p.with_name("a\x1b[31mb")), "a name that cannot be shown"),
    "line": (lambda p: write(p.with_name("a\nb")), "a name that cannot be shown"),
    "bytes": (lambda p: write(Path(os.fsdecode(os.fsencode(p) + b"\xff"))), "cannot be shown"),
    "folder's name": (lambda p: p.with_name("a\\b").mkdir(), "a name that cannot be shown"),
    "deep": (many_folders, "one too many"),
    "sparse": (sparse, "too much"),
}


@pytest.mark.parametrize("kind", EVIL)
def test_what_is_no_plain_file_is_refused_and_set_aside(
    project: Project, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    make, words = EVIL[kind]
    with pytest.raises(OutputRefusedError) as caught:
        run(project, planned(project), planted(make))
    assert words in caught.value.what
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    aside = project.root / "runs/.refused-demo-1-training"
    assert caught.value.remedy.endswith("it is now in runs/.refused-demo-1-training")
    assert (aside / "demo-1/good").read_bytes() == b"x"
    assert [path.name for path in (project.root / "runs").iterdir()] == [aside.name]
    assert not has_arrivals(project)
    # Refused again it gets another name, and nothing is overwritten.
    with pytest.raises(OutputRefusedError, match="the program left") as caught:
        run(project, planned(project), planted(make))
    assert caught.value.remedy.endswith("runs/.refused-demo-1-training-2")


def test_too_many_files_are_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MAX_FILES", 5)  # the folder above, the run's, and three files

    def plant(count: int) -> Plant:
        return lambda runs: [write(runs / f"demo-1/{number}") for number in range(count)]

    run(project, planned(project), plant(3))
    with pytest.raises(OutputRefusedError, match="more than 5 files"):
        run(project, planned(project, run_id="demo-2"), plant(5))


def test_a_device_is_refused(project: Project) -> None:
    """Only root can make one, so the kind is given."""
    found = os.stat_result((0o020666, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    assert arrivals._unfit("null", found) == "a device"
    found = os.stat_result((0o060666, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    assert arrivals._unfit("disk", found) == "a device"


def test_a_folder_with_the_group_s_bit_of_the_one_above_is_moved(project: Project) -> None:
    def plant(runs: Path) -> None:
        write(runs / "demo-1/a/b")
        (runs / "demo-1/a").chmod(0o2775)

    run(project, planned(project), plant)
    assert listed(project) == {"demo-1/a/b"}


def test_what_is_not_the_run_s_does_not_arrive(project: Project) -> None:
    """Else a program could lay down the run of a job that is fetched later."""

    def plant(runs: Path) -> None:
        write(runs / "demo-1/model.bin")
        write(runs / "job-7/record.json")
        write(runs / ".hidden")

    reporter = run(project, planned(project), plant)
    assert listed(project) == {
        "demo-1/model.bin",
        ".refused-demo-1-training/job-7/record.json",
        ".refused-demo-1-training/.hidden",
    }
    assert "also wrote .hidden, job-7 beside its run's folder" in reporter.said[0]


def test_a_finished_run_is_not_written_over(project: Project) -> None:
    write(project.root / "runs/mine/record.json", b"old")
    with pytest.raises(RunExistsError, match="runs/mine exists already") as caught:
        run(project, planned(project, "--output", "runs/mine"), lambda _: pytest.fail("started"))
    assert "rm -r runs/mine" in caught.value.remedy
    assert listed(project) == {"mine/record.json"}


@pytest.mark.parametrize("before", [[], ["failure.json"]])
def test_a_failed_run_s_place_can_be_taken(project: Project, before: list[str]) -> None:
    (project.root / "runs/mine").mkdir(parents=True)
    for name in before:
        write(project.root / "runs/mine" / name)
    run(project, planned(project, "--output", "runs/mine"), lambda r: write(r / "mine/a"))
    assert listed(project) == {"mine/a"}


def test_a_folder_in_a_folder_arrives_beside_others(project: Project) -> None:
    for name in ("one", "two"):
        training = planned(project, "--output", f"runs/series/{name}")
        run(project, training, lambda runs, name=name: write(runs / "series" / name / "a"))  # type: ignore[misc]
    assert listed(project) == {"series/one/a", "series/two/a"}


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_what_a_program_left_before_its_end_arrives(
    project: Project, end: type[BaseException]
) -> None:
    training = planned(project)
    ended(project, training, end(), lambda runs: write(runs / "demo-1/failure.json"))
    assert listed(project) == {"demo-1/failure.json"}


def test_a_failure_stays_the_program_s_own_where_what_it_left_is_refused(project: Project) -> None:
    training = planned(project)
    link = planted(lambda path: path.symlink_to("/etc"))
    reporter = ended(project, training, RuntimeError("first"), link)
    assert "a symbolic link" in reporter.said[0]


def test_the_folder_belongs_to_the_owner_of_runs(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, *ids: changed.append((path.name, ids)))
    real = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        found = list(real(path, **options))
        if path.name == "runs":
            found[4:6] = [12345, 23456]
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", stat)
    run(project, planned(project), lambda runs: write(runs / "demo-1/a"))
    assert changed == [(".demo-1.new", (12345, 23456))]


# Plain compose, and trainings that were cut off.
def trains_in(*folders: Path | str) -> Answer:
    """Answer with trainings of plain compose, of another service, and of another project."""
    rows = [["train", str(folder), ""] for folder in folders]
    rows += [["other", "/a\tb\n", ""], ["", "", "/elsewhere"], ["", "", ""]]
    return begins("docker", "ps", stdout="".join(f"{json.dumps(row)}\n" for row in rows))


def collected(project: Project, answer: Answer | None = None) -> FakeReporter:
    reporter = FakeReporter()
    collect(project, FakeRunner([answer or trains_in()]), reporter)
    return reporter


def test_runs_of_plain_compose_are_collected(project: Project) -> None:
    incoming = project.root / "runs/.incoming"
    write(incoming / "one/record.json")
    write(incoming / "two/failure.json")
    write(incoming / ".gitkeep")
    assert has_arrivals(project)
    reporter = collected(project)
    assert listed(project) == {"one/record.json", "two/failure.json", ".incoming/.gitkeep"}
    assert [outcome for _, outcome, _ in reporter.stages] == ["runs/one", "runs/two"]
    assert not has_arrivals(project)


@pytest.mark.parametrize("kind", EVIL)
def test_what_plain_compose_left_is_looked_at_too(
    project: Project, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    make, words = EVIL[kind]
    incoming = project.root / "runs/.incoming"
    planted(make)(incoming)
    write(incoming / "other/record.json")
    reporter = collected(project)
    assert words in reporter.said[0]
    assert reporter.said[0].endswith("it is now in runs/.refused-demo-1")
    assert (project.root / "runs/other/record.json").exists()
    assert not (project.root / "runs/demo-1").exists()
    assert not has_arrivals(project)


def test_a_run_of_plain_compose_takes_no_other_s_place(project: Project) -> None:
    write(project.root / "runs/one/record.json", b"first")
    write(project.root / "runs/.incoming/one/record.json", b"second")
    reporter = collected(project)
    assert "runs/one exists" in reporter.said[0]
    assert (project.root / "runs/one/record.json").read_bytes() == b"first"
    assert (project.root / "runs/.incoming/one/record.json").read_bytes() == b"second"


@pytest.mark.parametrize("name", ["mlflow", "README.md", "-rf", "--help"])
def test_a_run_of_plain_compose_has_the_name_of_a_run(project: Project, name: str) -> None:
    (project.root / "runs/mlflow").mkdir(parents=True)
    write(project.root / "runs/.incoming" / name / "meta.yaml")
    reporter = collected(project)
    assert "has a name that no run can have" in reporter.said[0]
    assert list((project.root / "runs/mlflow").iterdir()) == []
    (aside,) = (project.root / "runs").glob(".refused-*")
    assert (aside / "meta.yaml").exists()
    assert not has_arrivals(project)


def test_nothing_is_touched_while_a_training_of_this_project_runs(project: Project) -> None:
    write(project.root / "runs/.incoming/one/half")
    (project.root / "same").symlink_to(project.root)
    assert collected(project, trains_in("/elsewhere", project.root / "same")).said == []
    assert listed(project) == {".incoming/one/half"}
    collected(project, trains_in("/elsewhere"))
    assert listed(project) == {"one/half"}


def test_without_an_engine_nothing_is_touched_and_it_is_said(project: Project) -> None:
    write(project.root / "runs/.incoming/one/half")
    reporter = collected(project, begins("docker", "ps", exit_code=1))
    assert "once the engine answers" in reporter.said[0]
    assert listed(project) == {".incoming/one/half"}


def test_a_training_that_was_cut_off_is_collected_and_one_that_waits_is_not(
    project: Project,
) -> None:
    write(project.root / "runs/.demo-0.training/demo-0/a")
    write(project.root / "runs/.demo-0.training/other/b")
    training = planned(project)
    with awaited(project, training, FakeReporter()):
        write(project.root / training.waiting / "demo-1/half")
        assert has_arrivals(project)
        reporter = collected(project)
        assert "also wrote other" in reporter.said[0]
        assert listed(project) == {
            "demo-0/a",
            ".refused-demo-0-training/other/b",
            ".demo-1.training/demo-1/half",
        }
    assert (project.root / "runs/demo-1/half").exists()


@pytest.mark.parametrize("name", [".incoming", ".x.training"])
def test_a_link_in_the_place_of_a_folder_is_not_followed(project: Project, name: str) -> None:
    elsewhere = project.root / "elsewhere"
    write(elsewhere / "x/a")
    (project.root / "runs").mkdir()
    (project.root / "runs" / name).symlink_to(elsewhere)
    collected(project)
    assert (elsewhere / "x/a").exists()
    assert not (project.root / "runs/x").exists()


def test_two_commands_at_once_move_each_run_once(project: Project) -> None:
    write(project.root / "runs/.incoming/one/a")

    def also(command: Sequence[str]) -> Completed | None:
        if "ps" not in command:
            return None
        collect(project, FakeRunner([trains_in()]), FakeReporter())
        return completed()

    assert collected(project, also).said == []
    assert listed(project) == {"one/a"}


def test_other_users_reach_neither_what_a_program_writes_nor_what_was_refused(
    project: Project,
) -> None:
    """A setuid file would run with the rights of the project's owner, who may be root."""
    training = planned(project)
    seen = []

    def plant(place: Path) -> None:
        seen.append(place.stat().st_mode & 0o777)
        write(place / "demo-1/shell").chmod(0o4755)

    with pytest.raises(OutputRefusedError):
        run(project, training, plant)
    (refused,) = (project.root / "runs").glob(".refused-*")
    assert [*seen, refused.stat().st_mode & 0o777] == [0o700, 0o700]
