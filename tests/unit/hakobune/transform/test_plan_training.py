from pathlib import Path

import pytest

from hakobune.model.training import Training
from hakobune.transform.plan_training import plan_training
from tests.samples import make_project

PROJECT = make_project(Path("/project"))


def plan(*arguments: str, exists: str | None = None, is_terminal: bool = True) -> Training:
    return plan_training(
        PROJECT,
        arguments,
        run_id="Demo-1",
        is_terminal=is_terminal,
        existing=lambda text: Path("/home/u/data.csv") if text == exists else None,
    )


def test_without_arguments_the_results_land_in_a_folder_of_the_run_s_name() -> None:
    training = plan()
    assert training.command == (
        *("docker", "compose", "run", "--rm", "--no-deps", "--name", "hakobune-demo-1"),
        *("--env", "HAKOBUNE_RUN_ID=Demo-1", "train", "--output", "runs/Demo-1"),
    )
    assert training.outputs == (
        ("model.bin", "runs/Demo-1/model.bin"),
        ("metric.json", "runs/Demo-1/metric.json"),
    )


@pytest.mark.parametrize("arguments", [("--input", "../data.csv"), ("--input=../data.csv",)])
def test_a_file_of_this_machine_is_mounted_read_only(arguments: tuple[str, ...]) -> None:
    command = plan(*arguments, exists="../data.csv").command
    assert "--volume=/home/u/data.csv:/workspace/inputs/data.csv:ro" in command
    assert "inputs/data.csv" in " ".join(command).replace("=", " ").split("train", 1)[1]


def test_a_file_that_is_not_here_is_the_container_s_own() -> None:
    command = plan("--input", "inside.csv").command
    assert not [word for word in command if word.startswith("--volume")]
    assert command[command.index("--input") + 1] == "inside.csv"


def test_a_given_output_is_kept() -> None:
    training = plan("--output", "runs/mine")
    assert training.folder == "runs/mine"
    assert training.command.count("--output") == 1
    assert training.outputs[0] == ("model.bin", "runs/mine/model.bin")


@pytest.mark.parametrize("folder", ["/tmp/x", "runs/../x", "elsewhere"])
def test_an_output_inside_the_container_is_not_looked_for_here(folder: str) -> None:
    assert plan("--output", folder).outputs == ()


def test_without_a_terminal_none_is_asked_for() -> None:
    assert "-T" in plan(is_terminal=False).command
    assert "-T" not in plan(is_terminal=True).command


def test_other_arguments_pass_through_unchanged() -> None:
    command = plan("--order", "2,0,2", "--name=a b").command
    assert command[command.index("train") + 1 :][:3] == ("--order", "2,0,2", "--name=a b")
