import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from drydock import errors
from drydock.addresses import Addresses, write_addresses
from drydock.assumptions import ASSUMPTIONS, read_broken
from drydock.cli import cli
from drydock.faults import KINDS, Faults
from drydock.job_spec import BlobPlace
from tests.unit.drydock.harbour import make_state

ROOT = Path(__file__).parents[3]


def addresses(pid: int | None) -> Addresses:
    return Addresses(
        pid=pid,
        management_url="https://127.0.0.1:1",
        registry="127.0.0.1:2",
        blob_endpoint="http://127.0.0.1:3",
        blob_host="drydock.blob.core.drydock.test",
        gateway="127.0.0.1:4",
        proxy="127.0.0.1:5",
        ca_bundle="/state/tls/ca.pem",
        container_ids=(),
        started="",
    )


@pytest.fixture
def _running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drydock.addresses.is_alive", lambda pid: pid == os.getpid())
    monkeypatch.setattr("drydock.daemon.is_alive", lambda pid: pid == os.getpid())


def run(*words: str) -> tuple[str, str]:
    found = CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False)
    if found.exception:
        raise found.exception
    return found.stdout, found.stderr


@pytest.mark.usefixtures("_running")
def test_env_prints_what_a_shell_takes_in(tmp_path: Path) -> None:
    make_state(tmp_path)
    write_addresses(tmp_path, addresses(os.getpid()))
    lines, _ = run("env", "--state", str(tmp_path))
    assert all(line.startswith("export ") for line in lines.splitlines())
    found = json.loads(run("env", "--json", "--state", str(tmp_path))[0])
    assert found["AZUREML_CURRENT_CLOUD"] == "DrydockCloud"
    assert found["ARM_CLOUD_METADATA_URL"].startswith("https://127.0.0.1:1/")
    assert found["HAKOBUNE_REGISTRY"] == "127.0.0.1:2"
    assert found["REQUESTS_CA_BUNDLE"] == "/state/tls/ca.pem"
    # The first of them: of a list that was cut off, hakobune then misses the rest.
    assert lines.startswith("export HAKOBUNE_REHEARSAL=1\n")


@pytest.mark.parametrize("words", [("env",), ("status",), ("stop",)])
@pytest.mark.parametrize("pid", [None, 0])
def test_a_drydock_that_does_not_run_is_named(
    tmp_path: Path, words: tuple[str, ...], pid: int | None
) -> None:
    if pid is not None:
        write_addresses(tmp_path, addresses(None))
    with pytest.raises(errors.NotRunningError, match=str(tmp_path)):
        run(*words, "--state", str(tmp_path))


@pytest.mark.process
def test_a_shell_that_takes_in_no_variables_fails_and_is_left_in_a_rehearsal(
    tmp_path: Path,
) -> None:
    line = f'eval "$("{sys.executable}" -m drydock env --state "{tmp_path}")" && echo goes on'
    done = subprocess.run(
        ["/bin/sh", "-c", f'{line}; echo "left with $HAKOBUNE_REHEARSAL"'],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout == "left with 1\n"
    assert "no drydock is running" in done.stderr


@pytest.mark.parametrize("reason", ["", "/dev/fuse is missing"])
def test_a_start_says_where_renames_are_not_rehearsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr("drydock.daemon.start", lambda _, **__: addresses(1))
    monkeypatch.setattr("drydock.output_mounts.reason_against", lambda: reason)
    _, err = run("start", "--state", str(tmp_path))
    assert ("are not rehearsed: /dev/fuse is missing" in err) == bool(reason)


def test_a_mount_serves_the_output_of_the_state_folder_that_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[object, ...]] = []
    monkeypatch.setattr("drydock.output_mounts.serve", lambda *given: served.append(given))
    run("mount", "--state", str(tmp_path), "job", "store", "azureml/job/out/", "/mnt/out")
    place = BlobPlace(container="store", path="azureml/job/out/")
    assert served == [(tmp_path, "job", place, Path("/mnt/out"))]


@pytest.mark.usefixtures("_running")
def test_a_second_start_is_refused(tmp_path: Path) -> None:
    write_addresses(tmp_path, addresses(os.getpid()))
    with pytest.raises(errors.AlreadyRunningError, match=str(os.getpid())):
        run("start", "--state", str(tmp_path))


@pytest.mark.parametrize("words", [("env",), ("status",)])
def test_another_program_with_drydock_s_number_is_no_drydock(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    write_addresses(tmp_path, addresses(os.getpid()))  # pytest's own
    with pytest.raises(errors.NotRunningError):
        run(*words, "--state", str(tmp_path))


def test_weather_is_listed_set_and_cleared(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path))
    listed, _ = run("fault", *state)
    assert [line.split()[0] for line in listed.splitlines()] == list(KINDS)
    run("fault", "429", "--route", "jobs_*", "--times", "3", *state)
    (fault,) = Faults(tmp_path).due()
    assert (fault.kind, fault.route, fault.times) == ("429", "jobs_*", 3)
    run("fault", "--clear", *state)
    _, told = run("fault", "preempted", "--node", "2", "--after", "1.5", "--written", "4", *state)
    (fault,) = Faults(tmp_path).due()
    assert (fault.kind, fault.node, fault.after_s, fault.written) == ("preempted", 2, 1.5, 4)
    what = "node 2 of a job is taken away after 1.5 s and when its outputs hold 4 files"
    assert f"injected preempted: {what}" in told
    _, told = run("fault", "--clear", *state)
    assert f"removed, and did not happen: preempted: {what}" in told
    assert Faults(tmp_path).due() == ()


@pytest.mark.usefixtures("_running")
def test_status_shows_jobs_and_weather(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    state.jobs.add("job1", {"command": "exit 0"}, "image")
    state.faults.inject("preempted")
    write_addresses(tmp_path, addresses(os.getpid()))
    shown, _ = run("status", "--state", str(tmp_path))
    assert "job1  Starting" in shown
    assert "preempted" in shown


@pytest.mark.process
def test_help_loads_nothing_heavy_and_a_failure_exits_by_its_code(tmp_path: Path) -> None:
    def drydock(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "drydock", *words],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        )

    helped = drydock("--help")
    assert helped.returncode == 0
    loaded = {line.split("|")[-1].strip() for line in helped.stderr.splitlines()}
    assert not loaded & {"azure", "docker", "cryptography", "jwt", "http.server"}
    assert "click" in loaded
    stopped = drydock("stop", "--state", str(tmp_path))
    assert stopped.returncode == errors.NotRunningError.exit_code
    assert (
        f"error[not-running]: no drydock is running with the state folder {tmp_path}\n  fix: "
        in stopped.stderr
    )
    assert "fix: drydock start" in stopped.stderr


def test_the_process_in_the_background_serves_the_folder_that_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[Path, bool]] = []
    monkeypatch.setattr(
        "drydock.daemon.serve", lambda state, *, is_keyless: served.append((state, is_keyless))
    )
    run("serve", "--state", str(tmp_path / "one"))
    run("serve", "--keyless")
    assert served == [(tmp_path / "one", False), (Path(".drydock"), True)]


def test_start_breaks_the_named_assumptions_until_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drydock.daemon.start", lambda _, **__: addresses(os.getpid()))
    monkeypatch.setattr("drydock.output_mounts.reason_against", lambda: "")
    _, told = run("start", "--state", str(tmp_path), "--break", "rename,user")
    assert "broken: nothing can be renamed (EIO)" in told
    assert read_broken(tmp_path) == {"rename", "user"}
    run("start", "--state", str(tmp_path))
    assert read_broken(tmp_path) == frozenset()
    with pytest.raises(errors.FaultUnknownError, match="renames"):
        run("start", "--state", str(tmp_path), "--break", "renames")


def test_the_page_of_drydock_lists_what_can_be_broken() -> None:
    page = (ROOT / "docs/reference/drydock.md").read_text(encoding="utf-8")
    assert [f"| `{name}` | {text} |" in page for name, text in ASSUMPTIONS.items()] == [
        True for _ in ASSUMPTIONS
    ]
