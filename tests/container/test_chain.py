"""A run of the real image, and its chain: receipt, record, reproduction, signature, verdict."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from docker.models.images import Image

from tests.container.conftest import ROOT
from tests.samples import PATIENCE_S, assert_failed

pytestmark = pytest.mark.container
QUICK = ("--order", "1,0,0", "--backtest_windows", "0")

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def project(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project in a folder of its own, so that its runs do not lie in the checkout."""
    assert image.tags
    folder = tmp_path_factory.mktemp("chain") / "project"
    folder.mkdir()
    for name in ("pyproject.toml", "docker-compose.yml"):
        shutil.copy(ROOT / name, folder)
    for name in ("environments", "docker", "src/trainer"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
    for name in ("data", "runs", "runs/.incoming"):
        (folder / name).mkdir()
    rows = [f"{2000 + n // 12}-{n % 12 + 1:02},{100 + n % 7 + n}" for n in range(60)]
    text = "\n".join(["month,value", *rows]) + "\n"
    (folder / "data/sales.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def call(project: Path) -> Hakobune:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hakobune", *words],
            cwd=project,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    return run


@pytest.fixture(scope="module")
def smoked(call: Hakobune, project: Path) -> Path:
    """The reference training of a smoke test; its folder."""
    done = call("smoke", *QUICK, "--input", "data/sales.csv")
    assert done.returncode == 0, done.stderr
    assert "imports of 9 packages, as any user, read-only" in done.stderr
    (record,) = (project / "runs").glob("*/record.json")
    return record.parent


def test_a_second_smoke_test_does_nothing_again(call: Hakobune, smoked: Path) -> None:
    done = call("smoke", *QUICK, "--input", "data/sales.csv")
    assert done.returncode == 0, done.stderr
    assert "already passed" in done.stderr
    assert f"runs/{smoked.name} has the same arguments and data already" in done.stderr


def test_the_chain_of_a_training_holds_down_to_the_layers(call: Hakobune, smoked: Path) -> None:
    done = call("verify", smoked.name)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    seen = [words[1] for words in lines if words[0] == "ok"]
    assert seen[0] == "record"
    assert {"file", "data", "build", "lock", "conda", "base", "source", "image"} <= set(seen)
    last = f"{smoked.name}: intact, unsigned: accidental changes only"
    assert done.stdout.splitlines()[-1].startswith(last)


def test_the_model_made_again_has_the_same_bits_and_leaves_nothing(
    call: Hakobune, smoked: Path
) -> None:
    done = call("reproduce", "model", smoked.name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"bit-identical to the run {smoked.name}"
    assert not list(smoked.parent.glob(".again-*"))


def test_a_run_of_plain_compose_is_completed_by_its_image_s_labels(
    call: Hakobune, project: Path, smoked: Path
) -> None:
    command = ["docker", "compose", "run", "--rm", "-T", "train", *QUICK]
    subprocess.run(
        [*command, "--input", "data/sales.csv", "--run_id", "by-compose"],
        cwd=project,
        check=True,
        capture_output=True,
    )
    assert not (project / "runs/by-compose").exists()
    before = call("verify", "by-compose")
    assert_failed(before, "record-incomplete")
    assert f"hakobune record {project}/runs/by-compose" in before.stderr
    assert call("record", "by-compose").returncode == 0
    assert call("verify", "by-compose").returncode == 0
    compared = call("compare", smoked.name, "by-compose")
    assert compared.returncode == 0, compared.stderr
    assert compared.stdout.splitlines()[-1] == f"{smoked.name} is bit-identical to by-compose"


def test_a_changed_model_is_named_and_its_signature_does_not_save_it(
    call: Hakobune, smoked: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-pubout", "-out", tmp_path / "key.pub.pem"], check=True
    )
    assert call("sign", smoked.name, "--key", str(key)).returncode == 0
    asked = ("verify", smoked.name, "--key", str(tmp_path / "key.pub.pem"))
    assert call(*asked).returncode == 0

    model = smoked / "models/arima_model.pkl"
    content = model.read_bytes()
    model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    broken = call(*asked)
    model.write_bytes(content)
    assert_failed(broken, "file-changed")
    assert "models/arima_model.pkl is not what the run wrote" in broken.stderr

    # Somebody who writes the record anew, seal and all, cannot sign it.
    record = smoked / "record.json"
    content = record.read_bytes()
    program = (
        "import json, sys; from pathlib import Path; "
        "from hakobune.transform.write_record import sealed; path = Path(sys.argv[1]); "
        "path.write_bytes(sealed({**json.loads(path.read_bytes()), 'seconds': 1.0}))"
    )
    subprocess.run(
        [sys.executable, "-c", program, record], env={"PYTHONPATH": str(ROOT / "src")}, check=True
    )
    forged = call(*asked)
    record.write_bytes(content)
    assert_failed(forged, "signature-invalid")
    assert "signs other files than the record names" in forged.stderr


def test_a_smoke_test_that_fails_leaves_no_receipt(
    call: Hakobune, project: Path, smoked: Path
) -> None:
    assert smoked
    settings = project / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    broken = text.replace('smoke = ["', 'smoke = ["python -c \'import no_such_thing\'", "')
    assert broken != text
    (receipt,) = (project / ".hakobune/receipts").iterdir()
    before = json.loads(receipt.read_bytes())
    settings.write_text(broken, encoding="utf-8")
    done = call("smoke", *QUICK)
    settings.write_text(text, encoding="utf-8")
    assert_failed(done, "smoke-failed")
    assert "No module named 'no_such_thing'" in done.stderr
    assert json.loads(receipt.read_bytes()) == before


HOSTILE = """
import os, pathlib, sys
place = pathlib.Path(sys.argv[-1])
print('sees', sorted(os.listdir('runs')), os.access('/workspace/data', os.W_OK))
for path in ('/workspace/data/x', '/x', '/workspace/x'):
    try:
        open(path, 'w')
        print('wrote', path)
    except OSError:
        pass
place.mkdir()
(place / 'models').mkdir()
(place / 'models/arima_model.json').symlink_to('/etc/passwd')
"""


def test_a_hostile_program_sees_no_run_and_what_it_plants_does_not_arrive(
    call: Hakobune, project: Path, smoked: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in smoked.rglob("*")}
    settings = project / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    other = text.replace('["python", "-m", "trainer"]', json.dumps(["python", "-c", HOSTILE]))
    try:
        settings.write_text(other, encoding="utf-8")
        assert call("render").returncode == 0
        done = call("train", "--no-build", "--output", "runs/hostile")
    finally:
        settings.write_text(text, encoding="utf-8")
        assert call("render").returncode == 0
    assert_failed(done, "output-refused")
    assert "sees [] False" in done.stdout + done.stderr
    assert "wrote" not in done.stdout + done.stderr
    assert "hostile/models/arima_model.json, which is a symbolic link" in done.stderr
    assert not (project / "runs/hostile").exists()
    assert {path: path.stat().st_mtime_ns for path in smoked.rglob("*")} == before
    # No later command meets it.
    assert call("verify", smoked.name).returncode == 0
