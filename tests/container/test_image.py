"""What is in the image, and what is not: read from its configuration and its layers."""

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.images import Image

from hakobune.model.lock import Lock
from hakobune.settings import read_settings
from hakobune.stages.project import open_project
from tests.container.conftest import ROOT, Run
from tests.samples import PATIENCE_S
from trainer.record import processor

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def archive(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tarfile.TarFile]:
    path = tmp_path_factory.mktemp("image") / "image.tar"
    with path.open("wb") as file:
        for chunk in image.save(named=True):
            file.write(chunk)
    with tarfile.open(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def members(archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    return [member for layer in layers(archive) for member in layer]


def layers(archive: tarfile.TarFile) -> Iterator[tarfile.TarFile]:
    file = archive.extractfile("manifest.json")
    assert file is not None
    for name in json.load(file)[0]["Layers"]:
        blob = archive.extractfile(name)
        assert blob is not None
        packed = blob.read(2) == b"\x1f\x8b"
        blob.seek(0)
        stream: Any = gzip.GzipFile(fileobj=blob) if packed else blob
        with tarfile.open(fileobj=io.BufferedReader(stream), mode="r|") as layer:
            yield layer


def run_python(run: Run, program: str) -> tuple[int, str]:
    return run(["python", "-c", program])


def test_architecture_user_and_command_are_as_declared(image: Image) -> None:
    assert (image.attrs["Os"], image.attrs["Architecture"]) == ("linux", "amd64")
    config = image.attrs["Config"]
    assert config["User"] == "1000:1000"
    assert config["Cmd"] == ["python", "-m", "trainer"]
    assert not config.get("Entrypoint")
    assert config["WorkingDir"] == "/workspace"


def test_labels_hold_the_digests_of_conda_file_lock_and_source(image: Image, lock: Lock) -> None:
    labels = image.labels
    assert labels["hakobune.environment.sha256"] == lock.environment_sha256
    assert labels["hakobune.lock.sha256"] == lock.sha256
    assert re.fullmatch("[0-9a-f]{64}", labels["hakobune.source.sha256"])
    assert labels["org.opencontainers.image.title"] == lock.environment
    assert labels["org.opencontainers.image.base.name"]


def test_the_image_holds_no_clock(image: Image) -> None:
    assert image.attrs["Created"].startswith("1980-01-01T00:00:00")


def test_every_file_has_the_one_time(members: list[tarfile.TarInfo]) -> None:
    assert len(members) > 5000
    assert {int(member.mtime) for member in members} == {315532800}


def test_no_cache_list_or_log_is_in_any_layer(members: list[tarfile.TarInfo]) -> None:
    unwanted = re.compile(
        r"(^|/)(root/\.cache|\.cache|var/lib/apt/lists|var/cache/apt)/.|^var/log/.|"
        r"(^|/)(pip|uv)/(cache|http)|(^|/)build/|(^|/)run/secrets/.|\.pip/|pip\.conf$"
    )
    assert [m.name for m in members if unwanted.search(m.name) and m.isfile()] == []


def test_packages_bring_no_tests_stubs_or_compiled_sources(members: list[tarfile.TarInfo]) -> None:
    ours = [m.name for m in members if "/site-packages/" in m.name and m.isfile()]
    assert len(ours) > 5000
    assert not [name for name in ours if name.endswith(".pyi")]
    assert not [name for name in ours if re.search(r"/tests?/test_", name)]
    compiled = {name.split(".cpython-")[0] for name in ours if name.endswith(".so")}
    sources = {name.rsplit(".", 1)[0] for name in ours if name.endswith((".c", ".cpp", ".pyx"))}
    assert not compiled & sources


def test_no_secret_of_the_build_is_in_any_layer(archive: tarfile.TarFile, image: Image) -> None:
    settings = read_settings()
    words = [settings.index_url, settings.own_extra_index_url, *settings.extra_index_urls]
    needles = {word.encode() for word in words if word}
    if settings.ca_bundle is not None:
        own = _own_authority(settings.ca_bundle)
        needles |= {own} if own else set()
    if not needles:
        pytest.skip("this machine gives the build no secret")
    for layer in layers(archive):
        for member in layer:
            file = layer.extractfile(member) if member.isfile() else None
            if file is not None:
                content = file.read()
                assert not [n for n in needles if n in content], member.name
    history = json.dumps(image.history()).encode()
    assert not [needle for needle in needles if needle in history]


def _own_authority(bundle: Path) -> bytes | None:
    """Return a line that only this machine's bundle holds: of its last certificate."""
    blocks = bundle.read_bytes().split(b"-----BEGIN CERTIFICATE-----")
    lines = blocks[-1].split(b"\n")
    return lines[len(lines) // 2] if len(lines) > 4 else None


def test_every_installed_package_is_in_the_lock_and_nothing_else_is(run: Run, lock: Lock) -> None:
    code, output = run_python(
        run,
        "import importlib.metadata as m\n"
        "for d in m.distributions(): print(d.metadata['Name'], d.version)",
    )
    assert code == 0, output
    installed = {re.sub("[-_.]+", "-", line.lower()) for line in output.splitlines()}
    locked = {
        re.sub("[-_.]+", "-", f"{wheel.name} {wheel.version}".lower()) for wheel in lock.packages
    }
    assert installed == locked


def test_every_debian_package_is_in_the_lock_and_nothing_else_is(
    run: Run, lock: Lock, image: Image
) -> None:
    if not image.labels["org.opencontainers.image.base.name"].startswith("hakobune-base:"):
        pytest.skip("the base is the official image, which its digest pins")
    code, output = run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n"])
    assert code == 0, output
    assert lock.debian_base is not None
    assert set(output.splitlines()) == {f"{p.name} {p.version}" for p in lock.debian_base.packages}


def test_every_package_file_is_what_its_record_says(run: Run) -> None:
    code, output = run_python(
        run,
        "import base64, hashlib, importlib.metadata as m\n"
        "count = 0\n"
        "for d in m.distributions():\n"
        "    for f in d.files or []:\n"
        "        if f.hash:\n"
        "            data = f.locate().read_bytes()\n"
        "            found = base64.urlsafe_b64encode(hashlib.sha256(data).digest())\n"
        "            assert found.decode().rstrip('=') == f.hash.value, f\n"
        "            count += 1\n"
        "print(count)",
    )
    assert code == 0, output
    assert int(output) > 5000


def test_the_named_packages_import_without_compiling(run: Run, lock: Lock) -> None:
    """Each module that importing them loads has bytecode in the image."""
    code, output = run_python(
        run,
        "import sys, os, matplotlib, joblib, pandas, statsmodels, pmdarima, mlflow\n"
        "import azureml.mlflow\n"
        "missing = [m.__file__ for m in list(sys.modules.values())\n"
        "    if (getattr(m, '__file__', None) or '').startswith('/venv')\n"
        "    and m.__file__.endswith('.py') and not os.path.exists(m.__cached__)]\n"
        "print(missing)",
    )
    assert (code, output.splitlines()[-1]) == (0, "[]"), output


def test_packages_libraries_and_code_are_a_layer_each_in_this_order(
    archive: tarfile.TarFile,
) -> None:
    """A change of Python code makes one layer new, which holds nothing compiled of C."""
    names = [
        {f"/{member.name}".replace("/./", "/") for member in layer} for layer in layers(archive)
    ]
    packages = [n for n, layer in enumerate(names) if any("/site-packages/" in x for x in layer)]
    libraries = [n for n, layer in enumerate(names) if "/app/trainer/kernel/arima.so" in layer]
    code = [n for n, layer in enumerate(names) if "/app/trainer/__main__.py" in layer]
    assert [len(packages), len(libraries), len(code)] == [1, 1, 1]
    assert packages < libraries < code
    assert not [x for x in names[code[0]] if x.endswith((".so", ".c", ".h"))]
    assert not [x for x in names[libraries[0]] if x.endswith((".py", ".c", ".h"))]


def test_libraries_have_the_bytes_that_compiling_here_from_nothing_gives(
    run: Run, tmp_path: Path
) -> None:
    project = open_project(ROOT)
    assert [library.path for library in project.libraries] == ["kernel/arima.so"]
    source = ROOT / project.source
    for library in project.libraries:
        code, output = run(["sha256sum", f"{project.place}/{library.path}"])
        assert code == 0, output
        program = [sys.executable, str(ROOT / "src/hakobune/data/compile_library.py")]
        folders = [str(folder) for folder in (tmp_path / "cache", source, tmp_path)]
        subprocess.run(
            [*program, *folders, library.path, *library.files], check=True, timeout=PATIENCE_S
        )
        made = (tmp_path / library.path).read_bytes()
        assert output.split()[0] == hashlib.sha256(made).hexdigest()
        beside = source / library.path
        assert beside.exists(), "make libraries"
        assert beside.read_bytes() == made


# Asks each library itself what it took; `-W always` shows what Python keeps to itself.
ARITHMETIC = """
import sys
import numpy, scipy.linalg, threadpoolctl
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
pools = [p for p in threadpoolctl.threadpool_info() if p["internal_api"] == "openblas"]
print(sorted({p["architecture"] for p in pools}), len(pools), {p["num_threads"] for p in pools})
print([name for name in __cpu_dispatch__ if __cpu_features__[name]])
print(sys.flags.hash_randomization, hash("hakobune"))
"""


def test_arithmetic_is_fixed_and_no_library_complains(run: Run) -> None:
    if not processor()["has_avx2_and_fma"]:
        pytest.skip("this processor lacks AVX2 or FMA: nothing is claimed on it")
    answers = [run(["python", "-W", "always", "-c", ARITHMETIC]) for _ in range(2)]
    assert answers[0] == answers[1]
    code, output = answers[0]
    assert code == 0, output
    blas, loops, hashed = output.splitlines()
    assert blas == "['Haswell'] 2 {1}"
    assert loops == "['X86_V3']"
    assert hashed.startswith("0 ")


def test_no_compiler_is_in_the_image(run: Run, members: list[tarfile.TarInfo]) -> None:
    assert not [m.name for m in members if "ziglang" in m.name]
    code, output = run_python(
        run,
        "import shutil\n"
        "print([n for n in ('cc', 'gcc', 'clang', 'zig', 'tcc', 'ld', 'as') if shutil.which(n)])",
    )
    assert (code, output) == (0, "[]\n")


EMULATED = """
import os
print(os.environ["OPENBLAS_CORETYPE"])
import numpy
import sklearn.linear_model
x = numpy.random.default_rng(0).normal(size=(200, 200))
print((x @ numpy.linalg.inv(x)).trace().round(3), flush=True)
"""


@pytest.mark.minutes
def test_any_program_of_an_image_runs_on_a_processor_without_avx2(
    engine: docker.DockerClient, image: Image, tmp_path: Path
) -> None:
    """The fallback is the image's: nothing of the trainer is loaded here."""
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        pytest.skip("qemu-x86_64 is not on this host (Debian: qemu-user)")
    listed = subprocess.run(["ldd", emulator], capture_output=True, text=True, check=True).stdout
    for path in (emulator, *re.findall(r"/\S+", listed)):
        shutil.copy(path, tmp_path)
    tmp_path.chmod(0o755)
    loader = ["/q/ld-linux-x86-64.so.2", "--library-path", "/q", "/q/qemu-x86_64"]
    container = engine.containers.create(
        image,
        [*loader, "-cpu", "Nehalem", "/venv/bin/python", "-c", EMULATED],
        network_mode="none",
        volumes={str(tmp_path): {"bind": "/q", "mode": "ro"}},
    )
    try:
        container.start()
        code = int(container.wait(timeout=PATIENCE_S)["StatusCode"])
        assert (code, container.logs(stderr=False).decode()) == (0, "Nehalem\n200.0\n")
    finally:
        container.remove(force=True)
