import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakobune.transform.conda_spec import CondaSpec, name_of, read_conda_spec


@pytest.mark.parametrize(
    ("written", "versions"),
    [
        ("numpy", [""]),
        ("numpy=1.21", ["==1.21.*"]),
        ("numpy=1.21.*", ["==1.21.*"]),
        ("numpy=1.21*", ["==1.21.*"]),
        ("numpy==1.21.6", ["==1.21.6"]),
        ("numpy 1.21", ["==1.21"]),
        ("numpy 1.21.*", ["==1.21.*"]),
        ("numpy =1.21", ["==1.21.*"]),
        ("numpy = 1.21", ["==1.21.*"]),
        ("numpy *", [""]),
        ("numpy=*", [""]),
        ("numpy>=1.21,<2", ["<2,>=1.21"]),
        ("numpy >=1.21, <2", ["<2,>=1.21"]),
        ("numpy >=3.8*", [">=3.8"]),
        ("numpy >=3.8.*", [">=3.8"]),
        ("numpy !=1.5", ["!=1.5"]),
        ("numpy !=1.5.*", ["!=1.5.*"]),
        ("numpy ~=1.5.2", ["~=1.5.2"]),
        ("numpy=1.21|1.22", ["==1.21.*", "==1.22"]),
        ("numpy 1.21|1.22.*", ["==1.21", "==1.22.*"]),
        ("numpy >=1,<2|>3", ["<2,>=1", ">3"]),
        ("numpy (>=1,<2)|3", ["<2,>=1", "==3"]),
        ("numpy >=1,(1.2|1.3)", ["==1.2,>=1", "==1.3,>=1"]),
        ("numpy=1.21=py39h123_0", ["==1.21"]),
        ("numpy 1.21 py39h123_0", ["==1.21"]),
        ("numpy=1.21.*=*_openblas", ["==1.21.*"]),
        ("numpy=*=*_openblas", [""]),
        ("numpy[version='>=1,<2',build=py*]", ["<2,>=1"]),
        ('numpy[version="1.2.*"]', ["==1.2.*"]),
        ("numpy[channel=conda-forge]", [""]),
        ("numpy # the array package", [""]),
        ("numpy=1.0.dev1", ["==1.0.dev1"]),
        ("pytz=2021a", ["==2021a"]),
        ("numpy==1!2.0", ["==1!2.0"]),
        ("numpy !=1!2.0", ["!=1!2.0"]),
    ],
)
def test_a_version_has_conda_s_meaning(written: str, versions: list[str]) -> None:
    found = read_conda_spec(written)
    assert found.name in {"numpy", "pytz"}
    assert [",".join(sorted(one.split(","))) for one in found.versions] == versions


def test_channel_and_build_are_told_apart_from_the_version() -> None:
    assert read_conda_spec("conda-forge/linux-64::numpy=1.2=py39_0") == CondaSpec(
        name="numpy", versions=("==1.2",), build="py39_0", channel="conda-forge/linux-64"
    )


@pytest.mark.parametrize(
    "ending", [".conda", ".tar.bz2", ".tar.bz2#03c97908b976498dcae97eb4e4f3149c"]
)
def test_the_address_of_a_package_s_file_is_that_version(ending: str) -> None:
    written = f"https://conda.anaconda.org/conda-forge/noarch/ruamel.yaml-clib-0.2.8-py_0{ending}"
    assert read_conda_spec(written) == CondaSpec(
        name="ruamel.yaml-clib", versions=("==0.2.8",), build="py_0"
    )
    assert name_of(written) == "ruamel.yaml-clib"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "=1.2",
        "numpy>=new",
        "numpy>=",
        "numpy 1.2|",
        "numpy (1.2",
        "numpy 1.2)",
        "numpy=2.2_63",
        "numpy[version]",
        "numpy[colour=red]",
        "numpy[version=1",
        "a b; c",
        "a;b",
        "numpy=>1",
        "bad channel::numpy",
        "numpy " + "|".join(str(n) for n in range(17)),
        "numpy " + ",".join(["(1|2)"] * 60),
        "numpy " + "(" * 300 + "1",
        "x" * 501,
    ],
)
def test_what_is_no_such_line_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_conda_spec(written)


@given(st.text(alphabet="numpy=<>!~|,()[]*.'\" 0123456789#:", max_size=60))
def test_any_text_is_read_or_refused(written: str) -> None:
    try:
        found = read_conda_spec(written)
    except ValueError:
        return
    assert found.name
    assert found.versions
