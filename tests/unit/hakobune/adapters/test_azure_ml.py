import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hakobune.adapters import azure_sdk, blob_store
from hakobune.adapters.azure_ml import AzureWorkspace
from hakobune.errors import (
    AnswerInvalidError,
    DiskFullError,
    EnvironmentConflictError,
    LoginExpiredError,
    LoginMissingError,
    OutputUnknownError,
    PermissionMissingError,
    SdkMissingError,
    ServiceRefusedError,
    ServiceUnavailableError,
    StorageRoleMissingError,
    WorkspaceNotFoundError,
)
from hakobune.model.destination import Destination
from hakobune.model.job import JobPlan, Quota, RemoteFile
from tests.cloud_samples import ENVIRONMENT, make_compute, make_job, make_patience
from tests.samples import DIGEST, FakeReporter

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK warns of its own parts

TO = Destination(subscription="S", resource_group="R", workspace="W", registry="")


class HttpResponseError(Exception):
    """Named as the SDK's: names and status are what counts."""

    def __init__(self, status: int, text: str = "x") -> None:
        super().__init__(text)
        self.status_code = status


class Script:
    """Gives its answers one after the other; an exception is raised. Keeps what was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.asked.append((*arguments, *named.values()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def client(**parts: object) -> SimpleNamespace:
    workspace = SimpleNamespace(
        id="/subscriptions/S/workspaces/w", container_registry="/subscriptions/S/registries/mine"
    )
    return SimpleNamespace(
        workspaces=SimpleNamespace(get=Script(workspace)),
        datastores=SimpleNamespace(
            get=Script(SimpleNamespace()), get_default=Script(SimpleNamespace(name="default"))
        ),
        **parts,
    )


def workspace(
    sdk: object, *pauses_s: float, reporter: FakeReporter | None = None
) -> AzureWorkspace:
    patience = make_patience(*pauses_s, reporter=reporter)
    return AzureWorkspace(TO, patience, connect=lambda _: (sdk, "login"))


def storage(monkeypatch: pytest.MonkeyPatch, *containers: object) -> Script:
    connecting = Script(*containers)
    monkeypatch.setattr(blob_store, "connect", connecting)
    return connecting


class EmptyContainer:
    """Takes uploads, and keeps what came."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.metadata: dict[str, dict[str, str]] = {}

    def get_blob_client(self, place: str) -> SimpleNamespace:
        return SimpleNamespace(
            get_blob_properties=lambda: self._properties(place),
            upload_blob=lambda file, **_: self.blobs.update({place: file.read()}),
            set_blob_metadata=lambda marks: self.metadata.update({place: marks}),
        )

    def _properties(self, place: str) -> SimpleNamespace:
        if place not in self.blobs:
            raise HttpResponseError(404)
        return SimpleNamespace(metadata=self.metadata.get(place))


def test_nothing_is_asked_before_the_first_call() -> None:
    def refuse(_: Destination) -> tuple[Any, Any]:
        pytest.fail("connected")

    AzureWorkspace(TO, make_patience(), connect=refuse)


@pytest.mark.parametrize(
    "server", ["mine.azurecr.io", "Mine.azurecr.cn", "mine.azurecr.us", "mine-abc123.azurecr.io"]
)
def test_the_registry_s_address_is_the_service_s_answer(server: str) -> None:
    answer = SimpleNamespace(
        raise_for_status=lambda: None, json=lambda: {"properties": {"loginServer": server}}
    )
    send = Script(answer)
    assert workspace(client(compute=arm(send))).registry() == server.lower()
    asked = "https://arm.example/subscriptions/S/registries/mine?api-version=2023-07-01"
    assert send.asked[0][0].url == asked
    without = client()
    without.workspaces.get = Script(SimpleNamespace(id="/workspaces/W", container_registry=None))
    assert workspace(without).registry() == ""


@pytest.mark.parametrize("server", ["", "a b", "https://mine.azurecr.io", "-x.azurecr.io"])
def test_a_registry_s_address_that_is_none_is_refused(server: str) -> None:
    answer = SimpleNamespace(
        raise_for_status=lambda: None, json=lambda: {"properties": {"loginServer": server}}
    )
    with pytest.raises(AnswerInvalidError):
        workspace(client(compute=arm(Script(answer)))).registry()


def test_a_workspace_that_may_not_be_seen_is_no_registry_that_is_not_known() -> None:
    sdk = client()
    sdk.workspaces.get = Script(HttpResponseError(403, "AuthorizationFailed"))
    with pytest.raises(PermissionMissingError):
        workspace(sdk).registry()


def test_a_registry_that_may_not_be_read_is_not_guessed() -> None:
    reporter = FakeReporter()
    cloud = workspace(client(compute=arm(Script(HttpResponseError(403)))), reporter=reporter)
    assert cloud.registry() == ""
    assert reporter.said[0].startswith("the workspace's registry is not known (registry ")


def arm(send: Script) -> SimpleNamespace:
    operation = SimpleNamespace(
        _client=SimpleNamespace(send_request=send),
        _config=SimpleNamespace(base_url="https://arm.example"),
    )
    return SimpleNamespace(_operation=operation)


@pytest.mark.parametrize(
    "found", [None, SimpleNamespace(id=None), SimpleNamespace(id="/subscriptions/S/workspaces/V")]
)
def test_an_answer_that_is_not_the_workspace_s_is_refused(found: object) -> None:
    there = client()
    there.workspaces.get = Script(found)
    with pytest.raises(AnswerInvalidError, match="describes the workspace in a way"):
        workspace(there).registry()


def test_the_sdk_sleeps_no_longer_than_half_a_minute_whatever_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    for asked_s in (3.0, 31.0, 1e30):
        azure_sdk._transport().sleep(asked_s)
    assert slept == [3.0, 30.0, 30.0]


def test_a_workspace_that_is_not_there_is_told_with_all_three_names() -> None:
    sdk = client()
    sdk.workspaces.get = Script(HttpResponseError(404))
    with pytest.raises(WorkspaceNotFoundError, match=r"workspace W in resource group R of sub.* S"):
        workspace(sdk).registry()


def test_what_is_not_there_is_none_and_other_refusals_are_errors() -> None:
    get = Script(HttpResponseError(404), HttpResponseError(401, "ExpiredAuthenticationToken"))
    cloud = workspace(client(jobs=SimpleNamespace(get=get)))
    assert cloud.job("demo-1") is None
    with pytest.raises(LoginExpiredError):
        cloud.job("demo-1")


def test_a_service_that_is_down_is_borne_and_told() -> None:
    found = SimpleNamespace(name="demo-1", status="Running", studio_url="", tags={}, outputs={})
    get = Script(HttpResponseError(429), HttpResponseError(503), found)
    reporter = FakeReporter()
    cloud = workspace(client(jobs=SimpleNamespace(get=get)), 1, 2, reporter=reporter)
    assert cloud.job("demo-1") is not None
    assert [text.split(";")[0] for text in reporter.said] == [
        "job demo-1: the service answers 429",
        "job demo-1: the service answers 503",
    ]


def test_a_bug_is_not_taken_for_a_failure_of_the_service() -> None:
    get = Script(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        workspace(client(jobs=SimpleNamespace(get=get)), 1).job("demo-1")


def test_an_environment_is_sent_as_planned() -> None:
    create = Script(None)
    workspace(client(environments=SimpleNamespace(create_or_update=create))).create_environment(
        ENVIRONMENT
    )
    sent = create.asked[0][0]
    assert (sent.name, sent.version) == ("demo", ENVIRONMENT.version)
    assert sent.image == f"registry.example/demo@{DIGEST}"


@pytest.mark.parametrize(
    ("there", "error"),
    [
        ("registry.example/demo@sha256:other", EnvironmentConflictError),
        (f"registry.example/demo@{DIGEST}", ServiceRefusedError),
    ],
)
def test_a_version_that_somebody_else_just_registered_is_compared(
    there: str, error: type[Exception]
) -> None:
    environments = SimpleNamespace(
        create_or_update=Script(HttpResponseError(409)), get=Script(SimpleNamespace(image=there))
    )
    with pytest.raises(error):
        workspace(client(environments=environments)).create_environment(ENVIRONMENT)


JOB = JobPlan(
    name="demo-1",
    display_name="demo",
    experiment="demo",
    command="python -m demo",
    environment=ENVIRONMENT.reference,
    compute="cpu-cluster",
    instances=1,
    timeout_s=60,
    inputs=(),
    outputs=("output",),
    variables=(),
    tags=(),
)
SUBMITTED = SimpleNamespace(name="demo-1", status="Starting", studio_url="", tags={}, outputs={})


def test_a_job_whose_answer_was_lost_is_looked_for_before_it_is_sent_again(tmp_path: Path) -> None:
    create = Script(type("ServiceResponseError", (Exception,), {})("broken"))
    get = Script(SUBMITTED)
    cloud = workspace(client(jobs=SimpleNamespace(create_or_update=create, get=get)), 1)
    assert cloud.create_job(JOB, root=tmp_path).name == "demo-1"
    assert (len(create.asked), get.asked) == (1, [("demo-1",)])


def test_a_job_that_never_arrived_is_sent_again(tmp_path: Path) -> None:
    create = Script(HttpResponseError(503), SUBMITTED)
    get = Script(HttpResponseError(404))
    cloud = workspace(client(jobs=SimpleNamespace(create_or_update=create, get=get)), 1)
    assert cloud.create_job(JOB, root=tmp_path).status == "Starting"
    assert len(create.asked) == 2


def test_a_cluster_s_own_nodes_do_not_count_against_its_quota() -> None:
    size = SimpleNamespace(name="Standard_D2s_v3", family="f", vCPUs=2)
    usage = SimpleNamespace(
        name={"value": "f"}, type="a/dedicatedCores/b", currentValue=24, limit=24
    )
    compute = SimpleNamespace(
        list_sizes=Script([size]), list_usage=Script([usage]), list_nodes=Script(["node"])
    )
    cloud = workspace(client(compute=compute))
    assert cloud.quotas(make_compute()) == (Quota(kind="f", per_node=2, used=22, allowed=24),)


def test_a_quota_that_may_not_be_read_is_told_and_does_not_stop() -> None:
    reporter = FakeReporter()
    compute = SimpleNamespace(list_sizes=Script(HttpResponseError(403)))
    assert workspace(client(compute=compute), reporter=reporter).quotas(make_compute()) == ()
    assert reporter.said[0].startswith("quota: not checked (")


@pytest.mark.parametrize("status", [403, 404])
def test_where_the_nodes_in_use_may_not_be_seen_the_service_decides(status: int) -> None:
    reporter = FakeReporter()
    size = SimpleNamespace(name="Standard_D2s_v3", family="f", vCPUs=2)
    usage = SimpleNamespace(
        name={"value": "f"}, type="a/dedicatedCores/b", currentValue=24, limit=24
    )
    compute = SimpleNamespace(
        list_sizes=Script([size]),
        list_usage=Script([usage]),
        list_nodes=Script(HttpResponseError(status)),
    )
    assert workspace(client(compute=compute), reporter=reporter).quotas(make_compute()) == ()
    assert reporter.said[0].startswith("quota: not checked (nodes of cpu-cluster: ")


OLD_TOKEN = HttpResponseError(401, "(ExpiredAuthenticationToken) ...")


def test_a_token_that_is_too_old_is_replaced_once_by_a_new_login() -> None:
    logins: list[SimpleNamespace] = []
    get = Script(OLD_TOKEN, SUBMITTED, OLD_TOKEN, OLD_TOKEN)

    def connect(_: Destination) -> tuple[Any, Any]:
        logins.append(client(jobs=SimpleNamespace(get=get)))
        return logins[-1], "login"

    cloud = AzureWorkspace(TO, make_patience(), connect=connect)
    assert cloud.job("demo-1") is not None
    assert len(logins) == 2
    with pytest.raises(LoginExpiredError):
        cloud.job("demo-1")


def test_an_old_token_at_the_first_look_is_replaced_too() -> None:
    found = client(jobs=SimpleNamespace(get=Script(SUBMITTED)))
    there = found.workspaces.get.answers[0]
    found.workspaces.get = Script(OLD_TOKEN, there)
    assert workspace(found).job("demo-1") is not None


LOGS = "ExperimentRun/dcid.demo-1/user_logs"


def container(*files: RemoteFile) -> SimpleNamespace:
    blobs = [
        SimpleNamespace(name=f.place, size=f.size_bytes, etag=f.mark, metadata=None) for f in files
    ]

    def download_blob(place: str, *, offset: int, max_concurrency: int) -> SimpleNamespace:
        return SimpleNamespace(readall=lambda: b"0123456789"[offset:])

    return SimpleNamespace(
        list_blobs=lambda name_starts_with, **_: [
            b for b in blobs if b.name.startswith(name_starts_with)
        ],
        download_blob=download_blob,
    )


def log_of(size: int, name: str = "std_log.txt") -> RemoteFile:
    return RemoteFile(name=name, place=f"{LOGS}/{name}", size_bytes=size, mark="1")


@pytest.mark.parametrize(
    ("files", "offset", "answer"),
    [
        ((), 0, (b"", 0)),
        ((log_of(10),), 0, (b"0123456789", 10)),
        ((log_of(10),), 4, (b"456789", 10)),
        ((log_of(10),), 10, (b"", 10)),
        ((log_of(10),), 99, (b"0123456789", 10)),
        ((log_of(10, "other.txt"),), 0, (b"", 0)),
        ((log_of(10, "std_log_process_0.txt"),), 0, (b"0123456789", 10)),
    ],
)
def test_a_log_is_read_from_where_the_last_reading_ended(
    monkeypatch: pytest.MonkeyPatch,
    files: tuple[RemoteFile, ...],
    offset: int,
    answer: tuple[bytes, int],
) -> None:
    storage(monkeypatch, container(*files))
    assert workspace(client()).log("demo-1", offset) == answer


@pytest.mark.parametrize(("node", "end"), [(2, b"0123456789"), (1, b""), (22, b"")])
def test_the_end_of_a_node_s_log_is_read_by_its_number(
    monkeypatch: pytest.MonkeyPatch, node: int, end: bytes
) -> None:
    storage(monkeypatch, container(log_of(10, "std_log_process_02.txt")))
    assert workspace(client()).end_of_log("demo-1", node) == end


def test_a_secret_that_expired_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def expired(**_: object) -> None:
        raise HttpResponseError(403)

    old = SimpleNamespace(list_blobs=expired)
    connecting = storage(monkeypatch, container(log_of(10)), old, container(log_of(10)))
    cloud = workspace(client())
    cloud.log("demo-1", 0)
    cloud._containers["workspaceartifactstore"] = old
    connecting.answers = [container(log_of(10))]
    assert cloud.log("demo-1", 9) == (b"9", 10)


@pytest.mark.parametrize(
    ("uri", "folder", "store"),
    [
        ("", "azureml/demo-1/output", "default"),
        ("azureml://datastores/mine/paths/a/b/", "a/b", "mine"),
        (
            "azureml://datastores/mine/paths/azureml/${{name}}/${{output_name}}/",
            "azureml/demo-1/output",
            "mine",
        ),
    ],
)
def test_an_output_lies_where_the_job_says_or_where_the_service_puts_it(
    monkeypatch: pytest.MonkeyPatch, uri: str, folder: str, store: str
) -> None:
    file = RemoteFile(name="x", place=f"{folder}/x", size_bytes=3, mark="1")
    storage(monkeypatch, container(file))
    sdk = client()
    found = workspace(sdk).output_files(make_job(outputs=(("output", uri),)), "output")
    assert [(f.name, f.place) for f in found] == [("x", f"{store}/{folder}/x")]
    assert sdk.datastores.get.asked == [(store, True)]


def test_a_disk_that_is_full_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"01234"
        raise OSError(errno.ENOSPC, "No space left on device")

    stream = SimpleNamespace(chunks=chunks)
    storage(monkeypatch, SimpleNamespace(download_blob=lambda *_, **__: stream))
    file = RemoteFile(name="x", place="store/x", size_bytes=10, mark="1")
    with pytest.raises(DiskFullError, match="x: No space left"):
        workspace(client(), 1).fetch_file(file, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_an_output_that_the_job_has_not_is_unknown() -> None:
    with pytest.raises(OutputUnknownError, match="no output `other`") as caught:
        workspace(client()).output_files(make_job(), "other")
    assert caught.value.remedy == "it has: output"


def test_a_model_is_known_again_by_its_tag() -> None:
    models = [
        SimpleNamespace(version="2", tags={"hakobune.model": "b"}),
        SimpleNamespace(version="1", tags=None),
    ]
    cloud = workspace(client(models=SimpleNamespace(list=Script(models))))
    assert cloud.model_version("m", ("hakobune.model", "b")) == "2"
    assert cloud.model_version("m", ("hakobune.model", "c")) is None


def test_a_model_whose_answer_was_lost_is_not_registered_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage(monkeypatch, EmptyContainer())
    (tmp_path / "model.bin").write_bytes(b"x")
    create = Script(HttpResponseError(503))
    there = SimpleNamespace(version="7", tags={"a": "b"})
    models = SimpleNamespace(create_or_update=create, list=Script([there]))
    cloud = workspace(client(models=models), 1)
    found = cloud.create_model("m", tmp_path / "model.bin", description="", tags=(("a", "b"),))
    assert (found, len(create.asked)) == ("7", 1)


def test_a_model_s_first_registration_is_sent_again_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage(monkeypatch, EmptyContainer())
    (tmp_path / "model.bin").write_bytes(b"x")
    create = Script(HttpResponseError(503), SimpleNamespace(version="1"))
    # The service has no versions of a name that nobody registered: there is no such name.
    models = SimpleNamespace(create_or_update=create, list=Script(HttpResponseError(404)))
    cloud = workspace(client(models=models), 1)
    found = cloud.create_model("m", tmp_path / "model.bin", description="", tags=(("a", "b"),))
    assert (found, len(create.asked)) == ("1", 2)


def history(*details: object) -> SimpleNamespace:
    return SimpleNamespace(_runs_operations=SimpleNamespace(get_run_details=Script(*details)))


def test_a_failed_job_s_reason_is_what_run_history_says() -> None:
    error = SimpleNamespace(as_dict=lambda: {"error": {"code": "A", "message": "b"}})
    jobs = history(SimpleNamespace(error=error), SimpleNamespace(error=None))
    cloud = workspace(client(jobs=jobs))
    assert cloud.why_failed("demo-1") == "A: b"
    assert cloud.why_failed("demo-1") == ""


def test_a_reason_that_may_not_be_read_is_an_error() -> None:
    with pytest.raises(PermissionMissingError):
        workspace(client(jobs=history(HttpResponseError(403)))).why_failed("demo-1")


@pytest.mark.parametrize("answer", [[], None, 7])
def test_a_reason_of_another_form_is_refused(answer: object) -> None:
    with pytest.raises(AnswerInvalidError, match="a job's end"):
        workspace(client(jobs=history(answer))).why_failed("demo-1")


def test_a_log_that_neither_storage_nor_history_gives_is_the_storage_s_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing = SimpleNamespace(
        list_blobs=Script(HttpResponseError(403, "AuthorizationPermissionMismatch"))
    )
    storage(monkeypatch, refusing)
    cloud = workspace(client(jobs=history(SimpleNamespace(log_files={}))))
    with pytest.raises(StorageRoleMissingError):
        cloud.log("demo-1", 0)


@pytest.mark.parametrize(
    "address", ["http://a.example/log?sig=1", "file:///etc/passwd", "https://"]
)
def test_a_log_s_address_that_is_not_https_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    storage(monkeypatch, SimpleNamespace(list_blobs=Script(HttpResponseError(403))))
    details = SimpleNamespace(log_files={"user_logs/std_log.txt": address})
    with pytest.raises(AnswerInvalidError):
        workspace(client(jobs=history(details))).log("demo-1", 0)


def test_the_sdk_s_own_words_do_not_reach_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    def cancel(_: str) -> SimpleNamespace:
        sys.stdout.write("Uploading [####]")
        return SimpleNamespace(result=lambda _: None)

    workspace(client(jobs=SimpleNamespace(begin_cancel=cancel))).cancel_job("demo-1")
    assert capfd.readouterr() == ("", "")


def test_without_the_sdk_the_remedy_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(SdkMissingError) as caught:
        azure_sdk.sdk()
    assert "pip install azure-ai-ml" in caught.value.remedy


def test_variables_that_are_no_login_are_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TENANT_ID", "t"), ("CLIENT_ID", ""), ("CLIENT_SECRET", "s")):
        monkeypatch.setenv(f"AZURE_{name}", value)
    with pytest.raises(LoginMissingError, match="client_id should be") as caught:
        azure_sdk.connect_by_sdk(TO)
    assert "AZURE_CLIENT_ID" in caught.value.remedy


def test_patience_that_ended_is_an_error_of_its_own() -> None:
    get = Script(HttpResponseError(503))
    with pytest.raises(ServiceUnavailableError, match="2 times in a row"):
        workspace(client(jobs=SimpleNamespace(get=get)), 1).job("demo-1")
