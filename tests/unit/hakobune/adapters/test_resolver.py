import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.adapters.resolver import Question, needed_by, solve
from hakobune.errors import (
    EnvironmentFileInvalidError,
    HakobuneError,
    IndexUnreachableError,
    PackageUnknownError,
    ResolutionImpossibleError,
)
from hakobune.model.lock import LockedWheel
from hakobune.model.secrets import AskedIndex
from tests.samples import FakeRunner, completed

QUESTION = Question(
    requirements=("pandas", "nosuch"),
    python="3.13.0",
    glibc=41,
    file="env.yml",
    places={"pandas": ("env.yml:6",), "nosuch": ("env.yml:7",), "and": ("env.yml:8",)},
)


def pylock(*wheels: str, hashed: str = "sha256") -> str:
    """Return what uv writes for one package with these wheels."""
    entries = ", ".join(
        f'{{ url = "https://files.example/{wheel}", size = {n}, '
        f'hashes = {{ {hashed} = "{n:064d}" }} }}'
        for n, wheel in enumerate(wheels)
    )
    name, version = wheels[0].split("-")[:2]
    return (
        f"[[packages]]\nname = {json.dumps(name)}\n"
        f"version = {json.dumps(version.replace('%2B', '+'))}\nwheels = [{entries}]\n"
    )


def answers(*packages: str) -> FakeRunner:
    """Return a runner in which uv answers with these packages."""

    def write(command: Sequence[str]) -> Completed:
        text = "\n".join(['lock-version = "1.0"', 'created-by = "uv"', *packages])
        Path(command[command.index("-o") + 1]).write_text(text, encoding="utf-8")
        return completed()

    return FakeRunner([write])


def call(runner: FakeRunner, preferred: tuple[str, ...] = ()) -> tuple[LockedWheel, ...]:
    found = solve(runner, replace(QUESTION, preferred=preferred), env={})
    return tuple(wheel for wheel in found if isinstance(wheel, LockedWheel))


def failure(stderr: str) -> HakobuneError:
    runner = FakeRunner([lambda _: completed(exit_code=1, stderr=stderr)])
    with pytest.raises(HakobuneError) as caught:
        call(runner)
    return caught.value


def test_uv_is_asked_for_wheels_of_the_image_s_python() -> None:
    seen = []
    inner = answers(pylock("a-1.0-py3-none-any.whl"))

    def keep(command: Sequence[str]) -> None:
        seen.append(Path(command[3]).read_text(encoding="utf-8"))

    runner = FakeRunner([keep, *inner.answers])
    assert [wheel.name for wheel in call(runner)] == ["a"]
    assert seen == ["pandas\nnosuch\n"]
    assert "--only-binary" in runner.calls[0]
    assert runner.calls[0][runner.calls[0].index("--python-version") + 1] == "3.13.0"


def test_the_most_specific_wheel_is_taken() -> None:
    (wheel,) = call(
        answers(
            pylock(
                "a-1.0-py3-none-any.whl",
                "a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
                "a-1.0-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
                "a-1.0-cp313-cp313-manylinux_2_28_x86_64.whl",
                "a-1.0-cp313-cp313-musllinux_1_2_x86_64.whl",
                "a-1.0-cp313-cp313-win_amd64.whl",
            )
        )
    )
    assert wheel.file == "a-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"
    assert (wheel.name, wheel.version, wheel.size, wheel.sha256) == ("a", "1.0", 3, f"{3:064d}")


@pytest.mark.parametrize(
    "better",
    [
        "a-1.0-cp39-abi3-manylinux_2_28_x86_64.whl",
        "a-1.0-cp313-cp313-linux_x86_64.whl",
    ],
)
def test_a_compiled_wheel_counts_before_plain_python(better: str) -> None:
    (wheel,) = call(answers(pylock("a-1.0-py3-none-any.whl", better)))
    assert wheel.file == better


@pytest.mark.parametrize("python", ["cp313-cp313", "py3-none"])
@pytest.mark.parametrize("policy", ["manylinux2014", "manylinux2010", "manylinux1"])
def test_a_wheel_with_only_an_older_policy_name_is_never_another_system_s(
    policy: str, python: str
) -> None:
    linux = f"a-1.0-{python}-{policy}_x86_64.whl"
    mac = "a-1.0-cp313-cp313-macosx_11_0_arm64.whl"
    (wheel,) = call(answers(pylock(mac, linux)))
    assert wheel.file == linux


def test_an_address_leaves_only_its_file_name() -> None:
    (wheel,) = call(answers(pylock("a-1.0%2Bcpu-py3-none-any.whl")))
    assert (wheel.file, wheel.version) == ("a-1.0+cpu-py3-none-any.whl", "1.0+cpu")


def test_packages_are_sorted_by_name() -> None:
    both = answers(pylock("b-1-py3-none-any.whl"), pylock("a-1-py3-none-any.whl"))
    assert [wheel.name for wheel in call(both)] == ["a", "b"]


def test_markers_are_those_of_the_image_and_not_of_this_machine() -> None:
    windows = pylock("w-1-py3-none-any.whl").replace(
        "version", "marker = \"sys_platform == 'win32'\"\nversion", 1
    )
    python = pylock("p-1-py3-none-any.whl").replace(
        "version", "marker = \"python_full_version == '3.13.0'\"\nversion", 1
    )
    assert [wheel.name for wheel in call(answers(windows, python))] == ["p"]


SDIST = """\
[[packages]]
name = "a"
version = "1.0"
sdist = { url = "https://files.example/a-1.0.tar.gz", hashes = { sha256 = "00" } }
"""


@pytest.mark.parametrize(
    ("package", "why"),
    [
        (SDIST, "a 1.0 has no wheel with a sha256"),
        (pylock("a-1.0-py3-none-any.whl", hashed="md5"), "a 1.0 has no wheel with a sha256"),
        (pylock("a-1.0-cp312-cp312-win_amd64.whl"), "No wheel found matching"),
        (pylock("a-1.0-py3-none-any.whl").replace("sha256", ""), "uv's answer cannot be locked"),
        ("[[packages]]\nname = 1\n", "packages[0].name"),
        ("not TOML", "uv's answer cannot be locked"),
    ],
)
def test_what_cannot_be_locked_is_named(package: str, why: str) -> None:
    with pytest.raises(ResolutionImpossibleError) as caught:
        call(answers(package))
    assert caught.value.what.startswith("env.yml: ")
    assert why in caught.value.what


def test_earlier_pins_lie_where_uv_looks_for_them() -> None:
    seen = []
    inner = answers(pylock("a-1.0-py3-none-any.whl"))

    def keep(command: Sequence[str]) -> None:
        answer = Path(command[command.index("-o") + 1])
        seen.append(tomllib.loads(answer.read_text(encoding="utf-8"))["packages"])

    call(FakeRunner([keep, *inner.answers]), preferred=("pandas==3.0", "six==1.17"))
    assert seen == [[{"name": "pandas", "version": "3.0"}, {"name": "six", "version": "1.17"}]]


def test_a_package_that_does_not_exist_is_named_by_its_line() -> None:
    def uv(command: Sequence[str]) -> Completed:
        said = (
            "  x No solution found when resolving dependencies:\n  ╰─▶ Because nosuch was not "
            "found in the package\n  registry and you require nosuch, we can conclude that …"
        )
        is_asked = "nosuch" in Path(command[3]).read_text(encoding="utf-8")
        return completed(exit_code=1, stderr=said) if is_asked else completed()

    with pytest.raises(PackageUnknownError) as caught:
        call(FakeRunner([uv]))
    assert caught.value.what == "env.yml:7: the Python package index has no `nosuch`"


def test_a_package_that_another_one_needs_and_nobody_has_is_named() -> None:
    error = failure("Because deep was not found in the package registry and pandas needs deep, no")
    assert isinstance(error, PackageUnknownError)
    assert error.what == "env.yml: the Python package index has no `deep`"


def test_all_packages_that_do_not_exist_are_named_at_once() -> None:
    """uv names one in each run."""

    def uv(command: Sequence[str]) -> Completed:
        names = Path(command[3]).read_text(encoding="utf-8").split()
        said = (
            f"Because {''.join(names[:1])} was not found in the package registry and you require it"
        )
        return completed(exit_code=1, stderr=said) if names else completed()

    with pytest.raises(PackageUnknownError) as caught:
        call(FakeRunner([uv]))
    assert caught.value.what.splitlines() == [
        "env.yml:6: the Python package index has no `pandas`",
        "env.yml:7: the Python package index has no `nosuch`",
    ]


def test_a_word_that_is_a_package_s_name_too_is_not_taken_for_it() -> None:
    error = failure("Because there is no version of pandas==99 and you require pandas==99, no")
    assert "env.yml:8" not in error.what
    error = failure("Because there is no version of and==99 and you require and==99, no")
    assert error.what.startswith("env.yml:8: ")


def test_both_lines_of_a_conflict_are_named() -> None:
    places = {"pandas": ("env.yml:4", "requirements.txt:2")}
    runner = FakeRunner(
        [lambda _: completed(exit_code=1, stderr="you require pandas==1 and pandas==2, so no")]
    )
    with pytest.raises(ResolutionImpossibleError) as caught:
        solve(runner, replace(QUESTION, places=places), env={})
    assert caught.value.what.startswith("env.yml:4, requirements.txt:2: no set of wheels fits")


def test_a_long_proof_is_cut_to_its_cause_unless_the_whole_is_asked_for() -> None:
    proof = "\n".join(f"And because pandas=={n} is none" for n in range(40))
    assert failure(proof).what.endswith("34 more lines: hakobune lock --verbose")
    runner = FakeRunner([lambda _: completed(exit_code=1, stderr=proof)])
    with pytest.raises(ResolutionImpossibleError) as caught:
        solve(runner, replace(QUESTION, is_whole=True), env={})
    assert "pandas==39" in caught.value.what


@pytest.mark.parametrize(
    ("glibc", "policy"), [(41, "2_40"), (36, "2_36"), (31, "2_31"), (28, "2_28"), (24, "2_17")]
)
def test_wheels_may_ask_for_what_the_base_s_glibc_has(glibc: int, policy: str) -> None:
    runner = answers(pylock("a-1.0-py3-none-any.whl"))
    solve(runner, replace(QUESTION, glibc=glibc), env={})
    assert f"x86_64-manylinux_{policy}" in runner.calls[0]
    newer = answers(pylock(f"a-1.0-cp313-cp313-manylinux_2_{glibc + 1}_x86_64.whl"))
    with pytest.raises(ResolutionImpossibleError):
        solve(newer, replace(QUESTION, glibc=glibc), env={})


def test_constraints_and_pre_releases_reach_uv() -> None:
    seen = []
    inner = answers(pylock("a-1.0-py3-none-any.whl"))

    def keep(command: Sequence[str]) -> None:
        path = Path(command[command.index("--constraints") + 1])
        seen.append(path.read_text(encoding="utf-8"))

    runner = FakeRunner([keep, *inner.answers])
    question = replace(QUESTION, constraints=("idna<4",), takes_prereleases=True)
    solve(runner, question, env={})
    assert seen == ["idna<4\n"]
    assert runner.calls[0][-2:] == ["--prerelease", "allow"]


def test_an_impossible_pin_is_named_by_its_line() -> None:
    error = failure("Because there is no version of pandas==99 and you require pandas==99, …")
    assert isinstance(error, ResolutionImpossibleError)
    assert error.what.startswith("env.yml:6: no set of wheels fits\n")


def test_a_silent_index_is_its_own_failure() -> None:
    error = failure(
        "error: Failed to fetch: `https://index.example/simple/pandas/`\n  Caused by: x"
    )
    assert isinstance(error, IndexUnreachableError)


FOREIGN = (
    "Because pywin32==308 has no wheels with a matching platform tag and you require pywin32==308, "
    "no.\nhint: Wheels are available for `pywin32` (v308) on the following platforms: {}"
)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (FOREIGN.format("`win32`, `win_amd64`"), "pywin32 exists for other systems only"),
        (FOREIGN.format("`linux_aarch64`, `win32`"), "loosen one"),
        (
            "Because there is no version of torch==2.0.0+cpu and you require torch==2.0.0+cpu, no.",
            "a release that ends in `+cpu` is on an index of its own",
        ),
        (
            "hint: `a` was filtered by `exclude-newer` to only include packages uploaded before x",
            "name a later day by --exclude-newer",
        ),
        ("Because there is no version of a==9 and you require a==9, no.", "loosen one"),
    ],
)
def test_the_way_on_fits_the_cause(said: str, remedy: str) -> None:
    assert failure(said).remedy.startswith(remedy)


def test_which_packages_need_which_is_read_from_uv_s_cache() -> None:
    def write(command: Sequence[str]) -> Completed:
        assert "--offline" in command
        text = "numpy==2.1.0            # via -r /tmp/wanted.txt, pandas, scipy\npandas==3.1\n"
        Path(command[command.index("-o") + 1]).write_text(text, encoding="utf-8")
        return completed()

    assert needed_by(FakeRunner([write]), QUESTION, env={}) == {"numpy": ("pandas", "scipy")}
    cold = FakeRunner([lambda _: completed(exit_code=1, stderr="the cache does not have it")])
    assert needed_by(cold, QUESTION, env={}) == {}


OTHER_PYTHONS = (
    "Because old==1.0 has no wheels with a matching Python ABI tag (e.g., `cp313`) and you require "
    "old==1.0, no.\nYou require CPython 3.13 (`cp313`), but we only found wheels for `old` (v1.0) "
    "with the following Python ABI tags: `cp37m`, `cp38`, `cp312`"
)


@pytest.mark.parametrize(
    ("second", "remedy"),
    [
        (completed(), "python=3.12 is the newest that old==1.0 has a wheel for"),
        (
            completed(
                exit_code=1,
                stderr="Wheels are available for `old` (v1.0) on the following platforms: `win32`",
            ),
            "old exists for other systems only: remove the line",
        ),
        (completed(exit_code=1, stderr="something else"), "loosen one of the versions"),
    ],
)
def test_wheels_for_other_pythons_lead_to_the_newest_of_these_or_to_another_system(
    second: Completed, remedy: str
) -> None:
    asked: list[tuple[str, str]] = []

    def uv(command: Sequence[str]) -> Completed:
        wanted = Path(command[3]).read_text(encoding="utf-8").strip()
        asked.append((wanted, command[command.index("--python-version") + 1]))
        return completed(exit_code=1, stderr=OTHER_PYTHONS) if len(asked) == 1 else second

    with pytest.raises(ResolutionImpossibleError) as caught:
        solve(FakeRunner([uv]), QUESTION, env={})
    assert asked[1:] == [("old==1.0", "3.12")]
    assert caught.value.remedy.startswith(remedy)


@pytest.mark.parametrize("link", ["/project/nowhere", "https://x.example/links.html"])
def test_a_list_of_links_that_cannot_be_read_is_named_with_its_line(link: str) -> None:
    said = f"error: Failed to read `--find-links` URL: {link}\n  cause: HTTP status client error"
    runner = FakeRunner([lambda _: completed(exit_code=1, stderr=said)])
    places = {link.removeprefix("/project/"): ("env.yml:9",)}
    with pytest.raises(EnvironmentFileInvalidError, match=r"^env\.yml:9: the list of links"):
        solve(runner, replace(QUESTION, places=places), env={})


def test_a_page_of_links_that_does_not_answer_is_a_matter_of_the_network() -> None:
    said = (
        "error: Failed to read `--find-links` URL: https://x.example/links.html\n"
        "  cause: error sending request for url (https://x.example/links.html)\n  cause: dns error"
    )
    runner = FakeRunner([lambda _: completed(exit_code=1, stderr=said)])
    places = {"https://x.example/links.html": ("env.yml:9",)}
    with pytest.raises(IndexUnreachableError, match=r"^env\.yml:9: the list of links"):
        solve(runner, replace(QUESTION, places=places), env={})


def linked(url: str, *more: str) -> str:
    """Return what uv writes for one wheel that is in these places."""
    wheels = ", ".join(
        f'{{ url = "{one}", hashes = {{ sha256 = "{"5" * 64}" }} }}' for one in (url, *more)
    )
    return f'[[packages]]\nname = "six"\nversion = "1.0"\nwheels = [{wheels}]\n'


LINK = "https://links.example/a/six-1.0-py3-none-any.whl"
INDEX = "https://files.example/six-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("places", "address"),
    [
        ((LINK,), LINK),
        ((LINK, INDEX), ""),
        ((INDEX,), ""),
        (("file:///project/links/six-1.0-py3-none-any.whl",), "file:///project/links/six-1.0-"),
    ],
)
def test_a_file_of_a_list_of_links_keeps_its_address_unless_an_index_has_it(
    places: tuple[str, ...], address: str
) -> None:
    question = replace(QUESTION, links=("https://links.example/page.html", "/project/links"))
    (found,) = solve(answers(linked(*places)), question, env={})
    assert found.address.startswith(address)
    assert bool(found.address) == bool(address)


def test_a_temporary_path_is_not_shown() -> None:
    said = "Because only old @ file:///var/tmp/hakobune-a1_b/old-1.0.tar.gz is available, no."
    assert "only old @ old-1.0.tar.gz is available" in failure(said).what


TEAM = AskedIndex(name="team", address="https://jo:secret@t.e/simple", packages=("core", "extra"))
MORE = AskedIndex(name="m.o/re", address="https://u:secret@m.o/re/simple")
DEFAULT = AskedIndex(name="the default index", address="", is_default=True)


class IndexedUv:
    """Answers as uv does for `app`, which needs `core`; keeps what it reads."""

    def __init__(self, *, has_core: bool) -> None:
        self.has_core = has_core
        self.wanted: list[str] = []
        self.commands: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str]) -> Completed:
        text = Path(command[3]).read_text(encoding="utf-8")
        self.wanted.append(text)
        self.commands.append(command)
        if not self.has_core and "core" not in text:
            said = "Because core was not found in the package registry and app depends on core"
            return completed(exit_code=1, stderr=said)
        if "requirements.txt" in command:
            answer = "app==1.0\n    # from https://m.o/re/simple\ncore==1.0\n    # from x\n"
        else:
            names = ["app-1.0-py3-none-any.whl", "core-1.0-py3-none-any.whl"]
            answer = "\n".join(['lock-version = "1.0"', 'created-by = "uv"', *map(pylock, names)])
        Path(command[command.index("-o") + 1]).write_text(answer, encoding="utf-8")
        return completed()


@pytest.mark.parametrize("has_core", [True, False])
def test_an_assigned_package_that_another_one_needs_comes_from_its_index(*, has_core: bool) -> None:
    uv = IndexedUv(has_core=has_core)
    question = replace(QUESTION, requirements=("app",), indexes=(TEAM, DEFAULT))
    found = solve(FakeRunner([uv]), question, env={})
    assert [(package.name, package.index) for package in found] == [("app", ""), ("core", "team")]
    read = tomllib.loads(uv.wanted[-1])
    assert read["project"]["dependencies"] == ["app", "core"]
    (index,) = read["tool"]["uv"]["index"]
    assert index == {"name": "team", "url": "https://t.e/simple", "explicit": True}
    assert read["tool"]["uv"]["sources"] == {"core": {"index": "team"}}
    assert len(uv.commands) == 2
    assert not any("secret" in text for text in (*uv.wanted, *map(str, uv.commands)))


def test_each_package_s_index_is_recorded() -> None:
    uv = IndexedUv(has_core=True)
    question = replace(QUESTION, requirements=("app",), indexes=(MORE, DEFAULT))
    found = solve(FakeRunner([uv]), question, env={})
    assert [(package.name, package.index) for package in found] == [("app", "m.o/re"), ("core", "")]
    assert uv.commands[0][uv.commands[0].index("--index-strategy") + 1] == "first-index"
