"""Any text in any field that comes from outside is refused by an error of ours, or is harmless."""

import contextlib
import copy
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hakobune.adapters import blob_store
from hakobune.adapters.azure_answers import compute_of, job_of
from hakobune.console import Console, show, show_error, show_link, show_table
from hakobune.errors import (
    AnswerInvalidError,
    ConfigurationInvalidError,
    DestinationIncompleteError,
    EnvironmentFileInvalidError,
    HakobuneError,
    LockDamagedError,
    ReceiptDamagedError,
    RecordDamagedError,
    RecordFromFutureError,
    RunMissingError,
)
from hakobune.model.forms import FORMS, escaped, is_of, is_printable
from hakobune.model.json_text import parse_json
from hakobune.model.link import Link
from hakobune.settings import read_destination
from hakobune.stages.fetch import fetch
from hakobune.stages.project import conda_names
from hakobune.stages.verify import walk
from hakobune.transform.job_note import read_note
from hakobune.transform.read_lock import read_lock
from hakobune.transform.read_project import read_project
from hakobune.transform.read_record import read_record
from hakobune.transform.read_run import read_manifest, read_metrics
from hakobune.transform.read_spec import read_spec
from hakobune.transform.receipt import read_receipt
from hakobune.transform.seal import seal
from hakobune.transform.write_record import sealed
from tests.cloud_samples import FakeCloud, make_job, run_files
from tests.run_samples import Made, make_run
from tests.samples import FakeReporter, make_project

NASTY = (
    *("", ".", "..", "/", "../..", "/etc/passwd", "-x", "--output=/tmp/x", "--", "a/../../b", "~"),
    *("$(id)", "`id`", "${HOME}", "${{inputs.x}}", "a;b", "a|b", "a\nok  signed", "a\r\n"),
    *("\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "\u202e", "\u2066a", "\u2028", "\x00", "\x7f"),
    *("\\", "a\\..\\b", "\ud800", "\udce9", "e\u0301", "\ufeff", "x" * 300, "/" * 50),
    *("HEAD", "main", "sha256:", "C" * 40, "a" * 39, "a" * 64, "sha256:" + "a" * 64, "a@b:c/d"),
)
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(), max_size=30),
    st.tuples(st.sampled_from(NASTY), st.text(max_size=5)).map("".join),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
SLOW = {HealthCheck.function_scoped_fixture, HealthCheck.too_slow}


class Held:
    """Holds a good run; hypothesis shows arguments, and a run's representation is long."""

    def __init__(self, made: Made) -> None:
        self.made = made


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    made = make_run(tmp_path_factory.mktemp("border"))
    values = json.loads((made.folder / "record.json").read_bytes())
    job = {
        "name": "demo-run",
        "environment": "demo:1",
        "image": f"r.example/demo@{made.image.id}",
        "tags": {"git.dirty": "false", "note": "mine"},
    }
    values["outside"].update(job=job, found_by="job")
    values.update(versions={"python": "3.13"}, processor={"model": "x"}, numerics={"A": "1"})
    (made.folder / "record.json").write_bytes(sealed(values))
    return Held(made)


def places(value: Any, *way: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value of a document."""
    if way:
        yield way
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, *way, key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, *way, number)


def changed(values: Any, way: Sequence[Any], new: Any, *, is_key: bool) -> Any:
    """Return the document with another value, or another key, at this place."""
    found = copy.deepcopy(values)
    inner = found
    for key in way[:-1]:
        inner = inner[key]
    if is_key and isinstance(inner, dict) and isinstance(new, str):
        inner[new] = inner.pop(way[-1])
    else:
        inner[way[-1]] = new
    return found


def texts_of(value: object) -> Iterator[str]:
    """Yield each text of a value of ours."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from texts_of(pair)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from texts_of(inner)


def assert_told(error: HakobuneError) -> None:
    """Expect an error whose text a terminal may show as it is, but for lines of ours."""
    told = escaped(str(error), keep="\n") + escaped(error.remedy, keep="\n")
    assert all(is_printable(letter) or letter == "\n" for letter in told)
    assert "ok  signed" not in [line.strip() for line in str(error).splitlines()]


@settings(max_examples=250, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_a_record_with_any_value_anywhere_is_refused_or_holds_harmless_text(
    held: Held, data: st.DataObject
) -> None:
    values = json.loads((held.made.folder / "record.json").read_bytes())
    way = data.draw(st.sampled_from(list(places(values))))
    new = data.draw(st.one_of(TEXTS, JSON))
    try:
        content = sealed(changed(values, way, new, is_key=data.draw(st.booleans())))
    except ValueError:  # NaN and infinity are no JSON
        return
    try:
        record = read_record(content, place="record.json")
    except (RecordDamagedError, RecordFromFutureError) as exc:
        assert_told(exc)
        return
    assert all(is_of("argument", text) for text in record.arguments)
    used: list[object] = [record.run_id, record.image]
    used += [asdict(item) for item in record.inputs] + [asdict(item) for item in record.manifest]
    used += [] if record.outside is None else [asdict(record.outside)]
    for text in texts_of(used):
        assert is_of("tag", text), text
    for entry in record.manifest:
        path = PurePosixPath(entry.name)
        assert not path.is_absolute()
        assert ".." not in path.parts


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_no_text_of_a_record_is_an_option_or_a_second_line(
    held: Held, data: st.DataObject, capsys: pytest.CaptureFixture[str]
) -> None:
    made = held.made
    path = made.folder / "record.json"
    good = path.read_bytes()
    values = json.loads(good)
    way = data.draw(st.sampled_from([w for w in places(values) if w[0] == "outside"]))
    new = data.draw(TEXTS)
    made.runner.calls.clear()
    try:
        path.write_bytes(sealed(changed(values, way, new, is_key=False)))
        for link in walk(made.project, made.folder, made.runner):
            show_link(link)
    except HakobuneError as exc:
        assert_told(exc)
    finally:
        path.write_bytes(good)
    for line in capsys.readouterr().out.splitlines():
        assert line.startswith(("ok  ", "--  "))
        assert all(map(is_printable, line))
    known = {"--literal-pathspecs", "-C", "--format=tar", "--end-of-options"}
    known |= {"--verify", "--quiet", "--format", "--"}
    for call in made.runner.calls:
        assert not {word for word in call if word.startswith("-")} - known, call


@settings(max_examples=100, deadline=None)
@given(
    fields=st.fixed_dictionaries({"name": TEXTS, "status": TEXTS, "studio_url": TEXTS}),
    tags=st.one_of(st.none(), JSON, st.dictionaries(TEXTS, TEXTS, max_size=3)),
    outputs=st.one_of(st.none(), JSON, st.dictionaries(TEXTS, TEXTS, max_size=2)),
    environment=st.one_of(TEXTS, JSON),
    command=TEXTS,
)
def test_a_job_with_any_answer_is_refused_or_holds_harmless_text(
    fields: dict[str, Any], tags: Any, outputs: Any, environment: Any, command: str
) -> None:
    if isinstance(outputs, dict):
        outputs = {name: SimpleNamespace(path=path) for name, path in outputs.items()}
    answer = SimpleNamespace(
        **fields, tags=tags, outputs=outputs, environment=environment, command=command
    )
    try:
        job = job_of(answer)
    except AnswerInvalidError as exc:
        assert_told(exc)
        return
    assert is_of("job name", job.name)
    assert is_of("job status", job.status)
    assert job.environment == "" or is_of("environment", job.environment)
    for text in texts_of((job.tags, job.outputs, job.page)):
        assert is_of("tag", text)


@settings(max_examples=100, deadline=None)
@given(
    answer=st.fixed_dictionaries(
        {
            name: st.one_of(TEXTS, JSON)
            for name in ("name", "type", "provisioning_state", "size", "max_instances", "tier")
        }
    )
)
def test_a_compute_with_any_answer_is_refused_or_holds_harmless_text(
    answer: dict[str, Any],
) -> None:
    try:
        found = compute_of(SimpleNamespace(**answer, provisioning_errors=None))
    except AnswerInvalidError as exc:
        assert_told(exc)
        return
    for text in (found.name, found.kind, found.state, found.size):
        assert is_of("line", text)


BLOBS = st.lists(
    st.tuples(
        TEXTS,
        st.one_of(st.integers(-1, 1 << 62), st.none(), st.booleans(), TEXTS),
        TEXTS,
        st.one_of(st.none(), st.dictionaries(TEXTS, TEXTS, max_size=2)),
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(blobs=BLOBS)
def test_a_listing_with_any_blobs_is_refused_or_has_sizes_and_marks(
    blobs: list[tuple[str, Any, str, Any]],
) -> None:
    listing = [
        SimpleNamespace(name=f"p/{name}", size=size, etag=etag, metadata=metadata)
        for name, size, etag, metadata in blobs
    ]
    container = SimpleNamespace(list_blobs=lambda **_: iter(listing))
    try:
        found = blob_store.list_files(container, "p")
    except AnswerInvalidError as exc:
        assert_told(exc)
        return
    for file in found:
        assert type(file.size_bytes) is int
        assert is_of("version mark", file.mark)
        assert is_of("file name", blob_store.part_name(file))


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(names=st.lists(TEXTS, max_size=3))
def test_a_fetch_writes_below_its_own_folder_alone(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    root = tmp_path_factory.mktemp("fetch")
    cloud = FakeCloud(jobs={"demo-1": make_job("Completed")})
    cloud.outputs = {**run_files(), **dict.fromkeys(names, b"x")}
    try:
        fetch(make_project(root), cloud, "demo-1", FakeReporter())
    except HakobuneError as exc:
        assert_told(exc)
    assert [path.name for path in root.iterdir()] in ([], ["runs"])
    runs = {path.name for path in (root / "runs").glob("*")}
    assert runs <= {"demo-1", ".demo-1.fetching"}


@pytest.mark.parametrize("name", [text for text in NASTY if not is_of("job name", text)])
def test_a_job_s_name_is_one_before_it_is_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(HakobuneError) as caught:
        fetch(make_project(tmp_path), FakeCloud(), name, FakeReporter())
    assert caught.value.name() == "name-invalid"


@settings(max_examples=80, deadline=None, suppress_health_check=SLOW)
@given(found=st.one_of(JSON, st.dictionaries(TEXTS, TEXTS)), scope=st.one_of(TEXTS, JSON))
def test_a_config_file_with_anything_is_refused_or_holds_names(
    tmp_path: Path, found: Any, scope: Any
) -> None:
    for values in (found, {"subscription_id": scope}, {"workspace_name": scope}, {"Scope": scope}):
        (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
        try:
            to = read_destination({}, tmp_path, {})
        except DestinationIncompleteError as exc:
            assert_told(exc)
            continue
        for kind, name in (("subscription", to.subscription), ("workspace", to.workspace)):
            assert name == "" or is_of(kind, name)
        assert to.resource_group == "" or is_of("resource group", to.resource_group)


@settings(max_examples=200, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=60), JSON.map(lambda found: json.dumps(found).encode()))
)
def test_bytes_of_any_kind_are_read_or_refused(content: bytes) -> None:
    readers = (
        lambda: read_record(content, place="p"),
        lambda: read_receipt(content, place="p"),
        lambda: read_manifest(content, place="p"),
        lambda: read_metrics(content, place="p"),
        lambda: read_lock(seal(content.decode(errors="replace")), file="p"),
        lambda: read_note(content),
    )
    for read in readers:
        try:
            read()
        except HakobuneError as exc:
            assert_told(exc)


@settings(max_examples=200, deadline=None)
@given(
    found=st.fixed_dictionaries(
        {name: st.one_of(TEXTS, JSON) for name in ("image", "checks", "references")}
    )
)
def test_a_receipt_with_anything_is_refused_or_holds_paths_inside(found: dict[str, Any]) -> None:
    try:
        receipt = read_receipt(sealed({"schema_version": 1, **found}), place="p")
    except (ReceiptDamagedError, ValueError):
        return
    assert is_of("digest", receipt.image)
    assert all(is_of("file name", text) for text in receipt.references)


@settings(max_examples=200, deadline=None)
@given(
    found=st.fixed_dictionaries(
        {
            "name": st.one_of(TEXTS, JSON),
            "plan_sha256": st.just("a" * 64),
            "planned": st.one_of(TEXTS, st.just("2026-11-25T01:02:03Z")),
            "is_submitted": st.one_of(st.booleans(), JSON),
            "inputs": JSON,
        }
    )
)
def test_a_note_with_anything_is_none_or_holds_a_job_s_name(found: dict[str, Any]) -> None:
    note = read_note(json.dumps({"schema_version": 1, **found}).encode())
    assert note is None or is_of("job name", note.name)


@given(text=TEXTS)
def test_the_console_shows_any_text_on_one_line(
    text: str,
) -> None:
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        show_link(Link(name="file", what=text, digest=text))
        show_table([(text, "x"), ("y", text)])
        Console().done("stage", text, digest=text)
    assert len(out.getvalue().split("\n")) == 4
    assert len(err.getvalue().split("\n")) == 2
    with (
        contextlib.redirect_stdout(io.StringIO()) as many,
        contextlib.redirect_stderr(io.StringIO()) as also,
    ):
        show(text)
        show_error(RunMissingError(text, remedy=text))
        Console().say(text)
    for shown in (out, err, many, also):
        assert all(is_printable(letter) or letter == "\n" for letter in shown.getvalue())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("箱舟\u3000café 🚢\u200d", "箱舟\u3000café 🚢\u200d"),
        ("a\tb\nc\rd", "a\\tb\\nc\\rd"),
        ("\x1b[2J\x07\x7f\x9b", "\\x1b[2J\\x07\\x7f\\x9b"),
        ("\u202eevil\u2066\u061c\u200e", "\\u202eevil\\u2066\\u061c\\u200e"),
        ("\u2028\u2029\ud800\ufeff\u00ad\ue000", "\\u2028\\u2029\\ud800\\ufeff\\xad\\ue000"),
    ],
)
def test_what_has_an_effect_is_escaped_and_writing_is_not(text: str, shown: str) -> None:
    assert escaped(text) == shown


BAD_JSON = {
    "infinite": b'{"a": 1e400}',
    "minus infinite": b"[-1e400]",
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "equal keys": b'{"a": 1, "a": 2}',
    "lone surrogate": b'["\\ud800"]',
    "lone surrogate in a key": b'{"\\udc00": 1}',
    "bytes of a surrogate": b'["\xed\xa0\x80"]',
    "UTF-16": "[1]".encode("utf-16"),
    "a mark": b"\xef\xbb\xbf[1]",
    "deep": b"[" * 65 + b"]" * 65,
    "very deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "a long number": b"[" + b"9" * 5000 + b"]",
    "a long fraction": b"[0." + b"9" * 5000 + b"]",
    "many values": b"[" + b"1," * 300_000 + b"1]",
    "long": b'["' + b"a" * (5 << 20) + b'"]',
    "two documents": b"{}{}",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", BAD_JSON)
def test_json_that_two_programs_read_differently_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(BAD_JSON[kind])
    with pytest.raises(RecordDamagedError):
        read_record(BAD_JSON[kind], place="record.json")


def test_json_of_ours_is_read_as_it_is() -> None:
    values = {"a": [1, -2.5e-3, None, True, "箱\U0001f6a2", {"b": {}}], "c": 2**63}
    assert parse_json(json.dumps(values).encode()) == values
    assert parse_json(json.dumps(values, ensure_ascii=False).encode()) == values


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "9" * 5000,
        "schema_version = inf",
        "[a" + ".a" * 5000 + "]",
        'a = "\\ud800"',
        "a" + ".a" * 200_000 + " = 1",
        "a = " + "'" * 2_000_000,
    ],
)
def test_a_lock_that_python_cannot_read_is_damaged(text: str) -> None:
    with pytest.raises(LockDamagedError):
        read_lock(seal(f"# lock\n{text}\n"), file="a.lock")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "- " * 100_000,
        'dependencies:\n  - pip:\n    - "a; ' + "(" * 1900 + '"',
        "dependencies:\n  - " + "a" * 100_000,
        "dependencies:\n  - pip:\n    - " + "a" * 100_000,
        "#" * 300_000,
        'name: "a\\nok  signed"',
    ],
)
def test_a_conda_file_that_python_cannot_read_is_invalid(text: str) -> None:
    names = conda_names(())
    with pytest.raises(EnvironmentFileInvalidError) as caught:
        read_spec(text.encode(), file="a.yml", names=names)
    assert_told(caught.value)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "tool = 1"])
def test_a_project_file_that_python_cannot_read_is_invalid(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationInvalidError):
        read_project(text, root=tmp_path)


def test_no_form_takes_what_a_terminal_a_path_or_an_option_must_not_get() -> None:
    for kind in FORMS:
        for text in ("\x00", "\ud800"):
            assert not is_of(kind, f"a{text}b"), kind
        if kind == "argument":
            continue
        for text in ("\n", "\x1b", "\x9b", "\u202e", "\u2028", "\x7f"):
            assert not is_of(kind, f"a{text}b"), kind
            assert not is_of(kind, f"a{text}"), kind
    for kind in set(FORMS) - {"argument", "place", "line", "tag", "file name", "version mark"}:
        assert not is_of(kind, "--x"), kind
        assert not is_of(kind, ".."), kind
        assert not is_of(kind, "a/../b"), kind
