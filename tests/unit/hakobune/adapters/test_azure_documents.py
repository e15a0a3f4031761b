from dataclasses import replace

import yaml

from hakobune.adapters.azure_documents import (
    compute_document,
    environment_document,
    job_document,
)
from hakobune.model.job import ComputePlan, JobInput, JobPlan
from tests.cloud_samples import ENVIRONMENT
from tests.samples import DIGEST

PLAN = JobPlan(
    name="demo-1",
    display_name="demo: a test",
    experiment="demo",
    command='python -m demo --input "${{inputs.input}}" --output "${{outputs.output}}"',
    environment="demo:a1a1",
    compute="cpu-cluster",
    instances=2,
    timeout_s=1800,
    inputs=(
        JobInput(name="input", path="data/x.csv", sha256="f" * 64, size_bytes=9),
        JobInput(name="more", path="azureml:sales:3"),
        JobInput(name="images", path="data/i/", sha256="e" * 64, size_bytes=9, is_folder=True),
    ),
    outputs=("output",),
    variables=(("ANSWER", "042"), ("ON", "yes")),
    tags=(("git.dirty", "false"), ("sha", "1e5")),
)


def test_an_environment_names_its_image_by_digest_and_builds_nothing() -> None:
    found = yaml.safe_load(environment_document(ENVIRONMENT))
    assert found["image"] == f"registry.example/demo@{DIGEST}"
    assert (found["name"], found["version"]) == ("demo", ENVIRONMENT.version)
    assert not {"conda_file", "build"} & set(found)


def test_a_cluster_has_no_node_while_it_has_no_job() -> None:
    found = yaml.safe_load(compute_document(ComputePlan(name="cpu", max_instances=3)))
    assert (found["min_instances"], found["max_instances"], found["tier"]) == (0, 3, "dedicated")
    low = yaml.safe_load(compute_document(ComputePlan(name="cpu", is_low_priority=True)))
    assert low["tier"] == "low_priority"


def test_a_job_holds_the_whole_plan() -> None:
    found = yaml.safe_load(job_document(PLAN))
    assert found["command"] == PLAN.command
    assert found["environment"] == "azureml:demo:a1a1"
    assert found["compute"] == "azureml:cpu-cluster"
    assert found["inputs"]["input"] == {
        "type": "uri_file",
        "path": "data/x.csv",
        "mode": "ro_mount",
    }
    assert found["inputs"]["images"] == {
        "type": "uri_folder",
        "path": "data/i/",
        "mode": "ro_mount",
    }
    assert found["outputs"] == {"output": {"type": "uri_folder", "mode": "upload"}}
    assert found["resources"] == {"instance_count": 2, "shm_size": "2g"}
    assert found["limits"] == {"timeout": 1800}
    assert "code" not in found


def test_several_nodes_have_a_distribution_with_one_process_on_each() -> None:
    found = yaml.safe_load(job_document(PLAN))
    assert found["distribution"] == {"type": "pytorch", "process_count_per_instance": 1}
    assert "distribution" not in yaml.safe_load(job_document(replace(PLAN, instances=1)))


def test_a_kept_output_is_mounted_where_the_first_job_of_its_plan_has_it() -> None:
    plan = replace(PLAN, outputs=("output", "work"), kept=("work",), kept_at="demo-1")
    found = yaml.safe_load(job_document(plan))["outputs"]
    assert found["output"] == {"type": "uri_folder", "mode": "upload"}
    assert found["work"] == {
        "type": "uri_folder",
        "mode": "rw_mount",
        "path": "azureml://datastores/workspaceblobstore/paths/hakobune/demo-1/work/",
    }
    nameless = yaml.safe_load(job_document(replace(plan, kept_at="")))["outputs"]
    assert nameless["work"] == {"type": "uri_folder", "mode": "rw_mount"}


def test_texts_that_look_like_other_things_stay_texts() -> None:
    found = yaml.safe_load(job_document(PLAN))
    assert found["environment_variables"] == {"ANSWER": "042", "ON": "yes"}
    assert found["tags"] == {"git.dirty": "false", "sha": "1e5"}


def test_a_job_without_name_can_be_created_again() -> None:
    named, nameless = job_document(PLAN), job_document(PLAN, with_name=False)
    assert named == nameless.replace("type: command\n", "type: command\nname: demo-1\n")


def test_a_job_without_inputs_has_no_empty_table() -> None:
    assert "inputs" not in yaml.safe_load(job_document(replace(PLAN, inputs=())))


def test_paths_lead_from_the_file_s_folder() -> None:
    found = yaml.safe_load(job_document(PLAN, way_to_project="../.."))
    assert found["inputs"]["input"]["path"] == "../../data/x.csv"
    assert found["inputs"]["more"]["path"] == "azureml:sales:3"
