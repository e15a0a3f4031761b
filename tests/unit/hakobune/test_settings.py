from pathlib import Path

import pytest

from hakobune.settings import read_settings


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
    assert secrets.pip_conf == (
        "[global]\nindex-url = https://user:secret@mirror.example/simple\n"
        "extra-index-url = https://more.example/simple\n"
    )
    assert settings.uv_environment()["UV_DEFAULT_INDEX"] == settings.index_url
    assert "secret" not in repr(settings) + repr(secrets)


def test_the_environment_wins_over_pips_configuration(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example/simple\n")
    env = settings_env(tmp_path, PIP_INDEX_URL="https://env.example/simple")
    assert read_settings(env).index_url == "https://env.example/simple"


@pytest.mark.parametrize("text", ["no section", "[global]\n%%\n= =", "\udcff"])
def test_a_broken_pip_configuration_means_nothing_from_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "pip.conf").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_settings(settings_env(tmp_path)).index_url == ""
