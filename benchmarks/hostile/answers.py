"""What is fuzzed of the service's answers: listings of blobs over HTTP, jobs through the SDK."""

import contextlib
import hashlib
import importlib
import io
import json
import re
import shutil
import stat
import threading
import time
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape

from hostile.draw import Draw
from hostile.inputs import sealed
from hostile.program import Room, hakobune, problems, use_runner

JOB = "demo-1"
_STORE = "workspaceblobstore"
_PREFIX = f"azureml/{JOB}/output/"
_COMMIT = "c0ffee" * 6 + "c0ff"
_IMAGE = "sha256:" + "a1" * 32
_SLEEPS = 100
_PAGES = 3000  # of one listing; a client that asks for more has no end of its own


def _set_up(room: Room) -> tuple[Any, dict[str, bytes]]:
    """Write a project with a finished run; return the recorder and the files of its job."""
    run_samples = importlib.import_module("tests.run_samples")
    made = run_samples.make_run(room.project, "local")
    files = _outputs(made.image)
    for name in ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE"):
        importlib.import_module("os").environ[f"HAKOBUNE_{name}"] = "x"
    time.sleep = _Sleep()  # type: ignore[assignment] # retries must not wait
    return use_runner(made.runner), files


class _Sleep:
    """A sleep that takes no time. Whoever sleeps again and again is interrupted, as by Ctrl-C."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _seconds: float) -> None:
        self.calls += 1
        if self.calls % _SLEEPS == 0:
            raise KeyboardInterrupt


def _outputs(image: Any) -> dict[str, bytes]:
    files = {"model.bin": b"\x00model", "metric.json": b'{"RMSE": 12.5, "R2": 0.25}\n'}
    record = {
        "schema_version": 2,
        "run_id": JOB,
        "status": "succeeded",
        "arguments": ["--output", "/mnt/output"],
        "image": {
            **{f"{name}_sha256": getattr(image, f"{name}_sha256") for name in _PARTS},
            "base": image.base,
        },
        "inputs": [],
        "manifest": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in files.items()
        },
    }
    return {**files, "record.json": sealed(Draw("", ""), record)}


_PARTS = ("environment", "lock", "source")


def _tags(files: dict[str, bytes]) -> dict[str, str]:
    image = json.loads(files["record.json"])["image"]
    return {
        "hakobune.image": _IMAGE,
        "hakobune.base": image["base"],
        **{f"hakobune.{name}": image[f"{name}_sha256"] for name in _PARTS},
        "git.commit": _COMMIT,
        "git.dirty": "false",
    }


def _odd_files(folder: Path) -> list[str]:
    """Return what a fetched run holds that is no regular file."""
    return [
        f"fetched {path.name[:40]!r}, which is no regular file"
        for path in folder.rglob("*")
        if not (stat.S_ISREG(path.lstat().st_mode) or stat.S_ISDIR(path.lstat().st_mode))
    ]


def _clean(room: Room) -> None:
    for path in (room.project / "runs").iterdir():
        if path.name != "local":
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                path.unlink()
    shutil.rmtree(room.project / ".hakobune", ignore_errors=True)


class Listings:
    """`hakobune fetch` from a blob store on loopback that answers as it likes."""

    def __init__(self, room: Room) -> None:
        self.recorder, self.files = _set_up(room)
        self.room = room
        self.allowed: tuple[Path, ...] = (
            *(room.temporary, room.project / "runs", room.project / ".hakobune"),
        )
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Store)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self._connect()
        self.tree = {
            "blobs": [
                {"Name": _PREFIX + name, "Size": str(len(data)), "Etag": "0x1", "Metadata": {}}
                for name, data in self.files.items()
            ],
            "NextMarker": "",
        }

    def _connect(self) -> None:
        storage = importlib.import_module("azure.storage.blob")
        address = f"http://127.0.0.1:{self.server.server_address[1]}/account"
        container = storage.ContainerClient(address, "box", retry_total=0, read_timeout=5)
        blob_store = importlib.import_module("hakobune.adapters.blob_store")
        blob_store.connect = lambda *_, **__: container  # type: ignore[attr-defined] # the patch
        job = SimpleNamespace(
            name=JOB,
            status="Completed",
            studio_url="",
            tags=_tags(self.files),
            outputs={"output": SimpleNamespace(path="")},
            environment="azureml:demo:1",
            command="python -m demo --output ${{outputs.output}}",
        )
        self.client = SimpleNamespace(
            workspaces=SimpleNamespace(get=lambda _: SimpleNamespace(container_registry="x/r")),
            jobs=SimpleNamespace(get=lambda _: job),
            environments=SimpleNamespace(
                get=lambda *_: SimpleNamespace(image=f"r.azurecr.io/demo@{_IMAGE}")
            ),
            datastores=SimpleNamespace(
                get=lambda *_, **__: SimpleNamespace(),
                get_default=lambda: SimpleNamespace(name=_STORE),
            ),
        )
        azure_ml = importlib.import_module("hakobune.adapters.azure_ml")
        azure_ml.connect_by_sdk = lambda _: (self.client, None)  # type: ignore[attr-defined] # as above

    def prepare(self, draw: Draw) -> Callable[[], list[str]]:
        """Decide what the store answers; return what fetches from it."""
        _clean(self.room)
        blobs = {_PREFIX + name: data for name, data in self.files.items()}
        if draw.chance(0.2):
            record = draw.edited(json.loads(self.files["record.json"]))
            blobs[f"{_PREFIX}record.json"] = sealed(draw, record)
        tree = draw.edited(self.tree) if draw.chance(0.8) else self.tree
        pages = [_listing(draw, tree)]
        if draw.chance(0.25):
            pages = [draw.damaged(pages[0], _XML)]
        if draw.chance(0.02):
            pages = [_listing(draw, {**self.tree, "NextMarker": "again"})] * _PAGES
        state = SimpleNamespace(pages=pages, asked=0, blobs=blobs, lies=draw.chance(0.1))
        self.server.state = state  # type: ignore[attr-defined] # read by the handler
        self.recorder.seen.clear()
        return lambda: self._check(state)

    def _check(self, state: Any) -> list[str]:
        found: list[str] = problems(hakobune("fetch", JOB)) + self.recorder.seen
        if state.asked >= _PAGES:
            found.append(f"a listing of more than {_PAGES} pages was read")
        return found + _odd_files(self.room.project / "runs" / JOB)


_XML = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    *(b"&b;" * 50, b"<Blob>" * 5000, b"<![CDATA[", b"<!--", b"</Blobs>", b"<x xmlns='y'>"),
    *(b"<Blob><Name>", b"<Size>-1</Size>", b"<BlobPrefix/>", b"<Properties/>", b"&#0;", b"\x00"),
)


_END = b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"


def _listing(draw: Draw, tree: Any) -> bytes:
    """Return a page of the service's XML for whatever the tree has become."""
    if not isinstance(tree, dict):
        return draw.dump(tree)
    blobs = tree.get("blobs")
    entries = "".join(map(_blob, blobs if isinstance(blobs, list) else [blobs]))
    if draw.chance(0.01) and len(entries) < 2000:
        entries *= 1600  # the service puts 5000 blobs on a page
    rest = f"<NextMarker>{_xml(tree.get('NextMarker'))}</NextMarker>"
    head = '<?xml version="1.0" encoding="utf-8"?>'
    text = f'{head}<EnumerationResults ContainerName="box"><Blobs>{entries}</Blobs>{rest}'
    return f"{text}</EnumerationResults>".encode("utf-8", "surrogatepass")


def _blob(blob: Any) -> str:
    if not isinstance(blob, dict):
        return f"<Blob>{_xml(blob)}</Blob>"
    name = str(blob.get("Name"))
    attribute = ""
    if not name.isprintable():  # the service encodes what XML cannot have
        name, attribute = (
            urllib.parse.quote(name.encode("utf-8", "surrogatepass")),
            ' Encoded="true"',
        )
    given = blob.get("Metadata")
    pairs = given.items() if isinstance(given, dict) else []
    metadata = "".join(f"<{_tag(key)}>{_xml(value)}</{_tag(key)}>" for key, value in pairs)
    inner = f"<Name{attribute}>{escape(name)}</Name>" if "Name" in blob else ""
    size = f"<Content-Length>{_xml(blob.get('Size'))}</Content-Length>" if "Size" in blob else ""
    more = "".join(
        f"<{_tag(key)}>{_xml(value)}</{_tag(key)}>"
        for key, value in blob.items()
        if key not in ("Name", "Size", "Etag", "Metadata")
    )
    etag = f"<Etag>{_xml(blob.get('Etag'))}</Etag>"
    rest = f"{etag}{size}<BlobType>BlockBlob</BlobType>{more}"
    return f"<Blob>{inner}<Properties>{rest}</Properties><Metadata>{metadata}</Metadata></Blob>"


def _xml(value: Any) -> str:
    return escape(str(value)) if value is not None else ""


def _tag(key: str) -> str:
    return re.sub(r"[^A-Za-z_]", "_", key)[:100] or "_"


class _Store(BaseHTTPRequestHandler):
    """Answers a listing page by page, and a blob's bytes in the range that is asked for."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        state = self.server.state  # type: ignore[attr-defined] # set for each input
        path, _, query = self.path.partition("?")
        if "comp=list" in query:
            page = state.pages[state.asked] if state.asked < len(state.pages) else _END
            state.asked += 1
            self._answer(200, page, {"Content-Type": "application/xml"})
            return
        name = urllib.parse.unquote(path.removeprefix("/account/box/"), errors="surrogateescape")
        content = state.blobs.get(name, b"x" * 10)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("x-ms-range", ""))
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]) if asked and asked[2] else len(content), len(content) - 1)
        part = content[start : end + 1]
        if not part:
            self._answer(416, b"", {"x-ms-error-code": "InvalidRange"})
            return
        whole = "9" * 30 if state.lies else str(len(content))
        headers = {
            "Content-Range": f"bytes {start}-{end}/{whole}",
            "ETag": '"0x1"',
            "x-ms-blob-type": "BlockBlob",
            "Last-Modified": "Fri, 27 Nov 2026 00:00:00 GMT",
        }
        self._answer(206, part, headers)

    def _answer(self, code: int, content: bytes, headers: dict[str, str]) -> None:
        with contextlib.suppress(OSError):  # the client has left
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class Jobs:
    """`hakobune fetch`, `watch` and `verify` of a job whose ARM document somebody else wrote.

    The document goes through azure-ai-ml's own client; only its HTTP session is ours.
    """

    def __init__(self, room: Room) -> None:
        self.recorder, self.files = _set_up(room)
        self.room = room
        self.allowed: tuple[Path, ...] = (
            *(room.temporary, room.project / "runs", room.project / ".hakobune"),
        )
        self.answers: dict[str, bytes] = {}
        self._connect()
        self.job = _job(_tags(self.files))
        self.environment = _resource(
            "environments/demo/versions/1",
            {"image": f"r.azurecr.io/demo@{_IMAGE}", "isAnonymous": False, "osType": "Linux"},
        )

    def _connect(self) -> None:
        blob_store = importlib.import_module("hakobune.adapters.blob_store")
        blob_store.connect = lambda *_, **__: _Box(self.files)  # type: ignore[attr-defined] # the patch
        importlib.import_module("hakobune.adapters.azure_sdk").sdk()  # it silences the library
        client = _client(self.answers)
        azure_ml = importlib.import_module("hakobune.adapters.azure_ml")
        azure_ml.connect_by_sdk = lambda _: (client, None)  # type: ignore[attr-defined] # as above

    def prepare(self, draw: Draw) -> Callable[[], list[str]]:
        """Decide the service's answers; return what asks for them."""
        _clean(self.room)
        job, environment = self.job, self.environment
        if draw.chance(0.9):
            job = {**job, "properties": draw.edited(job["properties"])}
        else:
            environment = draw.edited(environment)
        content = draw.dump(job)
        if draw.chance(0.1):
            content = draw.damaged(content, (b'"jobType": "Sweep",', b"[" * 5000, b'"tags": null,'))
        self.answers.update(job=content, environment=draw.dump(environment))
        self.recorder.seen.clear()
        command = draw.one("fetch", "fetch", "fetch", "watch")
        return lambda: self._check(command)

    def _check(self, command: str) -> list[str]:
        outcome = hakobune(command, JOB)
        found = problems(outcome)
        if command == "fetch" and outcome.code == 0:
            found += problems(hakobune("verify", JOB))
        found += self.recorder.seen
        return found + _odd_files(self.room.project / "runs" / JOB)


_GROUP = "/subscriptions/x/resourceGroups/x/providers/Microsoft.MachineLearningServices"


def _resource(path: str, properties: dict[str, Any]) -> dict[str, Any]:
    times = {"createdAt": "2026-11-27T00:00:00.0000000+00:00", "createdBy": "x"}
    name = path.rpartition("/")[2]
    return {
        "id": f"{_GROUP}/workspaces/x/{path}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/x",
        "properties": properties,
        "systemData": times,
    }


def _job(tags: dict[str, str]) -> dict[str, Any]:
    uri = f"azureml://datastores/{_STORE}/paths/{_PREFIX}"
    return _resource(
        f"jobs/{JOB}",
        {
            "description": None,
            "tags": tags,
            "properties": {"_azureml.ComputeTargetType": "amlctrain"},
            "displayName": "demo",
            "status": "Completed",
            "experimentName": "demo",
            "services": {
                kind: {"jobServiceType": kind, "endpoint": f"https://ml.azure.com/{kind}"}
                for kind in ("Tracking", "Studio")
            },
            "computeId": f"{_GROUP}/workspaces/x/computes/cpu-cluster",
            "isArchived": False,
            "jobType": "Command",
            "resources": {"instanceCount": 1, "shmSize": "2g"},
            "command": "python -m demo --output ${{outputs.output}}",
            "environmentId": f"{_GROUP}/workspaces/x/environments/demo/versions/1",
            "inputs": {},
            "outputs": {
                "output": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount", "uri": uri}
            },
            "environmentVariables": {},
            "parameters": {},
        },
    )


def _client(answers: dict[str, bytes]) -> Any:
    """Return the SDK's client with a session that answers from memory."""
    requests = importlib.import_module("requests")
    urllib3 = importlib.import_module("urllib3")
    transport = importlib.import_module("azure.core.pipeline.transport")
    token = importlib.import_module("azure.core.credentials").AccessToken("x", 2**40)
    workspace = _resource("x", {"containerRegistry": f"{_GROUP}/registries/r", "discoveryUrl": ""})
    store = _resource(
        f"datastores/{_STORE}",
        {
            "datastoreType": "AzureBlob",
            "accountName": "a",
            "containerName": "c",
            "endpoint": "core.windows.net",
            "protocol": "https",
            "credentials": {"credentialsType": "AccountKey"},
            "isDefault": True,
        },
    )

    class Memory(requests.adapters.BaseAdapter):  # type: ignore[misc, name-defined] # imported by name
        def send(self, request: Any, **_: Any) -> Any:
            address = request.url.partition("?")[0]
            if "/jobs/" in address:
                content = answers["job"]
            elif "/environments/" in address:
                content = answers["environment"]
            elif address.endswith("/listSecrets"):
                content = b'{"secretsType": "AccountKey", "key": "eA=="}'
            elif address.endswith("/datastores"):
                content = json.dumps({"value": [store]}).encode()
            elif "/datastores/" in address:
                content = json.dumps(store).encode()
            else:
                content = json.dumps(workspace).encode()
            answer = requests.Response()
            answer.status_code, answer.reason = 200, "OK"
            answer.headers["Content-Type"] = "application/json"
            answer.url, answer.request = request.url, request
            answer.raw = urllib3.HTTPResponse(
                io.BytesIO(content), status=200, preload_content=False
            )
            return answer

        def close(self) -> None:
            pass

    session = requests.Session()
    session.mount("https://", Memory())
    login = SimpleNamespace(get_token=lambda *_, **__: token)
    ml = importlib.import_module("azure.ai.ml")
    return ml.MLClient(
        *(login, "x", "x", "x"),
        enable_telemetry=False,
        show_progress=False,
        retry_total=0,
        transport=transport.RequestsTransport(session=session, session_owner=False),
    )


class _Box:
    """A container of blobs in memory, with the two calls that hakobune makes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def list_blobs(self, *, name_starts_with: str, **_: Any) -> list[Any]:
        return [
            SimpleNamespace(name=name_starts_with + name, size=len(data), etag="1", metadata=None)
            for name, data in self._files.items()
        ]

    def download_blob(self, place: str, *, offset: int, **_: Any) -> Any:
        content = self._files.get(place.rpartition("/")[2], b"")[offset:]
        return SimpleNamespace(chunks=lambda: iter([content]), readall=lambda: content)
