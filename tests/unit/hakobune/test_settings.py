import os
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import (
    CloudUnknownError,
    DestinationIncompleteError,
)
from hakobune.model.spec import Index
from hakobune.settings import find_login, read_destination, read_settings


def settings_env(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "PIP_CONFIG_FILE": str(home / "pip.conf"), **more}


def test_the_named_bundle_wins_over_every_other(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    ours.touch()
    theirs.touch()
    env = settings_env(tmp_path, HAKOBUNE_CA_BUNDLE=str(ours), SSL_CERT_FILE=str(theirs))
    assert read_settings(env).ca_bundle == ours


def test_a_bundle_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.pem"
    theirs.touch()
    env = settings_env(tmp_path, HAKOBUNE_CA_BUNDLE="/nowhere.pem", PIP_CERT=str(theirs))
    assert read_settings(env).ca_bundle == theirs


def test_indexes_come_from_pips_configuration(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://user:secret@mirror.example/simple\n"
        "extra-index-url =\n    https://more.example/simple\n    file:///opt/wheels\n"
    )
    settings = read_settings(settings_env(tmp_path))
    assert settings.index_url == "https://user:secret@mirror.example/simple"
    assert settings.extra_index_urls == ("https://more.example/simple",)
    secrets = settings.build_secrets()
    assert secrets.pip_conf == "[global]\nindex-url = https://user:secret@mirror.example/simple\n"
    assert secrets.extra_index_url == "https://more.example/simple"
    assert settings.uv_environment()["UV_DEFAULT_INDEX"] == settings.index_url
    assert "secret" not in repr(settings) + repr(secrets)


def test_the_environment_wins_over_pips_configuration(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example/simple\n")
    env = settings_env(tmp_path, PIP_INDEX_URL="https://env.example/simple")
    assert read_settings(env).index_url == "https://env.example/simple"


def test_indexes_are_asked_in_the_order_project_conda_file_environment_pip(tmp_path: Path) -> None:
    env = settings_env(
        tmp_path,
        HAKOBUNE_EXTRA_INDEX_URL="https://u:own-secret@own.example/t0ken/simple",
        PIP_EXTRA_INDEX_URL="https://pip.example/simple https://conda.example/a/simple",
        PIP_INDEX_URL="https://mirror.example/simple",
    )
    named = (
        Index(name="team", address="https://team.example/simple", packages=("core",)),
        Index(address="https://conda.example/a/simple"),
    )
    asked = read_settings(env).asked_indexes(named)
    assert [index.name for index in asked] == [
        *("team", "conda.example/a", "own.example", "pip.example", "the default index"),
    ]
    assert [index.is_default for index in asked] == [False] * 4 + [True]
    same = replace(named[0], address="https://pip.example/simple")
    again = read_settings(env).asked_indexes((same,))
    assert [index.name for index in again[:1]] == ["team"]
    assert "pip.example" in [index.name for index in again[1:]]
    assert asked[2].bare == "https://own.example/t0ken/simple"
    assert "secret" not in repr(asked)
    uv = read_settings(env).uv_environment(named)
    assert uv["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert uv["UV_INDEX"].split() == [index.address for index in asked[1:-1]]


@pytest.mark.parametrize("where", ["netrc", "NETRC", "keyring"])
def test_a_login_comes_from_netrc_or_a_keyring(tmp_path: Path, where: str) -> None:
    path = tmp_path / (".netrc" if where == "netrc" else "logins")
    if where != "keyring":
        path.write_text("machine team.example login jo@x password s:e/c\n", encoding="utf-8")
        path.chmod(0o600)
    asked: list[tuple[str, str]] = []

    def keyring(address: str, user: str) -> str:
        asked.append((address, user))
        return "s:e/c" if where == "keyring" else ""

    user = "jo%40x@" if where == "keyring" else ""
    named = (Index(name="team", address="https://team.example/simple", packages=("core",)),)
    env = settings_env(tmp_path, PIP_INDEX_URL=f"https://{user}team.example/all/simple")
    env |= {"NETRC": str(path)} if where == "NETRC" else {}
    settings = read_settings(env, keyring)
    assert settings.uv_environment()["UV_DEFAULT_INDEX"] == (
        "https://jo%40x:s%3Ae%2Fc@team.example/all/simple"
    )
    assert "jo%40x:s%3Ae%2Fc@" in settings.build_secrets().pip_conf
    if where == "keyring":
        assert asked == [("https://team.example/all/simple", "jo@x")] * 2
        return
    uv = settings.uv_environment(named)
    assert (uv["UV_INDEX_TEAM_USERNAME"], uv["UV_INDEX_TEAM_PASSWORD"]) == ("jo@x", "s:e/c")
    assert "UV_INDEX" not in uv
    assert asked == []


def test_a_broken_netrc_and_another_user_s_line_mean_no_login(tmp_path: Path) -> None:
    env = settings_env(tmp_path, PIP_INDEX_URL="https://jo@team.example/simple")
    for text in ("machine", "machine team.example login an password x\n"):
        (tmp_path / ".netrc").write_text(text, encoding="utf-8")
        assert read_settings(env).uv_environment()["UV_DEFAULT_INDEX"] == env["PIP_INDEX_URL"]


# Longer than what is decoded at once: its first lines are read before the last one fails.
HALF_READ = "[global]\nindex-url = https://x.example/simple\n" + "# x\n" * 10_000 + "\udcff"


@pytest.mark.parametrize("text", ["no section", "[global]\n%%\n= =", "\udcff", HALF_READ])
def test_a_broken_pip_configuration_means_nothing_from_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "pip.conf").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_settings(settings_env(tmp_path)).index_url == ""


NAMES = {"subscription": "s", "resource_group": "r", "workspace": "w", "registry": "g"}
CONFIG = '{"subscription_id": "cs", "resource_group": "cr", "workspace_name": "cw"}'


def destination(folder: Path, given: dict[str, str], **env: str) -> tuple[str, str, str, str]:
    found = read_destination(given, folder, env)
    return (found.subscription, found.resource_group, found.workspace, found.registry)


def test_where_to_is_what_was_given_then_the_environment_then_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(CONFIG, encoding="utf-8")
    assert destination(tmp_path, NAMES) == ("s", "r", "w", "g")
    assert destination(tmp_path, {}) == ("cs", "cr", "cw", "")
    env = {"HAKOBUNE_WORKSPACE": "hw", "AZUREML_WORKSPACE_NAME": "aw", "AZURE_RESOURCE_GROUP": "ar"}
    assert destination(tmp_path, {"subscription": "s"}, **env) == ("s", "ar", "hw", "")
    assert read_destination({}, tmp_path, {"HAKOBUNE_COMPUTE": "big"}).compute == "big"


def test_the_file_is_found_where_the_sdk_finds_it(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert destination(inner, {}) == ("", "", "", "")
    (tmp_path / "config.json").write_text(CONFIG, encoding="utf-8")
    assert destination(inner, {})[2] == "cw"
    # The SDK looks for a whole place upwards before it looks for the next one.
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "config.json").write_text(
        CONFIG.replace("cw", "inner"), encoding="utf-8"
    )
    (inner / "config.json").write_text(CONFIG.replace("cw", "near"), encoding="utf-8")
    assert destination(inner, {})[2] == "inner"


def test_a_file_may_hold_a_scope(tmp_path: Path) -> None:
    scope = "/subscriptions/S/resourceGroups/R/providers/P/workspaces/W/x"
    (tmp_path / "config.json").write_text(f'{{"Scope": "{scope}"}}', encoding="utf-8")
    assert destination(tmp_path, {})[:3] == ("S", "R", "W")


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"Scope": "/a/b"}', '{"Scope": 1}', '{"subscription_id": null}'),
        *(
            '{"workspace_name": "../x"}',
            '{"resource_group": "a\\n"}',
            '{"workspace_name": "\\ud800"}',
        ),
        *('{"workspace_name": "a", "workspace_name": "b"}', "[" * 100_000, " " * 100_000 + "{}"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(DestinationIncompleteError, match=r"config\.json"):
        destination(tmp_path, {})


def test_a_private_cloud_must_be_named_whole(tmp_path: Path) -> None:
    with pytest.raises(DestinationIncompleteError, match="AZUREML_CURRENT_CLOUD"):
        destination(tmp_path, NAMES, ARM_CLOUD_METADATA_URL="https://127.0.0.1")
    both = {"ARM_CLOUD_METADATA_URL": "https://127.0.0.1", "AZUREML_CURRENT_CLOUD": "Mine"}
    assert read_destination(NAMES, tmp_path, both).is_private_cloud
    assert not read_destination(NAMES, tmp_path, {}).is_private_cloud


PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
REHEARSAL = {
    "HAKOBUNE_REHEARSAL": "1",
    "AZUREML_CURRENT_CLOUD": "DrydockCloud",
    "ARM_CLOUD_METADATA_URL": "https://127.0.0.1:4430/metadata/endpoints?api-version=2019-05-01",
    "AZURE_AUTHORITY_HOST": "https://127.0.0.1:4430",
    "REQUESTS_CA_BUNDLE": "/state/tls/ca.pem",
    "HAKOBUNE_REGISTRY": "127.0.0.1:5000",
    **dict.fromkeys(PROXIES, "http://127.0.0.1:8080"),
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "AZURE_TENANT_ID": "t",
    "AZURE_CLIENT_ID": "c",
    "AZURE_CLIENT_SECRET": "s",
}


def test_a_rehearsal_is_one_drydock_and_its_registry(tmp_path: Path) -> None:
    found = read_destination({}, tmp_path, REHEARSAL)
    assert found.rehearsal is not None
    assert found.rehearsal.address == "https://127.0.0.1:4430"
    assert found.registry == found.rehearsal.registry == "127.0.0.1:5000"
    assert "127.0.0.1:8080" not in repr(found)  # a proxy's address may hold a password
    for off in ("", "0"):
        without = {**REHEARSAL, "HAKOBUNE_REHEARSAL": off}
        assert read_destination({}, tmp_path, without).rehearsal is None


@pytest.mark.parametrize("name", sorted(set(REHEARSAL) - {"HAKOBUNE_REHEARSAL"}))
@pytest.mark.parametrize("value", [None, ""])
def test_a_rehearsal_with_a_variable_missing_is_refused_and_names_it(
    tmp_path: Path, name: str, value: str | None
) -> None:
    env = {key: text for key, text in REHEARSAL.items() if key != name}
    if value is not None:
        env[name] = value
    with pytest.raises(CloudUnknownError, match=rf"\b{name}\b") as caught:
        read_destination(NAMES, tmp_path, env)
    assert "python -m drydock start" in caught.value.remedy


@pytest.mark.parametrize(
    "address",
    [
        "https://management.azure.com/metadata/endpoints?api-version=2019-05-01",
        "https://127.0.0.1.evil.example:443/metadata/endpoints",
        "https://127.0.0.1:443@evil.example/metadata/endpoints",
        "http://127.0.0.1:4430/metadata/endpoints",
        "https://127.0.0.1:4430/metadata/endpoints\n",
        "https://127.0.0.1:4430/elsewhere",
    ],
)
def test_a_rehearsal_leads_to_this_machine_alone(tmp_path: Path, address: str) -> None:
    with pytest.raises(CloudUnknownError, match="ARM_CLOUD_METADATA_URL"):
        read_destination({}, tmp_path, {**REHEARSAL, "ARM_CLOUD_METADATA_URL": address})


@pytest.mark.parametrize(
    "registry", ["mine.azurecr.io", "127.0.0.1:5001", "127.0.0.1:5000.evil.example", "localhost"]
)
def test_a_rehearsal_pushes_to_no_other_registry(tmp_path: Path, registry: str) -> None:
    with pytest.raises(CloudUnknownError, match=r"127\.0\.0\.1:5000 only"):
        read_destination({"registry": registry}, tmp_path, REHEARSAL)


@pytest.mark.parametrize("text", ["true", "false", "yes", "2", " 1"])
def test_whether_it_is_a_rehearsal_is_not_guessed(tmp_path: Path, text: str) -> None:
    with pytest.raises(CloudUnknownError, match="neither 1 nor 0"):
        read_destination(NAMES, tmp_path, {"HAKOBUNE_REHEARSAL": text})


@pytest.mark.parametrize(
    ("text", "is_passed"),
    [
        ('{"proxies": {"default": {"httpsProxy": "http://proxy:3128"}}}', True),
        ('{"proxies": {}}', False),
        ("{}", False),
        ("[]", False),
        ("{", False),
    ],
)
def test_proxies_are_named_and_not_shown(
    tmp_path: Path,
    text: str,
    is_passed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(text, encoding="utf-8")
    env = {"HOME": str(tmp_path), "HTTPS_PROXY": "http://u:secret@proxy", "http_proxy": ""}
    found = read_settings(env)
    assert found.proxies == ("HTTPS_PROXY",)
    assert found.has_docker_proxies == is_passed
    assert read_settings({**env, "DOCKER_CONFIG": "/nonexistent"}).has_docker_proxies is False


def test_a_file_of_another_user_above_the_project_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "config.json").write_text(CONFIG, encoding="utf-8")
    (project / ".azureml").mkdir()
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    if own:  # root's files are taken
        with pytest.raises(DestinationIncompleteError, match="another user"):
            destination(project, {})
    (project / ".azureml/config.json").write_text(CONFIG, encoding="utf-8")
    assert destination(project, {})[2] == "cw"


PRINCIPAL = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}


@pytest.mark.parametrize(
    ("environ", "profile", "found"),
    [
        ({}, None, ""),
        ({}, b'{"subscriptions": []}', ""),
        ({}, b'{"subscriptions": [{}]}', "az login was done on this machine"),
        ({}, b'\xef\xbb\xbf{"subscriptions": [{}]}', "az login was done on this machine"),
        ({}, b"[" * 9999, ""),
        ({}, b"\xff", ""),
        (PRINCIPAL, None, ""),
        (
            {**PRINCIPAL, "AZURE_CLIENT_SECRET": "hidden"},
            None,
            "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are set",
        ),
        (
            {**PRINCIPAL, "AZURE_FEDERATED_TOKEN_FILE": "f"},
            None,
            "AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE are set",
        ),
        ({"IDENTITY_ENDPOINT": "http://x"}, None, "this machine has a managed identity"),
    ],
)
def test_a_login_to_azure_is_found_without_a_network(
    tmp_path: Path, environ: dict[str, str], profile: bytes | None, found: str
) -> None:
    folder = tmp_path / ".azure"
    folder.mkdir()
    if profile is not None:
        (folder / "azureProfile.json").write_bytes(profile)
    assert find_login({"HOME": str(tmp_path), **environ}) == found
    if profile is not None:
        assert find_login({"AZURE_CONFIG_DIR": str(folder), **environ}) == found
