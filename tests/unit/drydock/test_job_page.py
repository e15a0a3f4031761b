"""The page of a job, as a browser asks for it."""

import hashlib
import http.client
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from drydock.job_page import STYLE, JobView, OutputFile, address_of, escaped, render_page
from tests.samples import PATIENCE_S
from tests.unit.drydock.asking import IMAGE, Asker, end_of, with_a_job
from tests.unit.drydock.harbour import Harbour, launch

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e</pre>"


def view(**changes: object) -> JobView:
    given = {
        "name": "job1",
        "status": "Running",
        "is_over": False,
        "error": HOSTILE,
        "facts": ((HOSTILE, HOSTILE),),
        "metrics": ((HOSTILE, "1"),),
        "files": (OutputFile(output=HOSTILE, path=HOSTILE, size=3, sha256=""),),
        "log": HOSTILE,
        "skipped": 0,
    }
    return JobView(**{**given, **changes})  # type: ignore[arg-type] # by name, in tests


def test_everything_on_a_page_is_escaped_and_nothing_runs() -> None:
    page = render_page(view())
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;\\x1b[31m\\u202e") == 7
    tags = set(re.findall(r"<(\w+)", page.replace(STYLE, "")))
    plain = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong", "pre"}
    assert tags <= plain | {"table", "tr", "th", "td", "code"}


def test_a_log_keeps_its_lines_and_tabs() -> None:
    assert escaped("a\tb\r\nc\n") == "a\tb\nc\n"


@dataclass(frozen=True)
class Page:
    status: int
    headers: dict[str, str]
    text: str


def get(address: str, method: str = "GET", **headers: str) -> Page:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    return Page(answer.status, dict(answer.headers.items()), text)


def opened(address: str) -> tuple[str, str]:
    """Open an address as a browser does; return the page's own address and the cookie."""
    first = get(address)
    assert first.status == 303
    parts = urlsplit(address)
    page = f"{parts.scheme}://{parts.netloc}{first.headers['Location']}"
    assert "token" not in page
    return page, first.headers["Set-Cookie"].partition(";")[0]


@pytest.fixture
def asker(harbour: Harbour) -> Asker:
    return Asker(harbour).login()


def address(asker: Asker) -> str:
    services = asker.arm("GET", "/jobs/job1").body["properties"]["services"]
    return str(services["Studio"]["endpoint"])


@pytest.mark.e2e
def test_a_page_shows_status_log_metrics_outputs_and_digests(
    asker: Asker, harbour: Harbour
) -> None:
    with_a_job(asker, "wait", tags={"hakobune.lock": "d" * 64})
    page, cookie = opened(address(asker))
    for _ in range(200):
        running = get(page, Cookie=cookie)
        if "second line" in running.text:
            break
        asker.state.clock.sleep(0.05)
    assert "Running" in running.text
    assert "second line" in running.text
    assert int(running.headers["Refresh"]) < 3
    metric = {"key": "rmse", "value": 1.5, "timestamp": 1, "step": 0}
    asker.state.tracking.log("job1", metrics=[metric])
    harbour.runner.released.set()
    assert end_of(asker) == "Completed"
    done = get(page, Cookie=cookie)
    assert "Refresh" not in done.headers
    content = b"output of job1"
    for shown in (
        "Completed",
        "last line",
        "rmse",
        "1.5",
        "model/a.txt",
        f">{len(content)}<",
        hashlib.sha256(content).hexdigest(),
        IMAGE,
        "d" * 64,
    ):
        assert shown in done.text, shown


@pytest.mark.e2e
def test_an_address_opens_the_page_once(asker: Asker) -> None:
    with_a_job(asker)
    first = address(asker)
    page, cookie = opened(first)
    assert get(page, Cookie=cookie).status == 200
    # The same browser may use the address again; nobody else may.
    assert get(first, Cookie=cookie).status == 303
    assert get(first).status == 403
    assert get(page).status == 403
    assert get(page, Cookie=cookie[:-1]).status == 403
    assert get(page, Cookie="=;\x01").status == 403


@pytest.mark.e2e
def test_a_token_is_for_one_job_and_one_run_of_drydock(asker: Asker, harbour: Harbour) -> None:
    with_a_job(asker)
    with_a_job(asker, name="job2")
    given = address(asker)
    assert get(given.replace("/jobs/job1", "/jobs/job2")).status == 403
    for token in ("", "x", "x.y", given.partition("token=")[2][:-1]):
        assert get(f"{given.partition('?')[0]}?token={token}").status == 403
    _, cookie = opened(given)
    other = f"{given.partition('?')[0]}".replace("/jobs/job1", "/jobs/job2")
    assert get(other, Cookie=cookie).status == 403
    left = address(asker)
    harbour.rehearsal.stop()
    again = launch(harbour.rehearsal.state, harbour.blobs)
    try:
        assert again.rehearsal.addresses.page_url in left
        assert get(left).status == 403
        workspace = again.rehearsal.workspace_state.workspace
        assert get(address_of(again.rehearsal.addresses, workspace, "job1")).status == 303
    finally:
        again.rehearsal.stop()


@pytest.mark.e2e
def test_a_page_is_for_this_machine_and_changes_nothing(asker: Asker) -> None:
    with_a_job(asker, HOSTILE.replace("\x1b", ""))
    given = address(asker)
    assert given.startswith("http://127.0.0.1:")
    assert get(given, Host="drydock.example").status == 403
    assert get(given, method="POST").status == 501
    page, cookie = opened(given)
    assert get(page.rsplit("/", 1)[0], Cookie=cookie).status == 403
    shown = get(page, Cookie=cookie)
    assert "<script" not in shown.text
    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    head = get(page, method="HEAD", Cookie=cookie)
    assert (head.status, head.text) == (200, "")


@pytest.mark.e2e
def test_only_the_end_of_a_long_log_is_shown(asker: Asker, harbour: Harbour) -> None:
    with_a_job(asker)
    assert end_of(asker) == "Completed"
    log = b"".join(b"line %d\n" % number for number in range(20_000))
    harbour.blobs.containers["azureml"]["ExperimentRun/dcid.job1/user_logs/std_log.txt"] = log
    page, cookie = opened(address(asker))
    shown = get(page, Cookie=cookie).text
    assert "line 19999" in shown
    assert "line 0\n" not in shown
    assert f"{len(log) - 64 * 1024} bytes before these lines" in shown
