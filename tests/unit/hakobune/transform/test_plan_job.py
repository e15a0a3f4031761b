import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import (
    ArgumentInvalidError,
    InputNotFoundError,
    NameInvalidError,
    OutputUnknownError,
    ReferenceMutableError,
)
from hakobune.model.job import ComputePlan, JobInput, JobPlan, JobWishes
from hakobune.model.project import Command, Output
from hakobune.transform.plan_job import (
    job_arguments,
    job_command,
    job_tags,
    plan_environment,
    plan_job,
    plan_shards,
    planned_inputs,
    shell_text,
)
from tests.cloud_samples import ENVIRONMENT, IMAGE, PUSHED, make_wishes
from tests.samples import DIGEST, make_project

PROJECT = make_project(Path("/p"))
CSV = JobInput(name="input", path="data/x.csv", sha256="f" * 64, size_bytes=120)


def local(name: str, value: str) -> JobInput | None:
    return CSV if value == "data/x.csv" else None


def planned(wishes: JobWishes, *inputs: JobInput) -> JobPlan:
    return plan_job(PROJECT, wishes, name="demo-1", environment=ENVIRONMENT, inputs=inputs)


def test_an_environment_is_the_image_by_digest_under_a_version_made_from_it() -> None:
    assert plan_environment(PUSHED, name="demo") == ENVIRONMENT
    with pytest.raises(NameInvalidError):
        plan_environment(PUSHED, name="a demo")


def test_the_same_image_in_another_registry_is_another_version() -> None:
    other = replace(PUSHED, repository="registry.azurecr.cn/demo")
    versions = {plan_environment(pushed, name="demo").version for pushed in (PUSHED, other)}
    assert len(versions) == 2
    assert {version.partition("-")[0] for version in versions} == {"a1" * 8}
    assert all(len(version) <= 30 for version in versions)


def test_a_file_of_this_machine_is_an_input() -> None:
    assert planned_inputs(PROJECT, ("--input", "data/x.csv"), local=local) == (CSV,)
    assert planned_inputs(PROJECT, ("--input=data/x.csv",), local=local) == (CSV,)
    assert planned_inputs(PROJECT, ("--order", "2,0,2"), local=local) == ()


@pytest.mark.parametrize(
    "value",
    [
        "azureml:sales:3",
        "azureml://datastores/workspaceblobstore/paths/sales/x.csv",
        "https://store.example/x.csv",
    ],
)
def test_a_reference_is_taken_as_it_is(value: str) -> None:
    found = planned_inputs(PROJECT, ("--input", value), local=local)
    assert found == (JobInput(name="input", path=value),)
    assert not found[0].is_local


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("azureml:images:3/", "azureml:images:3"),
        *[(place, place) for place in ("azureml://datastores/d/paths/x/", "https://s.example/x/")],
    ],
)
def test_a_reference_that_ends_like_a_folder_is_one(value: str, path: str) -> None:
    (found,) = planned_inputs(PROJECT, ("--input", value), local=local)
    assert found == JobInput(name="input", path=path, is_folder=True)
    assert not found.is_local


@pytest.mark.parametrize("value", ["azureml:sales@latest", "azureml:sales:latest", "azureml:sales"])
def test_a_reference_that_may_change_is_refused(value: str) -> None:
    with pytest.raises(ReferenceMutableError) as caught:
        planned_inputs(PROJECT, ("--input", value), local=local)
    assert caught.value.remedy == "name it: azureml:sales:<version>"


def test_a_file_that_is_not_there_is_named_with_its_option() -> None:
    with pytest.raises(InputNotFoundError, match=r"--input data/y\.csv"):
        planned_inputs(PROJECT, ("--input", "data/y.csv"), local=local)


def test_the_command_is_the_project_s_with_placeholders_for_paths() -> None:
    words = job_command(PROJECT, ("--order", "2,0,2", "--input", "data/x.csv"), (CSV,))
    assert words == (
        *PROJECT.command,
        *("--order", "2,0,2", "--input", "${{inputs.input}}"),
        *("--output", "${{outputs.output}}"),
    )


def test_a_job_s_output_cannot_be_sent_elsewhere() -> None:
    with pytest.raises(OutputUnknownError, match="--output runs/x"):
        job_command(PROJECT, ("--output", "runs/x"), ())


def test_a_shell_gives_back_each_word_and_inputs_come_by_variable() -> None:
    words = ("python", "-m", "demo", "--name", "it's; $(x)", "--input=${{inputs.input}}")
    assert shlex.split(shell_text(words)) == [*words[:-1], "--input=${AZURE_ML_INPUT_input:?}"]
    output = ("--output", "${{outputs.output}}")
    assert shell_text(output) == '--output "${{outputs.output}}"'


@pytest.mark.parametrize(
    "words",
    [
        ("--input", "${{inputs.input}}", "--output", "${{outputs.output}}", "it's"),
        ("--input=${{inputs.input}}", "-x=${AZURE_ML_INPUT_input}"),
    ],
)
def test_the_arguments_of_a_job_are_read_back_from_its_command(words: tuple[str, ...]) -> None:
    assert job_arguments(PROJECT, shell_text((*PROJECT.command, *words))) == words


def test_the_arguments_of_a_job_of_before_are_read_as_they_are() -> None:
    command = 'python -m demo --input "${{inputs.input}}"'
    assert job_arguments(PROJECT, command) == ("--input", "${{inputs.input}}")


@pytest.mark.parametrize("word", ["${{inputs.input}}", "x${{search_space.a}}", "\0", "\udc80"])
def test_an_expression_in_an_argument_is_refused(word: str) -> None:
    with pytest.raises(ArgumentInvalidError):
        job_command(PROJECT, ("--note", word), ())
    with pytest.raises(ArgumentInvalidError):
        planned(make_wishes(variables=(("A", word),)))
    with pytest.raises(ArgumentInvalidError):
        planned_inputs(PROJECT, ("--input", f"azureml:{word}:1"), local=local)


def test_a_tag_is_one_line() -> None:
    with pytest.raises(ArgumentInvalidError, match="--tag a"):
        planned(make_wishes(tags=(("a", "x\ny"),)))


def test_the_digests_of_everything_are_tags() -> None:
    reference = JobInput(name="more", path="azureml:sales:3")
    tags = job_tags(
        image=IMAGE, digest=DIGEST, environment_sha256="e" * 64, inputs=(CSV, reference)
    )
    assert dict(tags) == {
        "hakobune.image": DIGEST,
        "hakobune.lock": "d" * 64,
        "hakobune.environment": "e" * 64,
        "hakobune.source": "5" * 64,
        "hakobune.base": "debian",
        "hakobune.data.input": "f" * 64,
        "hakobune.data.more": "azureml:sales:3",
    }


def test_a_plan_has_defaults_named_after_the_environment() -> None:
    plan = planned(make_wishes())
    assert (plan.display_name, plan.experiment, plan.environment) == (
        "demo",
        "demo",
        ENVIRONMENT.reference,
    )
    assert plan.outputs == ("output",)
    chosen = planned(make_wishes(experiment="e", display_name="My training"))
    assert (chosen.display_name, chosen.experiment) == ("My training", "e")


def test_the_ceiling_is_nodes_times_hours() -> None:
    wishes = make_wishes(instances=3, timeout_s=1800)
    project = replace(PROJECT, distributed=True)
    plan = plan_job(project, wishes, name="demo-1", environment=ENVIRONMENT, inputs=(CSV,))
    assert plan.node_hours == 1.5


def test_many_nodes_are_refused_for_a_program_that_shares_no_work() -> None:
    with pytest.raises(ArgumentInvalidError, match="overwrite the others' outputs") as caught:
        planned(make_wishes(instances=2))
    assert "distributed = true" in caught.value.remedy


def test_work_is_kept_and_without_any_all_outputs_of_many_nodes() -> None:
    work = Output(name="work", flag="--work", files=(), is_work=True)
    shared = replace(PROJECT, distributed=True)
    for project, wishes, kept in (
        (PROJECT, make_wishes(), ()),
        (shared, make_wishes(), ()),
        (shared, make_wishes(instances=2), ("output",)),
        (shared, make_wishes(shards=2), ("output",)),
        (replace(shared, outputs=(*PROJECT.outputs, work)), make_wishes(shards=2), ("work",)),
        (replace(PROJECT, outputs=(*PROJECT.outputs, work)), make_wishes(), ("work",)),
    ):
        plan = plan_job(project, wishes, name="demo-1", environment=ENVIRONMENT, inputs=(CSV,))
        assert plan.kept == kept
        assert all(f"outputs.{name}" in plan.command for name in kept)


def test_a_command_of_its_own_says_whether_it_shares_its_work() -> None:
    work = Output(name="work", flag="--work", files=(), is_work=True)
    many = Command(name="many", command=("many",), inputs=(), outputs=(work,), distributed=True)
    project = replace(PROJECT, commands=(many,))
    wishes = make_wishes("many", "--horizon", "3", shards=2)
    plan = plan_job(project, wishes, name="demo-1", environment=ENVIRONMENT, inputs=())
    assert plan.command == 'many --horizon 3 --work "${{outputs.work}}"'
    assert (plan.outputs, plan.kept) == (("work",), ("work",))
    first, second = plan_shards(plan, 2)
    assert (first.name, second.name) == ("demo-1-s0", "demo-1-s1")
    assert second.command == f"{plan.command} --shard 1/2"
    with pytest.raises(ArgumentInvalidError, match="--shards 2: each node would run"):
        plan_job(project, make_wishes(shards=2), name="demo-1", environment=ENVIRONMENT, inputs=())


def test_a_serverless_job_has_a_size_and_a_tier_and_no_cluster() -> None:
    cluster = ComputePlan(name="serverless", size="Standard_D4s_v3", is_low_priority=True)
    plan = planned(make_wishes(compute=cluster))
    assert (plan.compute, plan.size, plan.is_spot) == ("", "Standard_D4s_v3", True)
    plan = planned(make_wishes(compute=ComputePlan(name="serverless")))
    assert (plan.compute, plan.size, plan.is_spot) == ("", "", False)
    for wrong in ({"is_compute_created": True}, {"compute": replace(cluster, subnet="/s")}):
        with pytest.raises(ArgumentInvalidError, match="no cluster to create"):
            planned(replace(make_wishes(compute=cluster), **wrong))


@pytest.mark.parametrize(
    "bad",
    [
        {"experiment": "a b"},
        {"variables": (("A B", "1"),)},
        {"tags": (("a b", "1"),)},
        {"compute": ComputePlan(name="späß")},
    ],
)
def test_a_bad_name_is_found_before_anything_is_sent(bad: dict[str, object]) -> None:
    with pytest.raises(NameInvalidError):
        planned(replace(make_wishes(), **bad))  # type: ignore[arg-type] # by name
