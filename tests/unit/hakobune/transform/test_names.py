import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakobune.errors import NameInvalidError
from hakobune.transform.names import (
    environment_name,
    lasting_tag,
    readable_tag,
    safe_name,
    valid_name,
)


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


# What folders, files and conda files are called: also what a shell, YAML and CSV read otherwise.
ODD = st.one_of(
    st.text(max_size=255),
    st.text(st.sampled_from("aZ9 ._-:,;'\"`$(){}@/\\\n\t箱舟é한ß\u202e\ud800"), max_size=255),
    st.sampled_from(["azureml", "AzureML x", "Microsoft", "scratch", "..", "x" * 255, "箱" * 255]),
)


@given(ODD)
def test_a_safe_name_is_one_for_docker_azure_and_folders(text: str) -> None:
    name = safe_name(text)
    assert valid_name("job", name) == name
    assert name.isascii()
    assert len(name) <= 40


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arima-env", "arima-env"),
        ("my_env", "my_env"),
        ("My_Env", "my-env"),
        ("fc.dots-1.9", "fc-dots-1-9"),
        ("My Project (v2)", "my-project-v2"),
        ("café", "cafe"),
        ("a__b--c", "a-b-c"),
        ("AzureML-x", "env-azureml-x"),
        ("scratch", "env-scratch"),
        ("scratch2", "scratch2"),
    ],
)
def test_an_environment_s_name_keeps_what_can_be_read(text: str, name: str) -> None:
    assert environment_name(text) == name


@given(ODD)
def test_an_environment_s_name_is_one_for_docker_registries_and_azure(text: str) -> None:
    name = environment_name(text)
    assert re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", name)
    assert len(name) <= 60
    for kind in ("environment", "experiment", "repository", "job"):
        assert valid_name(kind, name) == name
    assert not re.match(r"azureml|microsoft|scratch\Z", name)
    assert environment_name(name) == name, "what was mapped stays as it is"
    # https://github.com/distribution/reference: the tag's form.
    for tag in (readable_tag(name), lasting_tag(name, "sha256:" + "0a" * 32)):
        assert re.fullmatch(r"[\w][\w.-]{0,127}", tag.partition(":")[2], re.ASCII)


@pytest.mark.parametrize(
    ("one", "other"), [("箱舟", "方舟"), ("箱-a", "舟-a"), ("x" * 255, "x" * 254), ("...", "!!!")]
)
def test_names_that_lose_letters_stay_apart(one: str, other: str) -> None:
    assert environment_name(one) != environment_name(other)


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
