import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakobune.errors import EnvironmentFileInvalidError
from hakobune.model.spec import EnvironmentSpec, Included, Index
from hakobune.stages.project import conda_names
from hakobune.transform.read_spec import conda_name, read_spec

NAMES = conda_names(())

COMMIT = "0123456789" * 4


def read(
    text: str | bytes, files: Mapping[str, str] | None = None, *, file: str = "env.yml"
) -> EnvironmentSpec:
    content = text.encode() if isinstance(text, str) else text
    others = {path: other.encode() for path, other in (files or {}).items()}
    return read_spec(content, file=file, names=NAMES, read=others.get, source="src/demo")


def dependencies(*lines: str) -> str:
    items = "\n".join(f"  - {line}" for line in lines)
    return f"name: demo\ndependencies:\n  - python=3.13\n{items}\n"


def requirements(*lines: str) -> list[str]:
    return [item.text for item in read(dependencies(*lines)).requirements]


def problems(text: str | bytes, files: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(EnvironmentFileInvalidError) as caught:
        read(text, files)
    return caught.value.what.splitlines()


def test_a_whole_file_is_read_with_the_lines_that_say_it() -> None:
    spec = read(
        "name: demo\nchannels: [conda-forge, defaults]\ndependencies:\n"
        "  - python=3.12\n  - pip\n  - pandas>=2\n  - pip:\n      - pmdarima\n"
    )
    assert (spec.name, spec.python, spec.python_line) == ("demo", ("==3.12.*",), 4)
    assert spec.python_text == "python=3.12"
    assert spec.channels == ("conda-forge", "defaults")
    assert [(r.text, r.line) for r in spec.requirements] == [("pandas>=2", 6), ("pmdarima", 8)]


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("numpy", "numpy"),
        ("numpy=1.21", "numpy==1.21.*"),
        ("numpy=1.21.*", "numpy==1.21.*"),
        ("numpy==1.21.6", "numpy==1.21.6"),
        ("numpy 1.21", "numpy==1.21"),
        ("numpy=1.21.6=py39h18676bf_0", "numpy==1.21.6"),
        ("PyYAML", "PyYAML"),
        ("opencv", "opencv-python-headless"),
        ("numpy>=1.21,<2", "numpy>=1.21,<2"),
        ("numpy >=1.21, <2", "numpy>=1.21,<2"),
        ("conda-forge::numpy=2", "numpy==2.*"),
        ("pytables=3.9", "tables==3.9.*"),
        ("matplotlib-base", "matplotlib"),
    ],
)
def test_conda_s_versions_become_pip_s(conda: str, pip: str) -> None:
    assert requirements(conda) == [pip]


def test_pip_itself_is_the_installer_and_no_requirement() -> None:
    assert requirements("pip=24", "pip: [pip, six]") == ["six"]


def test_extras_and_markers_are_kept() -> None:
    assert requirements("pip: ['mlflow[extras]>=2 ; python_version > \"3\"']") == [
        'mlflow[extras]>=2; python_version > "3"'
    ]


def test_the_file_s_name_is_taken_where_none_is_given() -> None:
    assert read("dependencies: [python=3.13]").name == "env"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "env.yml:1: the file is empty"),
        ("# only a comment\n", "env.yml:1: the file is empty"),
        ("{}", "env.yml:1: no `dependencies:`"),
        ("just text", "env.yml:1: expected `key: value` lines (name, channels, dependencies)"),
        (
            "name: a\n  b: c\n",
            "env.yml:2: not YAML: mapping values are not allowed here",
        ),
        ("name: [a\n", "env.yml:2: not YAML: expected ',' or ']', but got"),
        (b"name: \xff\n", "env.yml:1: not UTF-8 text"),
        ("name: demo\n", "env.yml:1: no `dependencies:`"),
        ("dependencies: text\n", "env.yml:1: `dependencies` must be a list"),
        (
            "name: demo\ndependancies:\n  - python=3.13\n",
            "env.yml:2: unknown key `dependancies`; did you mean `dependencies`?",
        ),
        (
            "build_dependencies: [pip]\npython: 3.12\ndependencies: [x]\n",
            "env.yml:1: this is MLflow's python_env format, not a conda environment file",
        ),
        (
            "name: demo\nname: demo\ndependencies: [python=3.13]\n",
            "env.yml:2: `name` is given twice",
        ),
        (dependencies("python=3.12"), "env.yml:4: `python` is given twice (first on "),
        (dependencies("mpi"), "env.yml:4: `mpi` is not a Python package: conda's switch"),
        (
            dependencies("numpy>=new"),
            "env.yml:4: `numpy>=new` is not a package such as `pandas=3.1`: `>=new` is not",
        ),
        (dependencies("a b; c"), "env.yml:4: `a b; c`"),
        (dependencies("pipp: [six]"), "env.yml:4: unknown section `pipp`; did you mean `pip:`?"),
        (dependencies("pip: six"), "env.yml:4: `pip:` must be a list"),
        (dependencies("pip: [six, null]"), "env.yml:4: expected a line of pip's"),
        (dependencies("pip: [[six]]"), "env.yml:4: expected a line of pip's"),
        (dependencies("pip: [six: 1]"), "env.yml:4: expected a line of pip's"),
        (dependencies("numpy: 1.2"), "env.yml:4: `numpy: 1.2` is not conda's form; write `numpy="),
        (
            dependencies("sel(win): six"),
            "env.yml:4: `sel(win): six` is a condition, which micromamba",
        ),
        (dependencies("dask[complete]"), "env.yml:4: `dask[complete]` is not a package such as"),
        (
            dependencies("gdal=3"),
            "env.yml:4: `gdal` exists on the index as sources only, which need",
        ),
        (dependencies("pywin32=228"), "env.yml:4: `pywin32` exists for Windows only: remove the"),
        (dependencies("numpy; python_version>'3'"), "env.yml:4: `numpy; python_version>'3'` is"),
        (
            dependencies("https://x.y/numpy-1.2.whl"),
            "env.yml:4: `https://x.y/numpy-1.2.whl` is not",
        ),
        (
            "NAME: a\nDEPENDENCIES:\n  - six\n",
            "env.yml:1: unknown key `NAME`; did you mean `name`?",
        ),
        (
            dependencies("six=={{ version }}"),
            "env.yml:4: `{{ version }}` is a template's place: wr",
        ),
        ("dependencies:\n  - six\n\x1a", "env.yml:3: not YAML: the character U+001A"),
        (dependencies("pip: [-r file:r.txt]"), "env.yml:4: `-r file:r.txt`: the project has no"),
        ("dependencies:\n\t- python=3.13\n", "env.yml:2: not YAML: a tab where YAML allows only"),
        (dependencies("pip: [-r https://x.y/r.txt]"), "env.yml:4: `-r https://x.y/r.txt`: what an"),
        (dependencies("pip: [-e git+https://x.y/a]"), "env.yml:4: `-e git+https://x.y/a`: which p"),
        (dependencies("r-ggplot2=3"), "env.yml:4: `r-ggplot2` is not a Python package: a package"),
        (
            dependencies("pip: [git+https://x.y/a]"),
            (
                "env.yml:4: `git+https://x.y/a`: which package is it? Write its name in front: "
                "`NAME @ git+https://x.y/a@COMMIT`; only a full commit (40 digits) always means"
            ),
        ),
        (
            dependencies("pip: [https://x.y/archive/main.zip]"),
            "env.yml:4: `https://x.y/archive/main.zip`: which package is it? Write its name in",
        ),
        (dependencies("pip: ['six>=1.*']"), "env.yml:4: `six>=1.*`: `.*` goes with `==` and `!="),
        ("# platform: linux-64\n@EXPLICIT\nhttps://x.y/a.conda\n", "env.yml:1: this is a list of"),
        ("name: a\n<<: [1]\ndependencies: [six]\n", "env.yml:2: `<<` must name a mapping"),
        (dependencies("pip: [-r more.txt]"), "env.yml:4: `-r more.txt`: the project has no file"),
        (dependencies("pip: [-r ../a.txt]"), "env.yml:4: `-r ../a.txt`: the file is outside the"),
        (dependencies("pip: [-r /etc/passwd]"), "env.yml:4: `-r /etc/passwd`: the file is outside"),
        (dependencies("pip: [-e ../lib]"), "env.yml:4: `-e ../lib`: a folder cannot be locked"),
        (dependencies("pip: [./wheel]"), "env.yml:4: `./wheel`: a file or folder cannot be locked"),
        (
            dependencies("pip: ['a @ https://x.y/a.html']"),
            "env.yml:4: `a @ https://x.y/a.html`: an address must end in one of .whl,",
        ),
        (
            dependencies("pip: ['a @ https://me:secret@x.y/a.whl']"),
            "env.yml:4: `a @ https://***@x.y/a.whl`: it has a login, which any reader of this",
        ),
        (
            dependencies(f"pip: ['a @ git+file:///home/me/a@{COMMIT}']"),
            f"env.yml:4: `a @ git+file:///home/me/a@{COMMIT}`: it is not an address that hakobune",
        ),
        (
            dependencies("pip: ['a @ hg+https://x.y/a']"),
            "env.yml:4: `a @ hg+https://x.y/a`: hakobune reads repositories of git only",
        ),
        (
            dependencies(f"pip: ['a @ git+https://x.y/a@{COMMIT}#subdirectory=b']"),
            f"env.yml:4: `a @ git+https://x.y/a@{COMMIT}#subdirectory=b`: hakobune builds the top",
        ),
        (
            dependencies(f"pip: ['a @ git+https://x.y/a@{COMMIT[:12]}']"),
            f"env.yml:4: `a @ git+https://x.y/a@{COMMIT[:12]}`: only a full commit (40 digits)",
        ),
        (
            dependencies("pip: [--find-links ../wheels]"),
            "env.yml:4: `--find-links ../wheels`: the folder is outside the project",
        ),
        (
            dependencies("pip: ['--find-links https://me:secret@x.y/']"),
            "env.yml:4: `--find-links https://***@x.y/`: a page's address begins with https://",
        ),
        (
            dependencies("pip: ['a @ git+https://x.y/a@main']"),
            "env.yml:4: `a @ git+https://x.y/a@main`: only a full commit (40 digits) always means",
        ),
        (dependencies("pip: [--no-index]"), "env.yml:4: `--no-index`: hakobune needs an index"),
        (dependencies("pip: [--unknown]"), "env.yml:4: `--unknown`: hakobune does not know"),
        (
            dependencies(f"""pip: ['six; {"(" * 900}os_name=="a"{")" * 900}']"""),
            "env.yml:4: `six; ((",
        ),
        (dependencies("geos"), "env.yml:4: conda's `geos` is not known to be a Python package"),
        ("dependencies: [six]\nvariables: {PATH: x}", "env.yml:2: the variable `PATH` belongs to"),
        ("dependencies: [six]\nvariables: {A: [x]}", "env.yml:2: the variable `A` must be one"),
        ("dependencies: [six]\nvariables: {a-b: x}", "env.yml:2: `a-b` cannot name an environment"),
        ("dependencies: [six]\nvariables: [x]", "env.yml:2: `variables` must be `NAME: value`"),
        (
            dependencies("pip: [--extra-index-url https://user:secret@x.y]"),
            "env.yml:4: `--extra-index-url https://***@x.y`: it has a password",
        ),
        ("name: ''\ndependencies: [python=3.13]", "env.yml:1: `name` must be a text that is not"),
        ("name: [a]\ndependencies: [python=3.13]", "env.yml:1: `name` must be a text that is not"),
        ('name: "a\\n"\ndependencies: [python=3.13]', None),
        ("dependencies: [null, python=3.13]", "env.yml:1: expected a package such as"),
        ("channels: x\ndependencies: [python=3.13]", "env.yml:1: `channels` must be a list"),
    ],
)
def test_a_problem_is_named_with_its_line(text: str | bytes, expected: str | None) -> None:
    if expected is None:
        assert read(text).name == "a"
    else:
        assert problems(text)[0].startswith(expected)


@pytest.mark.parametrize("name", sorted(NAMES.refused.keys() - NAMES.debian.keys()))
def test_each_of_conda_s_own_names_is_refused_with_a_way_to_go_on(name: str) -> None:
    (problem,) = problems(dependencies(name))
    assert "remove the line" in problem.lower() or "the Python package is called" in problem


@pytest.mark.parametrize(
    ("line", "packages", "versions"),
    [
        ("libgomp", ("libgomp1",), ("",)),
        ("ffmpeg", ("ffmpeg",), ("",)),
        ("conda-forge::nodejs=20", ("nodejs",), ("==20.*",)),
        ("gcc>=12", ("gcc", "libc6-dev"), (">=12",)),
        ("openjdk 17|21.*", ("default-jdk-headless",), ("==17", "==21.*")),
    ],
)
def test_a_library_or_program_of_conda_s_is_debian_s(
    line: str, packages: tuple[str, ...], versions: tuple[str, ...]
) -> None:
    spec = read(dependencies(line))
    (found,) = spec.debian
    assert (found.packages, found.versions, found.is_exact) == (packages, versions, True)
    assert (found.written, found.place) == (line, "env.yml:4")
    assert spec.requirements == ()


def test_a_whole_environment_s_programs_are_debian_s_and_its_libraries_are_left_out() -> None:
    spec = read(dependencies("_libgcc_mutex=0.1=main", "git=2.30=h1_0", "ffmpeg=4.3=h0_0"))
    (found,) = spec.debian
    assert (found.name, found.is_exact) == ("git", False)
    assert "ffmpeg" in [one.name for one in spec.left_out]


def test_a_name_of_conda_s_never_becomes_a_package_that_is_not_known_to_be_the_same() -> None:
    # Each exists on the index, as something else than conda's.
    for name in ("geos", "proj", "gsl", "tk", "eigen"):
        (problem,) = problems(dependencies(name))
        assert f"{name} = " in problem or "left out" in problem


def test_a_project_s_own_names_come_first() -> None:
    names = conda_names((("GEOS", "shapely"), ("ffmpeg", "imageio-ffmpeg"), ("r-x", "rx")))
    text = dependencies("geos=2", "ffmpeg", "r-x").encode()
    found = read_spec(text, file="env.yml", names=names)
    assert [wanted.text for wanted in found.requirements] == [
        "shapely==2.*",
        "imageio-ffmpeg",
        "rx",
    ]


def test_an_exported_file_is_read_and_says_once_what_has_no_meaning() -> None:
    found = read(
        "name: demo\nprefix: /home/someone/envs/demo\ndependencies:\n"
        "  - _libgcc_mutex=0.1=main\n  - ncurses=6.4=h6a678d5_0\n"
        "  - numpy=2.1.3=py313h1_0\n  - python=3.13.1=h2_0\n  - pip:\n    - six==1.17.0\n"
    )
    assert [wanted.text for wanted in found.requirements] == ["numpy==2.1.3", "six==1.17.0"]
    assert found.python == ("==3.13.1",)
    assert found.notes == (
        (
            "env.yml: conda's build strings have no meaning for wheels: only the versions count "
            "(numpy, python)"
        ),
        "env.yml: left out: _libgcc_mutex, ncurses (conda's own; the base image has it)",
    )


@pytest.mark.parametrize(
    ("line", "python", "text"),
    [
        ("six", ("",), "python"),
        ("python", ("",), "python"),
        ("python >=3.12,<3.14", (">=3.12,<3.14",), "python>=3.12,<3.14"),
        ("python 3.8|3.9.*", ("==3.8", "==3.9.*"), "python==3.8|=3.9"),
    ],
)
def test_python_may_be_a_range_or_left_to_us(line: str, python: tuple[str], text: str) -> None:
    found = read(f"dependencies: ['{line}']")
    assert (found.python, found.python_text) == (python, text)


def test_a_choice_of_versions_is_kept() -> None:
    (wanted,) = read(dependencies("numpy=1.21|1.22")).requirements
    assert (wanted.text, wanted.others) == ("numpy==1.21.*", ("numpy==1.22",))


def test_unknown_keys_are_a_note_as_in_conda() -> None:
    found = read("name: demo\ncategory: main\ndependencies: [six]\n")
    assert found.notes == (
        "env.yml:2: unknown key `category`, ignored; known: name, channels, dependencies",
    )


def test_variables_are_read_as_text() -> None:
    found = read('variables:\n  A: "1"\n  B: 2\n  C: a "b" $c\ndependencies: [six]\n')
    assert found.variables == (("A", "1"), ("B", "2"), ("C", 'a "b" $c'))


def test_pip_s_options_and_files_have_pip_s_meaning() -> None:
    found = read(
        dependencies(
            "pip",
            "pip: [--pre, -r more/base.txt, -c bounds.txt, "
            "'--extra-index-url https://${TOKEN}@x.y/simple', -i https://z.y/simple]",
        ),
        {
            "more/base.txt": "# ours\nsix==1.17.0 \\\n  --hash=sha256:"
            + "a" * 64
            + "\n-r last.txt\n",
            "more/last.txt": "idna>=3 # names\n",
            "bounds.txt": "idna<4\n",
        },
    )
    first, last = found.requirements
    assert (first.text, first.place, first.hashes) == (
        "six==1.17.0",
        "more/base.txt:2",
        ("a" * 64,),
    )
    assert (last.text, last.place) == ("idna>=3", "more/last.txt:1")
    assert [(bound.text, bound.place) for bound in found.constraints] == [
        ("idna<4", "bounds.txt:1")
    ]
    assert found.takes_prereleases
    assert found.indexes == (
        Index(address="https://${TOKEN}@x.y/simple", is_default=False),
        Index(address="https://z.y/simple", is_default=True),
    )
    assert [included.path for included in found.included] == [
        "bounds.txt",
        "more/base.txt",
        "more/last.txt",
    ]
    assert isinstance(found.included[0], Included)


def test_an_included_file_s_path_starts_at_the_file_that_names_it() -> None:
    text = dependencies("pip: [-r requirements.txt]")
    found = read(text, {"environments/requirements.txt": "six"}, file="environments/env.yml")
    assert found.requirements[0].place == "environments/requirements.txt:1"


def test_a_file_that_includes_itself_is_a_problem() -> None:
    (problem,) = problems(
        dependencies("pip: [-r a.txt]"), {"a.txt": "-r b.txt", "b.txt": "-r a.txt"}
    )
    assert problem == "b.txt:1: `-r a.txt`: the file includes itself"


def test_the_project_itself_brings_what_its_pyproject_names() -> None:
    manifest = '[project]\nname = "demo"\ndependencies = [\n  "six>=1",\n]\n'
    found = read(dependencies("pip: ['-e .']"), {"pyproject.toml": manifest})
    (wanted,) = found.requirements
    assert (wanted.text, wanted.place) == ("six>=1", "pyproject.toml:4")
    assert found.notes[0].startswith("env.yml:4: `-e .` is this project")
    assert [included.path for included in found.included] == ["pyproject.toml"]


def test_mlflow_s_format_is_named_with_what_to_do() -> None:
    with pytest.raises(EnvironmentFileInvalidError) as caught:
        read("python: 3.8.5\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt]\n")
    assert "conda.yaml that MLflow writes beside it" in caught.value.remedy


def test_all_problems_are_named_at_once_in_the_order_of_lines() -> None:
    found = problems(
        "name: demo\ndependencies:\n  - mpi\n  - numpy>=x\n  - pip: [-r a, ./b]\nvariables: [x]\n"
    )
    assert [line.split(":")[1] for line in found] == ["3", "4", "5", "5", "6"]


def test_a_password_in_an_index_does_not_reach_the_message() -> None:
    text = dependencies("pip: ['--extra-index-url https://user:secret@x.y']")
    assert "secret" not in "".join(problems(text))


@pytest.mark.parametrize("depth", [500, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_very_deep_file_is_refused_and_not_a_crash(depth: int) -> None:
    assert problems("[" * depth)[0].startswith("env.yml:1: not")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_spec_or_a_named_problem(content: bytes) -> None:
    try:
        read(content)
    except EnvironmentFileInvalidError as exc:
        assert all(line.startswith("env.yml:") for line in exc.what.splitlines())  # noqa: PT017


def test_real_files_are_read_and_those_of_mlflow_s_format_are_refused(shared: Path) -> None:
    refused = {}
    for path in sorted((shared / "conda-corpus").glob("*.yml")):
        try:
            spec = read_spec(path.read_bytes(), file="env.yml", names=NAMES)
        except EnvironmentFileInvalidError as exc:
            refused[hashlib.sha256(path.read_bytes()).hexdigest()[:12]] = exc.what
        else:
            assert all("3." in text for text in spec.python)
    assert sorted(refused) == ["63ad41c882ca", "d356da5191bf", "e580bb0aaa0b", "f88dda019d3d"]
    assert set(refused.values()) == {
        "env.yml:1: this is MLflow's python_env format, not a conda environment file"
    }


def test_a_name_is_mapped_and_kept_as_it_was_written() -> None:
    spec = read("channels: []\nname: 'a; rm -rf /'\ndependencies: [python=3.13]")
    assert (spec.name, spec.written_name, spec.name_line) == ("a-rm-rf", "a; rm -rf /", 2)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("name: a b\ndependencies: [x]\n", "a b"),
        ("dependencies: [x]\n", None),
        ("name: a\nservices: {}\n", None),
        ("name: [a]\ndependencies: [x]\n", None),
        ("- a\n", None),
        (": :\n  [", None),
        ("", None),
    ],
)
def test_the_name_of_another_conda_file(text: str, name: str | None) -> None:
    assert conda_name(text.encode(), file="other.yml") == name


@pytest.mark.parametrize("name", ["null", "", "~"])
def test_a_name_that_is_null_is_none(name: str) -> None:
    assert read(f"name: {name}\ndependencies: [six]\n", file="envs/base.yml").name == "base"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-16-be"])
def test_a_file_that_powershell_wrote_is_read(encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    text = "name: demo\r\ndependencies:\r\n  - six=1\r\n  - pip:\r\n    - -r r.txt\r\n"
    content = f"{mark}{text}".encode(encoding)
    listed = f"{mark}idna\r\n".encode(encoding)
    found = read_spec(content, file="env.yml", names=NAMES, read={"r.txt": listed}.get)
    assert [(wanted.text, wanted.place) for wanted in found.requirements] == [
        ("six==1.*", "env.yml:3"),
        ("idna", "r.txt:1"),
    ]


def test_yaml_s_merge_keys_and_aliases_have_their_meaning() -> None:
    found = read(
        "base: &base\n  name: other\n  channels: [c]\n  variables: &v {A: a, B: b}\n"
        "<<: *base\nname: demo\nvariables: {<<: *v, B: own}\n"
        "dependencies:\n  - &six six=1\n  - pip: [idna]\n  - *six\n"
    )
    assert (found.name, found.channels) == ("demo", ("c",))
    assert dict(found.variables) == {"A": "a", "B": "own"}
    assert [wanted.text for wanted in found.requirements] == ["six==1.*", "idna", "six==1.*"]


def test_a_merge_that_leads_to_itself_or_grows_without_end_is_read_once() -> None:
    loops = "a: &a\n  x: 1\n  <<: {y: 1, <<: *a}\n<<: *a\ndependencies: [six]\n"
    assert read(loops).requirements[0].text == "six"
    rows = "\n".join(f"k{n}: &k{n} {{<<: [{', '.join([f'*k{n - 1}'] * 9)}]}}" for n in range(1, 40))
    assert read(f"k0: &k0 {{z: 1}}\n{rows}\n<<: *k39\ndependencies: [six]\n").requirements


def test_what_is_left_out_may_have_a_version_that_only_conda_has() -> None:
    found = read(
        dependencies("openssl=1.1.1k=h27cfd23_0", "jpeg=9e=h0_1", "tzdata=2021a", "vc=14.2=h1_1")
    )
    assert found.requirements == ()
    assert "left out: openssl, jpeg, tzdata, vc" in found.notes[0]


def test_libraries_of_a_whole_export_are_left_out_and_of_a_short_file_are_not() -> None:
    lines = ("libgomp=13.2.0=h1_0", "xorg-libx11=1.8=h0_1", "geos=3.11=h9_2", "six=1.16=py_0")
    found = read(dependencies("_libgcc_mutex=0.1=main", *lines))
    assert [wanted.text for wanted in found.requirements] == ["six==1.16"]
    assert any("libgomp, xorg-libx11, geos; `hakobune build` names" in n for n in found.notes)
    assert [problem.split("`")[1] for problem in problems(dependencies(*lines))] == ["geos"]
    assert [one.name for one in read(dependencies(*lines[:2])).debian] == ["libgomp", "xorg-libx11"]


def test_what_linux_does_not_have_is_left_out_of_a_windows_export_and_refused_elsewhere() -> None:
    found = read(
        dependencies("vs2015_runtime=14.27=h5_2", "pywin32=301=py38_0", "pip: [pypiwin32, six]")
    )
    assert [one.name for one in found.requirements] == ["six"]
    assert "pypiwin32" in [one.name for one in found.left_out]
    assert ("pywin32", "exists for Windows only") in [
        (one.name, one.reason) for one in found.left_out
    ]
    (problem,) = problems(dependencies("pywin32"))
    assert problem == "env.yml:4: `pywin32` exists for Windows only: remove the line"


def test_anaconda_s_copy_of_a_package_is_not_the_package() -> None:
    found = read(dependencies("ruamel_yaml=0.15.80", "ruamel.yaml=0.17"))
    assert [one.text for one in found.requirements] == ["ruamel.yaml==0.17.*"]
    assert [one.name for one in found.left_out] == ["ruamel_yaml"]


def test_several_options_on_one_line_are_all_taken() -> None:
    found = read(
        dependencies(
            "pip: ['--extra-index-url https://a.b/s --extra-index-url https://c.d/s --pre # both']"
        )
    )
    assert [index.address for index in found.indexes] == ["https://a.b/s", "https://c.d/s"]
    assert found.takes_prereleases


@pytest.mark.parametrize("line", ["-e .[dev]", ".[Dev]", "--editable=./[dev]"])
def test_the_project_s_extras_come_along(line: str) -> None:
    manifest = (
        '[project]\nname = "demo"\ndependencies = ["six>=1"]\n'
        '[project.optional-dependencies]\ndev = [\n  "idna",\n]\n'
    )
    found = read(dependencies(f"pip: ['{line}']"), {"pyproject.toml": manifest})
    assert [(wanted.text, wanted.line) for wanted in found.requirements] == [
        ("six>=1", 3),
        ("idna", 6),
    ]
    (problem,) = problems(dependencies("pip: ['.[x]']"), {"pyproject.toml": manifest})
    assert problem.endswith("pyproject.toml has no `x` in [project.optional-dependencies]")


def test_pip_s_own_list_beside_dependencies_is_ignored_as_in_conda_with_what_was_meant() -> None:
    found = read("name: demo\ndependencies: [six]\npip: [idna]\n")
    assert [wanted.text for wanted in found.requirements] == ["six"]
    assert found.notes[0].endswith("pip's list is an item of `dependencies`: `- pip:`")


def test_the_note_of_what_is_left_out_stays_short() -> None:
    names = (
        "mkl_fft",
        "numpy-base",
        "ninja",
        "backports",
        "torchtriton",
        "xz",
        "zlib",
        "jpeg",
        "vc",
    )
    found = read(dependencies(*(f"{name}=1.0=h1_0" for name in names)))
    assert found.requirements == ()
    (note,) = found.notes
    assert note.endswith(", zlib, jpeg and 1 more (hakobune lock --explain prints why)")


def test_an_unknown_name_has_both_ways_on() -> None:
    (problem,) = problems(dependencies("azureml-defaults"))
    assert "if you mean the index's `azureml-defaults`, put it under `- pip:`" in problem
    assert problem.endswith('in [tool.hakobune.names]: azureml-defaults = "its name"')


@pytest.mark.parametrize(
    ("line", "text", "hashes"),
    [
        (f"a @ git+https://x.y/a@{COMMIT}", f"a@ git+https://x.y/a@{COMMIT}", ()),
        (f"git+https://x.y/a.git@{COMMIT}#egg=a", f"a@ git+https://x.y/a.git@{COMMIT}", ()),
        (f"-e git+ssh://git@x.y/a@{COMMIT}#egg=a", f"a@ git+ssh://git@x.y/a@{COMMIT}", ()),
        ("https://x.y/a-1.0-py3-none-any.whl", "a@ https://x.y/a-1.0-py3-none-any.whl", ()),
        ("https://x.y/A-1.0.tar.gz", "a@ https://x.y/A-1.0.tar.gz", ()),
        (
            f"a @ https://x.y/a-1.0.tar.gz#sha256={'A' * 64} ; python_version > '3'",
            'a@ https://x.y/a-1.0.tar.gz ; python_version > "3"',
            ("a" * 64,),
        ),
    ],
)
def test_an_address_whose_file_is_fixed_is_a_requirement(
    line: str, text: str, hashes: tuple[str, ...]
) -> None:
    (wanted,) = read(dependencies(f"pip: [{json.dumps(line)}]")).requirements
    assert (wanted.name, wanted.hashes) == ("a", hashes)
    assert wanted.text.replace("a @", "a@") == text


def test_lists_of_links_are_pages_and_folders_of_the_project() -> None:
    found = read(dependencies("pip: [--find-links wheels, -f https://x.y/links.html, six]"))
    assert [link for link, _ in found.links] == ["wheels", "https://x.y/links.html"]
