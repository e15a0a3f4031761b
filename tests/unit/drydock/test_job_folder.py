import re

import pytest

from drydock.job_folder import (
    ExpressionError,
    command_line,
    input_folder,
    job_root,
    output_folder,
    variables,
    working_folder,
)
from drydock.job_spec import BlobPlace
from tests.unit.drydock.machine_fakes import make_job

PLACE = BlobPlace(container="c", path="p")


def test_the_folders_are_those_of_the_service() -> None:
    root = job_root("job1")
    assert re.fullmatch(r"/mnt/azureml/cr/j/[0-9a-f]{32}", root)
    assert working_folder("job1") == f"{root}/exe/wd"
    assert input_folder("job1", "data") == f"{root}/cap/data-capability/wd/INPUT_data"
    assert output_folder("job1", "out") == f"{root}/cap/data-capability/wd/out"


def test_two_jobs_have_two_folders() -> None:
    assert job_root("job1") != job_root("job2")


def test_inputs_outputs_and_plain_values_are_put_into_the_command() -> None:
    job = make_job(
        "p ${{inputs.data}} ${{ inputs.order }} ${{outputs.out}} $HOME ${x}",
        literals={"order": "1,1,0"},
        outputs={"out": PLACE},
    )
    out = output_folder("job1", "out")
    assert command_line(job, {"data": "/d/a.csv"}) == f"p /d/a.csv 1,1,0 {out} $HOME ${{x}}"


def test_a_value_is_not_read_as_an_expression_again() -> None:
    job = make_job("p ${{inputs.a}}", literals={"a": "${{inputs.b}}"})
    assert command_line(job, {}) == "p ${{inputs.b}}"


@pytest.mark.parametrize("name", ["inputs.b", "outputs.a", "parent.inputs.a", ""])
def test_an_expression_that_names_nothing_of_the_job_is_an_error(name: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(f"names {name},")):
        command_line(make_job(f"p ${{{{{name}}}}}", literals={"a": "1"}), {})


def test_the_variables_tell_where_things_are() -> None:
    job = make_job(literals={"order": "1,1,0"}, outputs={"out": PLACE})
    found = variables(job, {"data": "/d/a.csv"})
    assert found["AZURE_ML_INPUT_data"] == found["AZUREML_DATAREFERENCE_data"] == "/d/a.csv"
    assert found["AZURE_ML_OUTPUT_out"] == output_folder("job1", "out")
    assert found["AZUREML_PARAMETER_order"] == "1,1,0"
    assert found["AZUREML_CR_EXECUTION_WORKING_DIR_PATH"] == working_folder("job1")
    assert output_folder("job1", "out").startswith(found["AZUREML_CR_DATA_CAPABILITY_PATH"])


def test_the_jobs_own_variables_win_and_no_expression_is_replaced_in_them() -> None:
    own = {"AZ_BATCHAI_JOB_WORK_DIR": "mine", "PATH_OUT": "${{outputs.out}}"}
    found = variables(make_job(outputs={"out": PLACE}, environment=own), {})
    assert own.items() <= found.items()
