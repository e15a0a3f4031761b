import re
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.docker_cli import train_command
from hakobune.errors import InputNotFoundError
from hakobune.model.project import Command, Input, Output
from hakobune.model.sandbox import SANDBOXES, TRAIN
from hakobune.model.training import Bind, Training
from hakobune.transform.plan_training import plan_training
from tests.samples import make_project, mounts_of, program_of

PROJECT = make_project(Path("/project"))


def plan(*arguments: str, exists: str | None = None, is_terminal: bool = True) -> Training:
    return plan_training(
        PROJECT,
        arguments,
        run_id="Demo-1",
        is_terminal=is_terminal,
        sandbox=SANDBOXES[TRAIN],
        existing=lambda text: Path("/home/u/data.csv") if text == exists else None,
    )


def named(run_id: str) -> Training:
    return plan_training(
        PROJECT,
        (),
        run_id=run_id,
        is_terminal=False,
        sandbox=SANDBOXES[TRAIN],
        existing=lambda _: None,
    )


def command_of(training: Training) -> list[str]:
    return train_command(PROJECT, training, image="sha256:ab")


def test_without_arguments_the_results_land_in_a_folder_of_the_run_s_name() -> None:
    training = plan()
    command = command_of(training)
    assert command[:4] == ["docker", "run", "--name", "hakobune-demo-1"]
    assert command[command.index("--env") + 1] == "HAKOBUNE_RUN_ID=Demo-1"
    assert program_of(command) == ["python", "-m", "demo", "--output", "runs/Demo-1"]
    assert training.outputs == (
        ("model.bin", "runs/Demo-1/model.bin"),
        ("metric.json", "runs/Demo-1/metric.json"),
    )


def test_the_first_argument_names_another_command_with_its_own_files() -> None:
    many = Command(
        name="many",
        command=("python", "src/demo/many.py"),
        inputs=(Input(name="table", flag="--table"),),
        outputs=(Output(name="rows", flag="--rows", files=("rows.csv",)),),
    )
    project = replace(PROJECT, commands=(many,))
    training = plan_training(
        project,
        ("many", "--table", "t.csv", "--input", "none"),
        run_id="r",
        is_terminal=False,
        sandbox=SANDBOXES[TRAIN],
        existing=lambda text: Path("/t.csv") if text == "t.csv" else None,
    )
    assert training.outputs == (("rows.csv", "runs/r/rows.csv"),)
    assert training.inputs == (("table", Path("/t.csv")),)
    rest = ["--table", "inputs/table/t.csv", "--input", "none", "--rows", "runs/r"]
    started = program_of(train_command(project, training, image="i"))
    assert started == ["python", "/app/demo/many.py", *rest]
    assert project.given(tuple(started)) == ("many", *rest) == training.arguments
    assert project.given((*PROJECT.program, "--x", "many")) == ("--x", "many")
    assert project.entry(("--x", "many")) is project


@pytest.mark.parametrize("arguments", [("--input", "../data.csv"), ("--input=../data.csv",)])
def test_a_file_of_this_machine_is_mounted_read_only(arguments: tuple[str, ...]) -> None:
    training = plan(*arguments, exists="../data.csv")
    data = Bind(source=Path("/home/u/data.csv"), target="/workspace/inputs/input/data.csv")
    assert data in training.binds
    assert "inputs/input/data.csv" in " ".join(training.arguments).replace("=", " ").split()


def test_an_input_that_is_not_here_is_refused() -> None:
    with pytest.raises(InputNotFoundError, match=r"^--input inside\.csv: there is no such file"):
        plan("--input", "inside.csv")


def test_two_inputs_of_one_file_name_are_two_files() -> None:
    inputs = (Input(name="data", flag="--data"), Input(name="more", flag="--more"))
    training = plan_training(
        replace(PROJECT, inputs=inputs),
        ("--data", "a/d.csv", "--more=b/d.csv"),
        run_id="r",
        is_terminal=False,
        sandbox=SANDBOXES[TRAIN],
        existing=lambda text: Path("/home/u", text),
    )
    assert training.binds[2:] == (
        Bind(source=Path("/home/u/a/d.csv"), target="/workspace/inputs/data/d.csv"),
        Bind(source=Path("/home/u/b/d.csv"), target="/workspace/inputs/more/d.csv"),
    )
    assert training.arguments[:3] == ("--data", "inputs/data/d.csv", "--more=inputs/more/d.csv")


@pytest.mark.parametrize("run_id", ["My Project (v2)-1", "箱舟", "café", "a:b", "-", "x" * 300])
def test_a_container_s_name_is_one_that_docker_takes(run_id: str) -> None:
    training = named(run_id)
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", training.container)


@pytest.mark.parametrize(
    ("root", "file"),
    [("/a:b", "/d.csv"), ("/a", "/b:c/d.csv"), ("/$HOME,readonly", "/'\",x\n,dst=/etc/d.csv")],
)
def test_a_path_of_any_signs_is_mounted_like_any_other(root: str, file: str) -> None:
    training = plan_training(
        replace(PROJECT, root=Path(root)),
        ("--input", file),
        run_id="r",
        is_terminal=False,
        sandbox=SANDBOXES[TRAIN],
        existing=Path,
    )
    command = command_of(training)
    assert not [word for word in command if word.startswith("--volume")]
    assert mounts_of(command) == {
        ("/workspace/runs", False): Path(root, "runs/.r.training"),
        ("/workspace/data", True): Path(root, "data"),
        ("/workspace/inputs/input/d.csv", True): Path(file),
    }


@pytest.mark.parametrize("run_id", ["r", "../../x", "a/b", "", "x" * 300, "箱舟"])
def test_a_program_sees_a_folder_of_its_own_and_no_other_run(run_id: str) -> None:
    training = named(run_id)
    (runs,) = (bind for bind in training.binds if not bind.is_read_only)
    assert (runs.source, runs.target) == (Path("/project", training.waiting), "/workspace/runs")
    assert re.fullmatch(r"runs/\.[A-Za-z0-9_-]{0,100}\.training", training.waiting)


def test_what_a_run_may_leave_are_its_outputs_folders() -> None:
    outputs = tuple(Output(name=n, flag=f"--{n}", files=()) for n in ("model", "log", "more"))
    training = plan_training(
        replace(PROJECT, outputs=outputs),
        ("--model", "runs/a/{run_id}", "--log=runs/a/r/log/", "--more", "/tmp/x"),
        run_id="r",
        is_terminal=False,
        sandbox=SANDBOXES[TRAIN],
        existing=Path,
    )
    assert training.folders == ("runs/a/r",)
    assert training.arguments[:3] == ("--model", "runs/a/r", "--log=runs/a/r/log/")
    assert plan("--output", "/tmp/x").folders == ("runs/Demo-1",)


def test_a_given_output_is_kept() -> None:
    training = plan("--output", "runs/mine")
    assert training.folder == "runs/mine"
    assert training.arguments.count("--output") == 1
    assert training.outputs[0] == ("model.bin", "runs/mine/model.bin")


@pytest.mark.parametrize("folder", ["/tmp/x", "runs/../x", "elsewhere"])
def test_an_output_inside_the_container_is_not_looked_for_here(folder: str) -> None:
    assert plan("--output", folder).outputs == ()


def test_without_a_terminal_none_is_asked_for() -> None:
    assert "--tty" not in command_of(plan(is_terminal=False))
    assert "--tty" in command_of(plan(is_terminal=True))


def test_the_container_is_the_one_of_the_table() -> None:
    options = SANDBOXES[TRAIN].docker_options()
    command = command_of(plan())
    first = command.index(options[0])
    assert command[first : first + len(options)] == options
    assert "--gpus" not in command
    gpus = replace(plan(), sandbox=replace(SANDBOXES[TRAIN], gpus="all"))
    assert command_of(gpus).count("--gpus") == 1
    # It runs an image of this machine by its digest, and nothing that a registry may have.
    assert command[command.index("--pull") + 1] == "never"
    assert command[command.index("-c") - 1] == "sha256:ab"


def test_a_folder_of_data_is_seen_where_there_is_one() -> None:
    assert ("/workspace/data", True) not in mounts_of(command_of(plan()))
    found = mounts_of(command_of(plan(exists="/project/data")))
    assert found["/workspace/data", True] == Path("/home/u/data.csv")


def test_other_arguments_pass_through_unchanged() -> None:
    given = ("--order", "2,0,2", "--name=a b; $HOME")
    assert program_of(command_of(plan(*given)))[3:6] == list(given)
