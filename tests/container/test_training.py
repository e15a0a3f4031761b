"""The image trains, shut in, as anybody, and what it makes is whole."""

import csv
import io
import json
import tarfile
import threading
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.images import Image

from tests.container.conftest import Run, read_json
from tests.samples import PATIENCE_S
from trainer.errors import InputMissingError

pytestmark = pytest.mark.container

FILES = {
    "models/arima_model.pkl",
    "models/arima_model.json",
    "metric.json",
    "forecast.csv",
    "res.png",
    "pred.png",
    "report.html",
    "record.json",
}
FORECAST = (
    "import joblib, json; m = joblib.load('/in/models/arima_model.pkl');"
    "print(json.dumps([float(x) for x in {call}]))"
)
QUICK = ["python", "-m", "trainer", "--order", "1,1,0", "--run_id", "fixed"]


def open_folder(path: Path) -> Path:
    path.mkdir()
    path.chmod(0o777)
    return path


def mounted(path: Path, mode: str = "rw", at: str = "/out") -> dict[str, dict[str, str]]:
    return {str(path): {"bind": at, "mode": mode}}


@pytest.mark.parametrize("user", ["0:0", "1000:1000", "54321:54321"])
def test_it_trains_offline_on_a_read_only_root_as_any_user(
    run: Run, tmp_path: Path, user: str
) -> None:
    out = open_folder(tmp_path / "out")
    uid = int(user.split(":", maxsplit=1)[0])
    code, output = run([*QUICK, "--output", "/out/run"], user=user, volumes=mounted(out))
    assert code == 0, output
    found = {str(p.relative_to(out / "run")) for p in (out / "run").rglob("*") if p.is_file()}
    assert found == FILES
    assert {p.stat().st_uid for p in (out / "run").rglob("*")} == {uid}
    assert read_json(out / "run/metric.json")["run_id"] == "fixed"


def test_two_containers_make_the_same_bytes(run: Run, tmp_path: Path) -> None:
    out = open_folder(tmp_path / "out")
    for name in ("one", "two"):
        code, output = run([*QUICK, "--output", f"/out/{name}"], volumes=mounted(out))
        assert code == 0, output
    for name in FILES - {"record.json"}:
        assert (out / "one" / name).read_bytes() == (out / "two" / name).read_bytes(), name


def test_a_fresh_container_loads_the_model_and_forecasts_the_same(run: Run, tmp_path: Path) -> None:
    out = open_folder(tmp_path / "out")
    code, output = run([*QUICK, "--output", "/out/run"], volumes=mounted(out))
    assert code == 0, output
    with (out / "run/forecast.csv").open(encoding="utf-8") as file:
        expected = [float(row["forecast"]) for row in csv.DictReader(file)]
    call = FORECAST.replace("{call}", f"m.forecast({len(expected)})")
    code, output = run(["python", "-c", call], volumes=mounted(out / "run", "ro", "/in"))
    assert code == 0, output
    assert json.loads(output.splitlines()[-1]) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("entrypoint", [None, ["/bin/sh", "-c"], ["python"]])
def test_a_shell_command_works_whatever_the_entrypoint(
    run: Run, entrypoint: list[str] | None
) -> None:
    shell = "python -m trainer --version && echo done >&2"
    if entrypoint is None:
        code, output = run(["/bin/sh", "-c", shell])
    elif entrypoint == ["python"]:
        code, output = run(["-m", "trainer", "--version"], entrypoint=entrypoint)
    else:
        code, output = run([shell], entrypoint=entrypoint)
    assert code == 0, output
    assert "trainer" in output


def test_a_failure_in_the_container_has_its_family_s_code_and_a_record(
    run: Run, tmp_path: Path
) -> None:
    out = open_folder(tmp_path / "out")
    command = ["python", "-m", "trainer", "--input", "/nowhere.csv", "--output", "/out/run"]
    code, output = run(command, volumes=mounted(out))
    assert code == InputMissingError.exit_code
    assert "error[input-missing]: " in output
    assert "/nowhere.csv" in output
    assert [p.name for p in (out / "run").iterdir()] == ["failure.json"]
    assert read_json(out / "run/failure.json")["exit_code"] == code


@pytest.mark.parametrize("signal", [("SIGTERM", 143), ("SIGINT", 130)])
@pytest.mark.parametrize("after_s", [0.3, 1.5, 4.0])
def test_a_signal_ends_it_at_any_moment_and_leaves_nothing_half_written(
    engine: docker.DockerClient,
    image: Image,
    tmp_path: Path,
    signal: tuple[str, int],
    after_s: float,
) -> None:
    out = open_folder(tmp_path / "out")
    container = engine.containers.create(
        image,
        # pmdarima's search takes long enough to be ended at any of the moments.
        ["python", "-m", "trainer", "--engine", "pmdarima", "--output", "/out/run"],
        read_only=True,
        network_mode="none",
        tmpfs={"/tmp": ""},
        volumes=mounted(out),
    )
    try:
        container.start()
        timer = threading.Timer(after_s, container.kill, kwargs={"signal": signal[0]})
        timer.start()
        code = int(container.wait(timeout=PATIENCE_S)["StatusCode"])
        timer.join()
        output = container.logs().decode()
    finally:
        container.remove(force=True)
    assert code == signal[1], output
    left = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    assert left <= {"run/failure.json"}, output


def test_ordinary_tools_find_their_way_in_the_image(run: Run) -> None:
    """A user's own script: time zones, certificates, temporary files, processes, a home."""
    script = (
        "import zoneinfo, ssl, tempfile, subprocess, getpass, pathlib, sqlite3, ctypes, lzma\n"
        "assert zoneinfo.ZoneInfo('Asia/Tokyo')\n"
        "assert ssl.create_default_context().cert_store_stats()['x509_ca'] > 100\n"
        "tempfile.mkdtemp()\n"
        "assert subprocess.run(['sh', '-c', 'exit 3']).returncode == 3\n"
        "assert getpass.getuser() == 'hakobune'\n"
        "assert pathlib.Path.home().exists()\n"
        "print('fine')"
    )
    assert run(["python", "-c", script], user="54321:54321") == (0, "fine\n")


def test_a_model_can_be_copied_out_without_a_mount(
    engine: docker.DockerClient, image: Image
) -> None:
    container = engine.containers.create(
        image, [*QUICK, "--output", "outputs"], network_mode="none"
    )
    try:
        container.start()
        assert container.wait(timeout=PATIENCE_S)["StatusCode"] == 0, container.logs()
        chunks, _ = container.get_archive("/workspace/outputs")
        content: Any = io.BytesIO(b"".join(chunks))
    finally:
        container.remove(force=True)
    with tarfile.open(fileobj=content) as tar:
        names = {m.name.removeprefix("outputs/") for m in tar.getmembers() if m.isfile()}
    assert names == FILES
