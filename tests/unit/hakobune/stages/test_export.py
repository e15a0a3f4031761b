from pathlib import Path

import pytest
import yaml

from hakobune.adapters import azure_ml
from hakobune.adapters.azure_documents import environment_document, job_document
from hakobune.errors import ServiceRefusedError
from hakobune.stages.export import export
from tests.delivery_samples import planned
from tests.samples import FakeReporter, write_project

# The SDK warns of its own parts when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_files_are_what_the_sdk_loads_and_what_a_submit_sends(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    (tmp_path / "x.csv").write_bytes(b"abc")
    submission = planned(project, "--input", "x.csv", is_compute_created=True)
    written = export(project, submission, tmp_path / "azureml", FakeReporter())
    assert [path.name for path in written] == ["environment.yml", "job.yml", "compute.yml"]
    text = (tmp_path / "azureml/environment.yml").read_text("utf-8")
    assert text == environment_document(submission.environment)
    job = yaml.safe_load((tmp_path / "azureml/job.yml").read_text("utf-8"))
    sent = yaml.safe_load(job_document(submission.job))
    assert job["inputs"]["input"]["path"] == "../x.csv"
    del sent["name"], sent["inputs"], job["inputs"]
    assert job == sent


def test_without_a_compute_to_create_there_is_no_file_for_it(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    export(project, planned(project), tmp_path / "out", FakeReporter())
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["environment.yml", "job.yml"]


def test_what_the_schema_refuses_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ServiceRefusedError, match=r"job\.yml: .*odd"):
        azure_ml.validate(
            {"job": "type: command\ncommand: x\nenvironment: azureml:a:1\nodd: 1\n"},
            root=tmp_path,
        )
