import json
import ssl
from pathlib import Path

import pytest

from hakobune.adapters.rehearsal import require_running
from hakobune.errors import CloudUnknownError
from hakobune.model.destination import Rehearsal

GIVEN = {"AZUREML_CURRENT_CLOUD": "DrydockCloud", "HTTPS_PROXY": "http://127.0.0.1:8080"}
REHEARSAL = Rehearsal(
    address="https://127.0.0.1:4430",
    ca_bundle=Path("/state/tls/ca.pem"),
    registry="127.0.0.1:5000",
    variables=tuple(GIVEN.items()),
)


def test_a_drydock_that_gave_our_variables_is_the_one() -> None:
    require_running(REHEARSAL, lambda _: json.dumps({**GIVEN, "MORE": "x"}).encode())


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({**GIVEN, "HTTPS_PROXY": "http://me:secret@127.0.0.1:1"}).encode(),
        json.dumps({"AZUREML_CURRENT_CLOUD": "DrydockCloud"}).encode(),
        b'{"error": {"code": "NotServedByDrydock"}}',
        b"[]",
        b"{",
        b"\xff",
        b"",
    ],
)
def test_another_answer_is_refused_by_the_names_and_no_value(content: bytes) -> None:
    with pytest.raises(CloudUnknownError, match="HTTPS_PROXY") as caught:
        require_running(REHEARSAL, lambda _: content)
    assert "secret" not in caught.value.what
    assert "8080" not in caught.value.what


@pytest.mark.parametrize(
    "failure", [ConnectionRefusedError("refused"), ssl.SSLCertVerificationError("another")]
)
def test_a_drydock_that_does_not_answer_is_refused(failure: OSError) -> None:
    def ask(_: Rehearsal) -> bytes:
        raise failure

    with pytest.raises(CloudUnknownError, match=r"cannot reach drydock at https://127") as caught:
        require_running(REHEARSAL, ask)
    assert "drydock start" in caught.value.remedy
