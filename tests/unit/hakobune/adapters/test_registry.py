import json
from collections.abc import Sequence

import pytest

from hakobune.adapters import registry
from hakobune.errors import (
    DiskFullError,
    HakobuneError,
    PushFailedError,
    RegistryRefusedError,
    RegistryUnreachableError,
)
from tests.cloud_samples import make_patience
from tests.samples import REMOVES_IMAGE, TAGS, FakeRunner, on

DIGEST = f"sha256:{'4' * 64}"
REFERENCE = "demo.azurecr.io/demo:a1"
NAMES = (TAGS, REMOVES_IMAGE)


def test_a_manifest_is_returned_byte_for_byte() -> None:
    runner = FakeRunner([on("imagetools", "--raw", stdout='{"a":  "ü"}')])
    assert registry.manifest(runner, REFERENCE, make_patience()) == '{"a":  "ü"}'.encode()


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: demo.azurecr.io/demo:a1: not found",
        "ERROR: unexpected status: manifest unknown: manifest tagged by a1 is not found",
        "ERROR: name unknown: repository name not known to registry",
    ],
)
def test_an_image_that_is_not_there_is_none(said: str) -> None:
    runner = FakeRunner([on("imagetools", exit_code=1, stderr=said)])
    assert registry.manifest(runner, REFERENCE, make_patience()) is None


@pytest.mark.parametrize(
    ("said", "error", "remedy"),
    [
        (
            "denied: requested access to the resource is denied",
            RegistryRefusedError,
            "az acr login --name demo",
        ),
        (
            "no basic auth credentials",
            RegistryRefusedError,
            "az acr login --name demo",
        ),
        (
            "unauthorized: authentication required, and not found",
            RegistryRefusedError,
            "az acr login --name demo",
        ),
        ("dial tcp: lookup demo.azurecr.io: no such host", RegistryUnreachableError, "network"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", RegistryUnreachableError, "network"),
        (
            "unexpected status from POST request: 500 Internal Server Error",
            RegistryUnreachableError,
            "network",
        ),
        ("429 Too Many Requests", RegistryUnreachableError, "network"),
        ("write /var/lib: no space left on device", DiskFullError, "free some space"),
        ("something else", PushFailedError, "push again"),
    ],
)
def test_a_failed_push_is_named_by_its_cause(
    said: str, error: type[HakobuneError], remedy: str
) -> None:
    runner = FakeRunner(
        [on("docker", "push", exit_code=1, stdout=f"a1: Waiting\n{said}\n"), *NAMES]
    )
    with pytest.raises(error) as caught:
        registry.push(runner, "demo:local", REFERENCE, make_patience())
    assert caught.value.what.startswith("demo.azurecr.io")
    assert remedy in caught.value.remedy


def test_a_registry_of_another_kind_wants_another_login() -> None:
    runner = FakeRunner([on("imagetools", exit_code=1, stderr="unauthorized")])
    with pytest.raises(RegistryRefusedError) as caught:
        registry.manifest(runner, "registry.example:5000/demo:a1", make_patience())
    assert caught.value.remedy == "docker login registry.example:5000"


def test_a_push_that_was_cut_short_is_tried_again() -> None:
    answers = iter([1, 0])
    runner = FakeRunner(
        [
            lambda command: (
                on("push", exit_code=next(answers), stdout="connection reset by peer")(command)
                if "push" in command
                else None
            ),
            *NAMES,
        ]
    )
    registry.push(runner, "demo:local", REFERENCE, make_patience(1))
    assert len(runner.called("push")) == 2


@pytest.mark.parametrize("code", [0, 1])
def test_the_name_for_the_push_does_not_stay_in_the_engine(code: int) -> None:
    runner = FakeRunner([on("docker", "push", exit_code=code, stdout="odd"), *NAMES])
    try:
        registry.push(runner, "demo:local", REFERENCE, make_patience())
    except PushFailedError:
        assert code == 1
    assert [call[1] for call in runner.calls] == ["tag", "push", "image"]
    assert runner.calls[-1] == ["docker", "image", "rm", REFERENCE]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_a_push_that_is_interrupted_leaves_no_name_either(end: type[BaseException]) -> None:
    def interrupted(command: Sequence[str]) -> None:
        if "push" in command:
            raise end

    runner = FakeRunner([interrupted, *NAMES])
    with pytest.raises(end):
        registry.push(runner, "demo:local", REFERENCE, make_patience())
    assert runner.calls[-1] == ["docker", "image", "rm", REFERENCE]


def test_a_registry_s_digest_is_returned_and_silence_is_none() -> None:
    answer = on("imagetools", stdout=json.dumps({"digest": DIGEST}))
    assert registry.tag_digest(FakeRunner([answer]), "a:b") == DIGEST
    silent, no_mirror = on("imagetools", exit_code=1), on("RegistryConfig.Mirrors", stdout="null")
    assert registry.tag_digest(FakeRunner([silent, no_mirror]), "a:b") is None
    odd = on("imagetools", stdout=json.dumps({"digest": "latest"}))
    assert registry.tag_digest(FakeRunner([odd]), "a:b") is None


def test_an_engine_with_a_mirror_is_asked_where_the_registry_itself_is_out_of_reach() -> None:
    silent = on("imagetools", exit_code=1)
    mirror = on("RegistryConfig.Mirrors", stdout='["http://127.0.0.1:5000"]')
    pull = on("pull")
    found = on("RepoDigests", stdout=f'["python@{DIGEST}","127.0.0.1:5000/a@{DIGEST}"]')
    assert registry.tag_digest(FakeRunner([silent, mirror, pull, found]), "a:b") == DIGEST
    refused = on("pull", exit_code=1)
    assert registry.tag_digest(FakeRunner([silent, mirror, refused]), "a:b") is None
    other = on("RepoDigests", stdout=f'["a@{DIGEST}","c@sha256:{"0" * 64}"]')
    assert registry.tag_digest(FakeRunner([silent, mirror, pull, other]), "a:b") is None
