"""A source distribution with C: built, compared, refused, accepted, and built from the folder."""

import io
import json
import secrets
import subprocess
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.samples import assert_failed

pytestmark = [pytest.mark.container, pytest.mark.minutes]

Hakobune = Callable[..., subprocess.CompletedProcess[str]]
# It takes a number into the wheel: a fixed one, or another with each build.
SETUP = """
import os
from setuptools import Extension, setup
number = {number}
setup(name="answers", version="1.0", ext_modules=[
    Extension("answers", ["answers.c"], define_macros=[("ANSWER", number)])])
"""
SOURCE = """
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(ANSWER); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "answers", NULL, -1, methods};
PyMODINIT_FUNC PyInit_answers(void) { return PyModule_Create(&module); }
"""
FIXED, CHANGING = '"42"', "str(int.from_bytes(os.urandom(3), 'big'))"


def write(folder: Path, name: str, number: str) -> Path:
    """Write a project that asks for the package, and the package's archive beside it."""
    (folder / "src").mkdir(parents=True)
    (folder / "links").mkdir()
    (folder / "src/main.py").write_text("import answers\n", encoding="utf-8")
    settings = {"environment": "env.yml", "source": "src", "service": "answers"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    lines += ['command = ["python", "-m", "main"]']
    text = "\n".join(["[tool.hakobune]", *lines])
    (folder / "pyproject.toml").write_text(text + "\n", encoding="utf-8")
    dependencies = "[python=3.13, pip: [--find-links links, answers==1.0]]"
    conda = f"name: {name}\ndependencies: {dependencies}\n"
    (folder / "env.yml").write_text(conda, encoding="utf-8")
    files = {
        "setup.py": SETUP.format(number=number),
        "answers.c": SOURCE,
        "PKG-INFO": "Metadata-Version: 2.1\nName: answers\nVersion: 1.0\n",
    }
    with tarfile.open(folder / "links/answers-1.0.tar.gz", "w:gz") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"answers-1.0/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return folder


@pytest.fixture
def name(engine: docker.DockerClient) -> Iterator[str]:
    name = f"answers-{secrets.token_hex(4)}"
    yield name
    for image in engine.images.list(name=name):
        engine.images.remove(image.tags[0], force=True)


def locked(project: Path) -> dict[str, str]:
    lock = tomllib.loads((project / "env.lock").read_text(encoding="utf-8"))
    (package,) = lock["packages"]
    return dict(package)


def answer(engine: docker.DockerClient, name: str) -> int:
    program = "import answers; print(answers.answer())"
    output = engine.containers.run(
        f"{name}:local",
        ["python", "-c", program],
        remove=True,
        network_mode="none",
        read_only=True,
        user="12345:12345",
    )
    return int(output)


def test_c_sources_are_compiled_and_their_wheel_is_locked(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path, name: str
) -> None:
    project = write(tmp_path / "project", name, FIXED)
    assert hakobune("lock", cwd=project).returncode == 0
    assert locked(project)["address"] == "file:links/answers-1.0.tar.gz"
    assert locked(project)["wheel_sha256"] == ""
    built = hakobune("build", cwd=project)
    assert built.returncode == 0, built.stderr[-3000:]
    assert "built twice, with the same bytes: answers" in built.stderr
    sha256 = locked(project)["wheel_sha256"]
    assert len(sha256) == 64
    assert answer(engine, name) == 42
    # What was found is kept by the next lock.
    assert hakobune("lock", cwd=project).returncode == 0
    assert locked(project)["wheel_sha256"] == sha256


def test_a_wheel_that_differs_is_refused_accepted_and_kept(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path, name: str
) -> None:
    project = write(tmp_path / "project", name, CHANGING)
    assert hakobune("lock", cwd=project).returncode == 0
    refused = hakobune("build", cwd=project)
    assert_failed(refused, "sdist-unstable")
    assert "gives two different wheels: answers.cpython-313" in refused.stderr
    assert hakobune("lock", "--accept", "answers", cwd=project).returncode == 0
    vendored = hakobune("vendor", cwd=project)
    assert vendored.returncode == 0, vendored.stderr[-3000:]
    assert len(locked(project)["wheel_sha256"]) == 64
    assert_failed(hakobune("build", cwd=project), "sdist-unstable")
    offline = hakobune("build", "--offline", cwd=project)
    assert offline.returncode == 0, offline.stderr[-3000:]
    assert answer(engine, name) > 0
