import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters import compiler
from hakobune.errors import CompilerMissingError, LockStaleError
from hakobune.model.project import Project
from hakobune.stages.compile import compile_libraries
from tests.samples import (
    ENVIRONMENT,
    LIBRARY,
    FakeReporter,
    FakeRunner,
    make_lock,
    on,
    write_project,
)


def native(root: Path, *, compiler: bool = True) -> Project:
    digest = hashlib.sha256(ENVIRONMENT).hexdigest()
    lock = make_lock(environment_sha256=digest, compiler=compiler)
    return replace(write_project(root, lock=lock), libraries=(LIBRARY,))


def install(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    monkeypatch.setattr(compiler, "installed_version", lambda _: version)


def test_each_library_is_compiled_and_told_with_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "0.17")
    project = native(tmp_path)
    library = tmp_path / "src/demo/inner/fast.so"
    library.parent.mkdir()
    library.write_bytes(b"made")
    runner, reporter = FakeRunner([on("compile_library.py")]), FakeReporter()
    compile_libraries(project, runner, reporter)
    assert len(runner.called("inner/fast.so", "inner/fast.c", "more.c")) == 1
    digest = hashlib.sha256(b"made").hexdigest()
    assert reporter.stages == [("compile", "src/demo/inner/fast.so", digest)]


def test_a_project_without_libraries_needs_neither_lock_nor_compiler(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    project.lock_path.unlink()
    runner = FakeRunner()
    compile_libraries(project, runner, FakeReporter())
    assert runner.calls == []


@pytest.mark.parametrize(("found", "told"), [(None, "here"), ("0.16", "here; 0.16 is")])
def test_another_compiler_than_the_lock_s_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str | None, told: str
) -> None:
    install(monkeypatch, found)
    runner = FakeRunner()
    with pytest.raises(CompilerMissingError) as caught:
        compile_libraries(native(tmp_path), runner, FakeReporter())
    assert caught.value.what == (
        f"ziglang 0.17, which environments/demo.lock names, is not installed {told}"
    )
    assert caught.value.remedy == "pip install ziglang==0.17"
    assert runner.calls == []


def test_a_lock_without_the_compiler_is_stale(tmp_path: Path) -> None:
    with pytest.raises(LockStaleError, match="the lock has no ziglang"):
        compile_libraries(native(tmp_path, compiler=False), FakeRunner(), FakeReporter())
