from pathlib import Path

import pytest

from drydock.blob_uris import code_place, input_place, output_uri, place_of, resolved_uri
from drydock.job_spec import BlobPlace
from drydock.refusal import Refusal
from tests.unit.drydock.harbour import make_state

LONG = (
    "azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/workspaceblobstore/paths/"
)


def test_each_way_to_name_a_blob_leads_to_it(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    container = f"azureml-blobstore-{state.arm_ids.guid}"
    state.data.put("series", "7", {"dataUri": f"{LONG}a/b.csv"})
    for uri in (
        f"{LONG}a/b.csv",
        "azureml://datastores/workspaceblobstore/paths/a/b.csv",
        f"https://drydock.blob.core.drydock.test/{container}/a/b.csv",
        f"https://drydock.blob.core.drydock.test:443/{container}/a/b%2Ecsv?sig=1",
        "azureml:series:7",
        state.arm_ids.id_of("data", "series", "versions", "7"),
        f"azureml:{state.arm_ids.id_of('data', 'series', 'versions', '7')}",
    ):
        assert place_of(state, uri) == BlobPlace(container=container, path="a/b.csv"), uri


@pytest.mark.parametrize("uri", ["", "https://elsewhere.example/a", "wasbs://a@b/c", "azureml:x"])
def test_an_address_that_drydock_cannot_read_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(Refusal) as told:
        place_of(make_state(tmp_path), uri)
    assert told.value.status == 400


def test_an_unknown_datastore_or_data_asset_is_not_found(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    for uri in ("azureml://datastores/elsewhere/paths/a", "azureml:series:8"):
        with pytest.raises(Refusal) as told:
            place_of(state, uri)
        assert told.value.status == 404


def test_a_plain_value_is_no_place(tmp_path: Path) -> None:
    assert input_place(make_state(tmp_path), {"jobInputType": "literal", "value": "3"}) is None


def test_an_output_goes_where_the_job_says_or_where_azure_puts_it() -> None:
    assert output_uri("j", "o", {}).endswith("/paths/azureml/j/o/")
    given = {"uri": "azureml://datastores/workspaceblobstore/paths/${{name}}/${{output_name}}"}
    assert output_uri("j", "o", given).endswith("/paths/j/o")


def test_a_job_s_output_is_named_by_the_job(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    state.jobs.add("j", {"command": "a", "outputs": {"output": {}}}, "image")
    named = resolved_uri(state, "azureml://jobs/j/outputs/output/paths/models/")
    assert named == "azureml://datastores/workspaceblobstore/paths/azureml/j/output/models/"
    artifacts = place_of(state, "azureml://jobs/j/outputs/default/paths/outputs")
    assert artifacts == BlobPlace(container="azureml", path="ExperimentRun/dcid.j/outputs")
    with pytest.raises(Refusal, match="no output 'other'"):
        resolved_uri(state, "azureml://jobs/j/outputs/other/paths/models")


def test_a_job_s_code_is_found_by_its_version(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    state.codes.put("c", "1", {"codeUri": "https://drydock.blob.core.drydock.test/box/src"})
    found = code_place(state, state.arm_ids.id_of("codes", "c", "versions", "1"))
    assert found == BlobPlace(container="box", path="src")
    assert code_place(state, None) is None
    with pytest.raises(Refusal):
        code_place(state, "nonsense")
