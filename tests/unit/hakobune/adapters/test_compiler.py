import sys
from pathlib import Path

import pytest

from hakobune.adapters.compiler import compile_library, installed_version
from hakobune.errors import CompilationFailedError
from tests.samples import FakeRunner, on


def test_the_version_of_what_is_installed_is_told() -> None:
    assert installed_version("pytest") == pytest.__version__
    assert installed_version("no-such-package-is-here") is None


def test_a_library_is_compiled_beside_its_source_by_the_image_s_program() -> None:
    runner = FakeRunner([on("compile_library.py")])
    compile_library(runner, Path("/p/src/demo"), "inner/fast.so", ("inner/fast.c", "more.c"))
    ((python, program, _cache, *arguments),) = runner.calls
    assert python == sys.executable
    assert Path(program).name == "compile_library.py"
    assert Path(program).is_file()
    files = ["inner/fast.c", "more.c"]
    assert arguments == ["/p/src/demo", "/p/src/demo", "inner/fast.so", *files]


def test_c_files_that_are_refused_are_a_failure_that_names_the_library() -> None:
    runner = FakeRunner([on("compile_library.py", exit_code=1)])
    with pytest.raises(CompilationFailedError) as caught:
        compile_library(runner, Path("/p/src/demo"), "fast.so", ("fast.c",))
    assert caught.value.what == "/p/src/demo/fast.so could not be compiled from fast.c"
