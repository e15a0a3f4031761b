import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakobune.errors import NameInvalidError
from hakobune.transform.names import safe_name, valid_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Project (v2)", "My-Project-v2"),
        ("café", "cafe"),
        ("箱舟", "run"),
        ("a:b", "a-b"),
        ("..", "run"),
        ("x" * 39 + "-y", "x" * 39),
    ],
)
def test_a_safe_name_keeps_what_can_be_read(text: str, name: str) -> None:
    assert safe_name(text) == name


@given(st.text())
def test_a_safe_name_is_one_for_docker_azure_and_folders(text: str) -> None:
    name = safe_name(text)
    assert valid_name("job", name) == name
    assert name.isascii()
    assert len(name) <= 40


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("job", "arima-env-20261125-023443-3650"),
        ("job", "a" * 255),
        ("experiment", "My_experiment-1"),
        ("environment", "arima-env"),
        ("model", "arima.model-1"),
        ("compute", "cpu-cluster"),
        ("registry", "name.azurecr.io"),
        ("registry", "127.0.0.1:5000"),
        ("registry", "registry.example/team/images"),
        ("repository", "arima-env"),
        ("variable", "OMP_NUM_THREADS"),
        ("tag", "git.commit"),
    ],
)
def test_a_usable_name_is_returned(kind: str, name: str) -> None:
    assert valid_name(kind, name) == name


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("job", ""),
        ("job", "a" * 256),
        ("job", "späß"),
        ("job", "-x"),
        ("job", "x\n"),
        ("experiment", "a b"),
        ("environment", "a.b"),
        ("model", "a/b"),
        ("compute", "x" * 33),
        ("compute", "1abc"),
        ("compute", "abc-"),
        ("registry", "https://name.azurecr.io"),
        ("registry", "name.azurecr.io/"),
        ("registry", "user:secret@name.azurecr.io"),
        ("repository", "Upper"),
        ("repository", "a b"),
        ("variable", "A-B"),
        ("tag", "a b"),
    ],
)
def test_a_bad_name_says_what_is_usable(kind: str, name: str) -> None:
    with pytest.raises(NameInvalidError) as caught:
        valid_name(kind, name)
    assert caught.value.what.startswith(f"{kind} ")
    assert caught.value.remedy.startswith("use ")


def test_a_name_that_is_too_long_is_shown_short() -> None:
    with pytest.raises(NameInvalidError) as caught:
        valid_name("job", "a" * 3000)
    assert "(3000 characters)" in caught.value.what
    assert len(caught.value.what) < 120
