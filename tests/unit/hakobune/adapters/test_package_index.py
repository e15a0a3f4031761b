"""Indexes on 127.0.0.1 that answer as they should, or in a way that must be named; with real uv."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from hakobune.adapters import package_index, uv_run
from hakobune.adapters.package_index import keyring_password
from hakobune.adapters.process import SystemRunner
from hakobune.adapters.resolver import Question, solve
from hakobune.errors import HakobuneError, IndexRefusedError
from hakobune.model.secrets import AskedIndex
from tests.index_samples import HTML, Answer, LocalIndex, send, serve, wheel
from tests.samples import FakeRunner, on

pytestmark = pytest.mark.process
QUESTION = Question(requirements=("app",), python="3.13", glibc=41, file="env.yml")
PAGE = b"<html><h1>Welcome</h1><a href='/login'>please log in</a></html>"


@pytest.fixture(scope="module")
def default() -> Iterator[LocalIndex]:
    """The default index: everybody's packages, and a stranger's `core` with a high number."""
    with serve(wheel("app", "1.0", "core"), wheel("core", "9.0"), wheel("idna", "3.0")) as index:
        yield index


def ask(
    *beside: AskedIndex, default: str, user: str = "", cache: Path, question: Question = QUESTION
) -> list[tuple[str, str, str]]:
    """Return name, version and index of what uv answers."""
    last = AskedIndex(name="the default index", address=default, is_default=True)
    env = {
        "UV_DEFAULT_INDEX": default,
        "UV_INDEX": " ".join(index.address for index in beside if not index.packages),
        "UV_CACHE_DIR": str(cache),
        "UV_HTTP_RETRIES": "0",
        **({"UV_INDEX_TEAM_USERNAME": user, "UV_INDEX_TEAM_PASSWORD": "p w"} if user else {}),
    }
    asked = replace(question, indexes=(*beside, last))
    found = solve(SystemRunner(), asked, env=env)
    return [(package.name, package.version, package.index) for package in found]


def test_the_first_index_that_has_a_package_serves_it(default: LocalIndex, tmp_path: Path) -> None:
    with serve(wheel("core", "1.0")) as own:
        beside = AskedIndex(name="own", address=own.address)
        found = ask(beside, default=default.address, cache=tmp_path)
    assert found == [("app", "1.0", ""), ("core", "1.0", "own")]


def test_an_assigned_package_comes_from_its_index_and_that_serves_nothing_else(
    default: LocalIndex, tmp_path: Path
) -> None:
    with serve(wheel("core", "1.0"), wheel("app", "99.0"), login="jo:p w") as own:
        team = AskedIndex(name="team", address=own.address, packages=("core",))
        found = ask(team, default=default.address, user="jo", cache=tmp_path)
        assert set(own.asked) == {"/simple/core/", "/files/core-1.0-py3-none-any.whl"}
    assert found == [("app", "1.0", ""), ("core", "1.0", "team")]


def test_an_assigned_package_that_its_index_lacks_comes_from_no_other(
    default: LocalIndex, tmp_path: Path
) -> None:
    with serve(wheel("other", "1.0")) as own:
        team = AskedIndex(name="team", address=own.address, packages=("core",))
        with pytest.raises(HakobuneError, match="core"):
            ask(team, default=default.address, cache=tmp_path)


def redirect(to: str, handler: BaseHTTPRequestHandler) -> None:
    send(handler, 302, Location=to)


def page(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, PAGE, Content_Type=HTML)


def close(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


HOSTILE: dict[str, tuple[Answer, str]] = {
    "error": (lambda h: send(h, 500), "answers with an error (HTTP 500)"),
    "page": (page, "answers with a page that no index has (text/html)"),
    "nothing": (lambda h: send(h, 200, Content_Type=HTML), "answers with an empty page"),
    "other": (
        lambda h: send(h, 200, b"\x1b[31m{}", Content_Type="application/\x1b[2Jx"),
        "answers with a page that no index has (application/",
    ),
    "loop": (partial(redirect, "/simple/app/"), "redirects without an end"),
    "closed": (close, "does not answer (ConnectionError)"),
    "no login": (lambda h: send(h, 401), "needs a login (HTTP 401)"),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_an_index_that_does_not_answer_as_one_is_named(
    default: LocalIndex, tmp_path: Path, how: str
) -> None:
    answer, expected = HOSTILE[how]
    with serve(answer=answer) as bad:
        beside = AskedIndex(name="h.x", address=bad.address)
        with pytest.raises(HakobuneError) as caught:
            ask(beside, default=default.address, cache=tmp_path)
    assert caught.value.what.startswith(f"env.yml: the package index h.x {expected}")
    assert "\x1b" not in caught.value.what
    assert caught.value.remedy


def test_an_index_that_leads_to_another_host_s_page_names_that_host(
    default: LocalIndex, tmp_path: Path
) -> None:
    with serve(answer=page) as login:
        away = login.address.replace("127.0.0.1", "localhost")
        with serve(answer=partial(redirect, away)) as bad:
            beside = AskedIndex(name="h.x", address=bad.address)
            with pytest.raises(HakobuneError) as caught:
                ask(beside, default=default.address, cache=tmp_path)
    expected = "h.x redirects to localhost, which answers with a page that no index has"
    assert expected in caught.value.what


def test_a_wrong_password_is_refused_and_not_printed(default: LocalIndex, tmp_path: Path) -> None:
    with serve(wheel("core", "1.0"), login="jo:right") as own:
        wrong = own.address.replace("//", "//jo:wr0ng@")
        with pytest.raises(IndexRefusedError, match="own refuses this login") as caught:
            ask(AskedIndex(name="own", address=wrong), default=default.address, cache=tmp_path)
    assert "wr0ng" not in str(caught.value) + caught.value.remedy


@pytest.mark.parametrize("name", ["core", "app"])
def test_where_the_indexes_answer_uv_s_own_words_are_kept(
    default: LocalIndex, tmp_path: Path, name: str
) -> None:
    question = replace(QUESTION, requirements=(f"{name}==77",))
    with serve(wheel("core", "1.0")) as own:
        beside = AskedIndex(name="own", address=own.address)
        with pytest.raises(HakobuneError, match="==77"):
            ask(beside, default=default.address, cache=tmp_path, question=question)


def test_a_version_that_only_a_later_index_has_is_explained_without_uv_s_options(
    default: LocalIndex, tmp_path: Path
) -> None:
    question = replace(QUESTION, requirements=("core==9",))
    with serve(wheel("core", "1.0")) as own:
        beside = AskedIndex(name="own", address=own.address.replace("//", "//jo:wr0ng@"))
        with pytest.raises(HakobuneError) as caught:
            ask(beside, default=default.address, cache=tmp_path, question=question)
    assert "`core` was found on" in caught.value.what
    assert "--index-strategy" not in caught.value.what
    assert "wr0ng" not in caught.value.what
    assert "core comes from the first index that has it" in caught.value.remedy


def test_an_index_that_hangs_is_named_first_and_given_up_then(
    default: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (package_index, uv_run):
        monkeypatch.setattr(module, "GIVE_UP_AFTER_S", 3.0)
    monkeypatch.setattr(package_index, "_PROBE_AFTER_S", 0.2)
    monkeypatch.setattr(package_index, "_SAY_AFTER_S", 1.0)
    ended = threading.Event()
    said: list[str] = []

    def hang(_: BaseHTTPRequestHandler) -> None:
        ended.wait(60)

    with serve(answer=hang) as bad:
        beside = AskedIndex(name="h.x", address=bad.address)
        question = replace(QUESTION, say=said.append)
        try:
            with pytest.raises(HakobuneError) as caught:
                ask(beside, default=default.address, cache=tmp_path, question=question)
        finally:
            ended.set()
    assert said == ["waiting for h.x, which has not answered for 5 s …"]
    assert caught.value.what == "env.yml: the package index h.x does not answer within 3 s"


def test_a_keyring_is_asked_for_the_address_and_then_for_its_host() -> None:
    runner = FakeRunner([on("https://t.e/simple", exit_code=1), on("t.e", stdout="s3cret\n")])
    assert keyring_password(runner, "https://t.e/simple", "jo") == "s3cret"
    assert [call[2:] for call in runner.calls] == [["https://t.e/simple", "jo"], ["t.e", "jo"]]
    for lacking in (on("keyring", exit_code=127), on("keyring", stdout="\n")):
        assert keyring_password(FakeRunner([lacking]), "https://t.e/simple", "jo") == ""
