"""A job's command is a line for the node's shell: no name of anybody's file is run by it."""

import subprocess
from pathlib import Path

import pytest

from drydock import job_folder
from drydock.job_spec import BlobPlace, JobSpec
from hakobune.model.job import JobInput
from hakobune.transform.plan_job import job_command, shell_text
from tests.samples import DIGEST, make_project

NAMES = (
    "$(touch pwned).csv",
    "`touch pwned`.csv",
    '"; touch pwned; ".csv',
    "'; touch pwned; '.csv",
    "a b.csv",
    "$HOME.csv",
    "x\\$(touch pwned)",
    "${{inputs.input}}.csv",
    "x\ntouch pwned",
    "箱舟.csv",
)


@pytest.mark.process
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", ["--input", "--input="])
def test_the_name_of_a_data_asset_reaches_the_program_and_no_shell(
    tmp_path: Path, name: str, option: str
) -> None:
    project = make_project(tmp_path)
    item = JobInput(name="input", path="azureml:sales:3")
    given = ("--input", item.path) if option == "--input" else (f"--input={item.path}",)
    words = ("printf", "%s|", *job_command(project, given, (item,)))
    path = f"{job_folder.input_folder('demo-1', 'input')}/{name}"
    spec = JobSpec(
        name="demo-1",
        image=f"r.example/demo@{DIGEST}",
        command=shell_text(words),
        environment={},
        literals={},
        inputs={"input": BlobPlace(container="c", path=name)},
        outputs={"output": BlobPlace(container="c", path="o")},
        log=BlobPlace(container="c", path="log"),
        timeout_s=None,
    )
    done = subprocess.run(
        ["/bin/sh", "-c", job_folder.command_line(spec, {"input": path})],
        env={"PATH": "/usr/bin:/bin", **job_folder.variables(spec, {"input": path})},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    output = job_folder.output_folder("demo-1", "output")
    passed = ["--input", path] if option == "--input" else [f"--input={path}"]
    assert done.stdout.split("|") == [*project.command, *passed, "--output", output, ""]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.process
def test_a_node_that_does_not_set_the_variable_ends_the_job(tmp_path: Path) -> None:
    command = shell_text(("true", "--input", "${{inputs.input}}"))
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={}, cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"AZURE_ML_INPUT_input" in done.stderr
