import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

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
REQUIRE_WRITABLE = registry.require_writable  # before conftest.py puts another in its place


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


class Uploads(BaseHTTPRequestHandler):
    """Wants a token, and then answers a request to begin an upload as it was told."""

    status = 202
    challenge = ""
    first = ""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._answer(200, b'{"token": "t"}')

    def do_POST(self) -> None:
        if "Authorization" not in self.headers:
            realm = f'realm="http://{self.headers["Host"]}/token"'
            challenge = f'Bearer {realm},service="s",scope="repository:demo:push"'
            self._answer(401, b"", ("WWW-Authenticate", self.first or challenge))
            return
        self.asked.append(f"{self.command} {self.path}")
        if self.status == 202:
            self._answer(202, b"", ("Location", f"{self.path}one?state=x"))
        else:
            self._answer(self.status, b"", ("WWW-Authenticate", self.challenge))

    do_DELETE = do_POST  # noqa: N815 - http.server's name

    def _answer(self, status: int, content: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        return


@pytest.fixture
def uploads() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Uploads) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        Uploads.asked.clear()
        yield f"127.0.0.1:{server.server_address[1]}/demo"
        server.shutdown()


@pytest.mark.process
@pytest.mark.parametrize(
    ("status", "challenge", "is_refused"),
    [
        (202, "", False),
        (200, "", False),  # a page in the registry's place, such as a proxy's
        (403, "", True),
        (401, 'Bearer error="insufficient_scope"', True),
        (401, "", False),  # which login the docker program has is not known here
        (500, "", False),
    ],
)
def test_the_right_to_push_is_asked_before_a_push(
    uploads: str, monkeypatch: pytest.MonkeyPatch, status: int, challenge: str, *, is_refused: bool
) -> None:
    monkeypatch.setattr(Uploads, "status", status)
    monkeypatch.setattr(Uploads, "challenge", challenge)
    if is_refused:
        with pytest.raises(RegistryRefusedError, match="may not push to"):
            REQUIRE_WRITABLE(uploads)
        return
    assert REQUIRE_WRITABLE(uploads) is (status == 202)
    if status == 202:
        path = "/v2/demo/blobs/uploads/"
        assert Uploads.asked == [f"POST {path}", f"DELETE {path}one?state=x"]


@pytest.mark.process
@pytest.mark.parametrize(
    "challenge", ["Bearer", "Bearer realm=", 'Bearer realm="ftp://x"', "Basic"]
)
def test_a_challenge_that_is_none_is_no_bug_and_no_refusal(
    uploads: str, monkeypatch: pytest.MonkeyPatch, challenge: str
) -> None:
    monkeypatch.setattr(Uploads, "first", challenge)
    assert REQUIRE_WRITABLE(uploads) is False


@pytest.mark.parametrize("suffix", ["io", "cn", "us"])
def test_a_registry_of_each_cloud_has_azure_s_login_and_roles(suffix: str) -> None:
    host = f"demo.azurecr.{suffix}"
    runner = FakeRunner([on("imagetools", exit_code=1, stderr="ERROR: denied: not authorized")])
    with pytest.raises(RegistryRefusedError) as caught:
        registry.manifest(runner, f"{host}/demo:a1", make_patience())
    assert caught.value.remedy.startswith("az acr login --name demo\n")
    assert "Container Registry Repository Writer" in caught.value.remedy
