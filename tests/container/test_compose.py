"""`docker compose run --rm train` and `hakobune train`, as a user calls them."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from docker.models.images import Image

from hakobune.stages.compose import write_compose
from tests.container.conftest import ROOT, read_json
from tests.samples import PATIENCE_S, FakeReporter, assert_failed, write_project
from trainer.errors import SavedModelChangedError

pytestmark = pytest.mark.container
OWNER = 12345 if os.getuid() == 0 else os.getuid()

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


def compose(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "compose", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


@pytest.fixture
def checkout(tmp_path: Path, image: Image) -> Path:
    """A folder with only what compose needs, so that tests leave this checkout as it is."""
    del image
    (tmp_path / "docker-compose.yml").write_bytes((ROOT / "docker-compose.yml").read_bytes())
    for name in ("data", "runs", "runs/.incoming"):
        (tmp_path / name).mkdir()
        if os.getuid() == 0:
            os.chown(tmp_path / name, OWNER, OWNER)
    return tmp_path


def other_program(checkout: Path, script: str) -> tuple[str, ...]:
    """Return the words of a compose run with this program in the place of the trainer."""
    volumes = [f"{checkout}/other:/app/trainer:ro"]
    more = {"services": {"train": {"volumes": volumes}}}
    (checkout / "more.yml").write_text(json.dumps(more), encoding="utf-8")
    (checkout / "other").mkdir()
    (checkout / "other/__main__.py").write_text(script, encoding="utf-8")
    return ("-f", "docker-compose.yml", "-f", "more.yml", "run", "--rm", "-T", "train")


def only_run(checkout: Path) -> Path:
    """Return the one run that plain compose left, which no hakobune command has moved yet."""
    (run,) = (checkout / "runs/.incoming").iterdir()
    assert [path.name for path in (checkout / "runs").iterdir()] == [".incoming"]
    return run


def test_compose_run_trains_and_its_files_belong_to_the_owner_of_runs(checkout: Path) -> None:
    done = compose("run", "--rm", "-T", "train", "--order", "1,1,0", cwd=checkout)
    assert done.returncode == 0, done.stderr
    run = only_run(checkout)
    assert {p.stat().st_uid for p in [run, *run.rglob("*")]} == {OWNER}
    assert (run / "models/arima_model.pkl").stat().st_size > 0
    assert read_json(run / "metric.json")["run_id"] == run.name


def test_an_image_of_another_source_is_not_run(checkout: Path) -> None:
    source = checkout / "src/trainer"
    shutil.copytree(ROOT / "src/trainer", source, ignore=shutil.ignore_patterns("*.so"))
    (source / "report.py~").write_text("what an editor leaves", encoding="utf-8")
    run = ("run", "--rm", "-T")
    for service in ("train", "predict"):
        done = compose(*run, service, "--help", cwd=checkout)
        assert done.returncode == 0, done.stderr
    with (source / "report.py").open("a", encoding="utf-8") as file:
        file.write("# later\n")
    for service in ("train", "predict"):
        done = compose(*run, service, "--help", cwd=checkout)
        assert_failed(done, "image-stale")
        assert "./report.py: FAILED\n" in done.stderr
    (source / "report.py").unlink()
    assert_failed(compose(*run, "train", "--help", cwd=checkout), "image-stale")
    done = compose(*run, "-e", "HAKOBUNE_ANY_SOURCE=1", "train", "--help", cwd=checkout)
    assert done.returncode == 0, done.stderr


def test_arguments_reach_the_program_word_for_word(checkout: Path) -> None:
    done = compose(
        *("run", "--rm", "-T", "train", "--model_name", "a b; echo $HOME", "--order", "1,1,0"),
        cwd=checkout,
    )
    assert done.returncode == 0, done.stderr
    run = only_run(checkout)
    assert read_json(run / "metric.json")["model_name"] == "a b; echo $HOME"


def test_a_file_in_data_is_read(checkout: Path) -> None:
    days = [f"2024-01-{day:02d},{day * 7 % 11}" for day in range(1, 32)]
    (checkout / "data/mine.csv").write_text("\n".join(["date,value", *days, ""]), encoding="utf-8")
    done = compose(
        *("run", "--rm", "-T", "train", "--order", "1,0,0", "--input", "data/mine.csv"),
        cwd=checkout,
    )
    assert done.returncode == 0, done.stderr


def test_a_kept_model_predicts_from_either_file_what_its_run_forecast(checkout: Path) -> None:
    done = compose("run", "--rm", "-T", "train", "--order", "1,1,0", cwd=checkout)
    assert done.returncode == 0, done.stderr
    run = only_run(checkout)
    expected = (run / "forecast.csv").read_text()
    for file in ("arima_model.json", "arima_model.pkl"):
        # Before a hakobune command moved it, and after.
        model = ("--model", f"{run.relative_to(checkout)}/models/{file}")
        done = compose("run", "--rm", "-T", "predict", *model, "--horizon", "15", cwd=checkout)
        assert (done.returncode, done.stdout) == (0, expected), done.stderr
        run = run.rename(checkout / "runs" / run.name)
        model = ("--model", f"runs/{run.name}/models/{file}")
        longer = ("--horizon", "40")
        done = compose("run", "--rm", "-T", "predict", *model, *longer, cwd=checkout)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(expected)
        refused = ("--horizon", "40", "--output", f"runs/{run.name}/ahead.csv")
        done = compose("run", "--rm", "-T", "predict", *model, *refused, cwd=checkout)
        assert done.returncode != 0
        assert "Read-only file system" in done.stderr
        assert not (run / "ahead.csv").exists()
        run = run.rename(checkout / "runs/.incoming" / run.name)
    run = run.rename(checkout / "runs" / run.name)
    (run / "models/arima_model.pkl").write_bytes(b"\x80\x04N.")
    done = compose("run", "--rm", "-T", "predict", *model, "--horizon", "15", cwd=checkout)
    assert (done.returncode, done.stdout) == (SavedModelChangedError.exit_code, "")
    assert "error[saved-model-changed]: " in done.stderr


@pytest.mark.parametrize("name", ["train", "predict"])
def test_the_program_s_container_is_shut_in(name: str) -> None:
    shown = compose("--profile", "predict", "config", "--format", "json").stdout
    service = json.loads(shown)["services"][name]
    assert service["read_only"] is True
    assert service["network_mode"] == "none"
    assert service["cap_drop"] == ["ALL"]
    assert sorted(service["cap_add"]) == ["SETGID", "SETPCAP", "SETUID"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    writable = [v["source"] for v in service["volumes"] if not v.get("read_only")]
    assert writable == ([str(ROOT / "runs/.incoming")] if name == "train" else [])


def test_memory_and_processors_can_be_set() -> None:
    done = compose("config", "--format", "json", HAKOBUNE_MEMORY="1g", HAKOBUNE_CPUS="1.5")
    service = json.loads(done.stdout)["services"]["train"]
    assert (int(service["mem_limit"]), float(service["cpus"])) == (1 << 30, 1.5)


def test_a_program_without_capabilities_and_writable_root(checkout: Path) -> None:
    script = (
        "import os; print([l.split()[1] for l in open('/proc/self/status') if l[:3] == 'Cap'])\n"
        "try: open('/x', 'w')\nexcept OSError as e: print(e.strerror)"
    )
    done = compose(*other_program(checkout, script), cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2, done.stdout
    caps, reason = done.stdout.splitlines()
    assert caps == str(["0" * 16] * 5)
    assert reason in ("Read-only file system", "Permission denied")


def test_hakobune_train_takes_a_file_from_anywhere_and_says_where_results_are(
    hakobune: Hakobune, image: Image, tmp_path: Path
) -> None:
    del image
    days = [f"2024-01-{day:02d},{day * 7 % 11}" for day in range(1, 32)]
    data = tmp_path / "mine.csv"
    data.write_text("\n".join(["date,value", *days, ""]), encoding="utf-8")
    done = hakobune("train", "--order", "1,0,0", "--input", str(data))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if str(ROOT / "runs") in line]
    assert {name for name, _ in lines} >= {"metric.json", "res.png", "pred.png"}
    for _, path in lines:
        assert Path(path).stat().st_size > 0
    folder = Path(lines[0][1]).parents[1]
    record = read_json(folder / "record.json")
    assert record["run_id"] == folder.name
    shutil.rmtree(folder)


def test_hakobune_train_names_the_program_s_exit_code(hakobune: Hakobune, image: Image) -> None:
    del image
    done = hakobune("train", "--order", "nonsense", "--output", "/tmp/x")
    assert_failed(done, "training-failed")
    assert "nonsense" in done.stderr
    assert re.search(r"ended with exit code [1-9]", done.stderr)


def test_a_program_in_plain_compose_reaches_no_run_that_has_arrived(checkout: Path) -> None:
    (checkout / "runs/finished").mkdir()
    (checkout / "runs/finished/record.json").write_text("{}", encoding="utf-8")
    (checkout / "runs/.incoming/earlier").mkdir()
    script = "import os; print(sorted(os.listdir('runs')), sorted(os.listdir('.')))"
    done = compose(*other_program(checkout, script), cwd=checkout)
    assert done.returncode == 0, done.stderr
    # What plain compose cannot do: a run that no hakobune command has moved is within reach.
    assert done.stdout.splitlines() == ["['earlier'] ['data', 'runs']"]


def test_plain_compose_does_not_make_the_folder_as_root(checkout: Path) -> None:
    (checkout / "runs/.incoming").rmdir()
    done = compose("run", "--rm", "-T", "train", "--version", cwd=checkout)
    assert done.returncode != 0
    assert "runs/.incoming" in done.stderr
    assert not (checkout / "runs/.incoming").exists()


def test_what_a_hostile_program_leaves_stays_outside_runs(
    hakobune: Hakobune, checkout: Path, image: Image
) -> None:
    del image
    script = (
        "import os, pathlib\n"
        "own = pathlib.Path('runs/own'); own.mkdir()\n"
        "(own / 'record.json').symlink_to('/etc/passwd')\n"
        "good = pathlib.Path('runs/good'); good.mkdir(); (good / 'a').write_text('a')\n"
    )
    done = compose(*other_program(checkout, script), cwd=checkout)
    assert done.returncode == 0, done.stderr
    for name in ("pyproject.toml", "environments"):
        (checkout / name).symlink_to(ROOT / name)
    done = hakobune("lock", "--check", cwd=checkout)
    assert "own/record.json, which is a symbolic link" in done.stderr
    assert sorted(p.name for p in (checkout / "runs").iterdir()) == [
        ".incoming",
        ".refused-own",
        "good",
    ]


def test_docker_takes_the_compose_file_that_hakobune_writes(tmp_path: Path) -> None:
    folder = tmp_path / "my project"
    folder.mkdir()
    project = replace(
        write_project(folder), source=".", command=("python", "train.py", "--note", "$5 'a' \"b\"")
    )
    write_compose(project, FakeReporter())
    done = compose("config", "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    service = json.loads(done.stdout)["services"]["train"]
    program = [word.replace("$$", "$") for word in service["entrypoint"][4:]]
    assert program == ["python", "/app/train.py", "--note", "$5 'a' \"b\""]
    found = [(mount["source"], mount["target"]) for mount in service["volumes"]]
    assert found == [
        (str(folder / "data"), "/workspace/data"),
        (str(folder / "runs/.incoming"), "/workspace/runs"),
    ]


SERIES, ROWS = 400, 36
CLUSTER = ("--profile", "cluster")
# Waits until the container listens to others, and asks each socket as a stranger without a key.
STRANGER = """
import json, socket, ssl, struct, time

def listening():
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in open(f"/proc/net/{name}").read().splitlines()[1:]:
            _, local, _, state = line.split()[:4]
            packed, port = local.split(":")
            words = [packed[at:at + 8] for at in range(0, len(packed), 8)]
            raw = b"".join(struct.pack("<I", int(word, 16)) for word in words)
            host = socket.inet_ntop(family, raw)
            if state == "0A" and host != "127.0.0.11":  # docker's own name server
                yield family, host, int(port, 16)

while not any(not host.startswith("127.") for _, host, _ in listening()):
    time.sleep(0.05)
time.sleep(0.5)  # what else it opens, it opens at once

def asked(family, host, port, context=None):
    with socket.socket(family) as plain:
        plain.settimeout(3 if context is None else 20)  # a plain greeting may get no answer
        plain.connect((host, port))
        if context is None:
            plain.sendall(b"GET /info/main/workers.html HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            try:
                return plain.recv(100).decode("latin-1")
            except OSError:
                return ""
        try:
            stream = context.wrap_socket(plain)
        except ssl.SSLError as exc:
            return "TLS" if "ALERT" in str(exc).upper() else str(exc)
        except OSError:
            return "closed"
        try:  # TLS 1.3 asks for the certificate after the client's part of the handshake
            stream.sendall(b"x" * 64)
            return "TLS" + ", answers" * bool(stream.recv(100))
        except OSError:
            return "TLS"

context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
print(json.dumps([
    [host, port, asked(family, host, port)[:12], asked(family, host, port, context)]
    for family, host, port in listening()
]))
"""


@pytest.mark.slow
def test_two_workers_make_the_bytes_of_one_container_and_listen_by_tls_only(
    checkout: Path,
) -> None:
    write_series(checkout / "data/many.csv")
    names = {"COMPOSE_PROJECT_NAME": f"test-{checkout.parent.name}-{os.getpid()}".lower()}
    alone = ("run", "--rm", "-T", "many", "--input", "data/many.csv", "--processes", "1")
    done = compose(*alone, cwd=checkout, HAKOBUNE_RUN_ID="alone", **names)
    assert done.returncode == 0, done.stderr
    right, other = "--input data/many.csv", "--input data/many.csv --horizon 3"
    try:
        start_nodes(checkout, names, right, "scheduler")
        # With another plan they get no work, and stay until they were looked at.
        start_nodes(checkout, names, other, "--scale", "worker=2", "worker")
        sockets = [socket for node in nodes_of(checkout, names) for socket in sockets_of(node)]
        start_nodes(checkout, names, right, "--scale", "worker=2", "worker")
        listed = nodes_of(checkout, names)
        assert len(listed) == 3
        wait_for((checkout / "runs/.incoming/cluster/record.json").exists)
        ends = [ended_with(node) for node in listed]
    finally:
        compose(*CLUSTER, "down", "--volumes", "--timeout", "1", cwd=checkout, **names)
    assert ends == [0, 0, 0]
    others = {host for host, *_, encrypted in sockets if encrypted == "TLS"}
    assert len(others) == 3, sockets  # each container has an address of its own
    for host, _port, plain, encrypted in sockets:
        if host.startswith("127."):
            assert plain == "HTTP/1.1 404", sockets
        else:
            assert plain == "", sockets
            assert encrypted == "TLS", sockets
    for name in ("forecasts.csv.gz", "metrics.csv.gz", "models.sqlite"):
        files = [checkout / "runs/.incoming" / run / name for run in ("alone", "cluster")]
        assert files[0].read_bytes() == files[1].read_bytes(), name


def start_nodes(checkout: Path, names: dict[str, str], arguments: str, *which: str) -> None:
    up = ("up", "--detach", "--no-build", "--timeout", "1", *which)
    variables = {"HAKOBUNE_RUN_ID": "cluster", "ARGS": arguments, **names}
    done = compose(*CLUSTER, *up, cwd=checkout, **variables)
    assert done.returncode == 0, done.stderr


def nodes_of(checkout: Path, names: dict[str, str]) -> list[str]:
    return compose(*CLUSTER, "ps", "--quiet", cwd=checkout, **names).stdout.split()


def write_series(path: Path) -> None:
    lines = ["unique_id,ds,y"]
    for series in range(SERIES):
        lines += [
            f"s{series:03},{2020 + row // 12}-{row % 12 + 1:02}-01,{(series * 7 + row * row) % 97}"
            for row in range(ROWS)
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def sockets_of(container: str) -> list[tuple[str, int, str, str]]:
    """Return each socket that a container listens on, with what a stranger gets from it."""
    done = subprocess.run(
        ["docker", "exec", container, "python", "-I", "-c", STRANGER],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return [(host, port, plain, tls) for host, port, plain, tls in json.loads(done.stdout)]


def ended_with(container: str) -> int:
    done = subprocess.run(
        ["docker", "wait", container],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return int(done.stdout)
