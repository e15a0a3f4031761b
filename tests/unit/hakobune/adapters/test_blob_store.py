import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hakobune.adapters import blob_store
from hakobune.adapters.patience import TransientError
from hakobune.errors import AnswerInvalidError, OutputDamagedError
from hakobune.model.job import RemoteFile

CONTENT = bytes(range(200)) * 10


class Container:
    """Holds one blob, and cuts downloads off after a number of bytes."""

    def __init__(self, cut_at: int = 10**9) -> None:
        self.cut_at = cut_at
        self.asked: list[tuple[int, int]] = []

    def download_blob(self, place: str, *, offset: int, length: int, max_concurrency: int) -> Any:
        self.asked.append((offset, length))
        part = CONTENT[offset : offset + length][: self.cut_at]

        def chunks() -> Iterator[bytes]:
            for start in range(0, len(part), 300):
                yield part[start : start + 300]

        return SimpleNamespace(chunks=chunks)


FILE = RemoteFile(name="a/model.bin", place="p/a/model.bin", size_bytes=2000, mark='"0x1"')


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("azureml://datastores/store/paths/a/b/", ("store", "a/b/")),
        ("azureml://datastores/store/ExperimentRun/dcid.x", ("store", "ExperimentRun/dcid.x")),
        (
            "azureml://subscriptions/S/resourcegroups/R/workspaces/W/datastores/store/paths/a",
            ("store", "a"),
        ),
        ("https://elsewhere/a", None),
        ("", None),
    ],
)
def test_an_address_is_a_datastore_and_a_path(uri: str, place: tuple[str, str] | None) -> None:
    assert blob_store.place_of(uri) == place


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "a" / "model.bin"
    blob_store.fetch(Container(), FILE, target)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["model.bin"]


def test_a_cut_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    target = tmp_path / "model.bin"
    with pytest.raises(TransientError, match="700 of 2000 bytes"):
        blob_store.fetch(Container(cut_at=700), FILE, target)
    assert not target.exists()
    again = Container()
    blob_store.fetch(again, FILE, target)
    assert again.asked == [(700, 1300)]
    assert target.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_begun_anew(tmp_path: Path) -> None:
    target = tmp_path / "model.bin"
    with pytest.raises(TransientError):
        blob_store.fetch(Container(cut_at=700), FILE, target)
    changed = RemoteFile(name=FILE.name, place=FILE.place, size_bytes=2000, mark='"0x2"')
    container = Container()
    blob_store.fetch(container, changed, target)
    assert container.asked == [(0, 2000)]


def test_an_empty_file_needs_no_download(tmp_path: Path) -> None:
    container = Container()
    empty = RemoteFile(name="x", place="x", size_bytes=0, mark="1")
    blob_store.fetch(container, empty, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b""
    assert container.asked == []


class Listing:
    """Lists blobs as the service does: below a prefix, and with metadata only if asked for it."""

    def __init__(self, blobs: dict[str, int], marks: dict[str, dict[str, str]]) -> None:
        self.blobs = blobs
        self.marks = marks
        self.asked: list[str] = []

    def list_blobs(self, *, name_starts_with: str, include: Sequence[str] = ()) -> list[Any]:
        self.asked.append(name_starts_with)
        return [
            SimpleNamespace(
                name=name,
                size=size,
                etag=str(size),
                metadata=self.marks.get(name) if "metadata" in include else None,
            )
            for name, size in self.blobs.items()
            if name.startswith(name_starts_with)
        ]


def listed(blobs: dict[str, int], **marks: dict[str, str]) -> list[str]:
    """Return the names of the files below `p/o`; `marks` are metadata, `__` is a slash."""
    below = {f"p/o/{name}": size for name, size in blobs.items()}
    metadata = {f"p/o/{name.replace('__', '/')}": found for name, found in marks.items()}
    return [file.name for file in blob_store.list_files(Listing(below, metadata), "p/o")]


def test_files_are_listed_by_name_below_their_folder() -> None:
    container = Listing({"p/o/b": 2, "p/o/a/x": 1, "p/o2/c": 1}, {})
    found = blob_store.list_files(container, "p/o")
    assert [(file.name, file.place, file.size_bytes) for file in found] == [
        ("a/x", "p/o/a/x", 1),
        ("b", "p/o/b", 2),
    ]
    # Without the slash the files of an output `o2` would be taken too.
    assert container.asked == ["p/o/"]


@pytest.mark.parametrize(
    "mark",
    [{"hdi_isfolder": "true"}, {"Hdi_isfolder": "true"}, {"HDI_ISFOLDER": "True", "more": "x"}],
)
def test_what_the_mount_marks_as_a_folder_is_no_file(mark: dict[str, str]) -> None:
    blobs = {"models": 0, "models/a.pkl": 3, "models/deep": 0, "models/deep/b": 1, "empty": 0}
    names = listed(blobs, models=mark, models__deep=mark, empty=mark)
    assert names == ["models/a.pkl", "models/deep/b"]


def test_a_slash_at_the_end_of_an_empty_blob_s_name_makes_a_folder() -> None:
    assert listed({"": 0, "models/": 0, "models/a": 3, "empty/": 0}) == ["models/a"]


def test_an_empty_blob_above_others_is_a_folder_whose_mark_is_lost() -> None:
    assert listed({"models": 0, "models/a": 3, "models2": 0}) == ["models/a", "models2"]


def test_an_empty_file_is_a_file_whatever_else_it_is_tagged_with() -> None:
    assert listed({"log.txt": 0}, log__txt={}) == ["log.txt"]
    assert listed({"log": 0}, log={"hdi_isfolder": "false"}) == ["log"]


def test_a_file_is_not_hidden_by_a_folder_s_mark() -> None:
    names = listed({"models": 4, "models/a": 3}, models={"hdi_isfolder": "true"})
    assert names == ["models", "models/a"]


def test_more_bytes_than_were_listed_are_not_kept(tmp_path: Path) -> None:
    stream = SimpleNamespace(chunks=lambda: iter([b"x" * 1500, b"x" * 1500]))
    container = SimpleNamespace(download_blob=lambda *_, **__: stream)
    with pytest.raises(OutputDamagedError, match="sends more than the 2000 bytes"):
        blob_store.fetch(container, FILE, tmp_path / "model.bin")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_through_a_link_that_lies_there(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / blob_store.part_name(FILE)).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        blob_store.fetch(Container(), FILE, tmp_path / "model.bin")
    assert victim.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("size", "etag"),
    [(-1, "1"), (1 << 60, "1"), (None, "1"), ("7", "1"), (True, "1"), (1, "a b"), (1, "x" * 200)],
)
def test_a_size_or_a_mark_that_is_none_is_refused(size: Any, etag: str) -> None:
    blob = SimpleNamespace(name="p/o/a", size=size, etag=etag, metadata=None)
    container = SimpleNamespace(list_blobs=lambda **_: [blob])
    with pytest.raises(AnswerInvalidError, match="a file of an output"):
        blob_store.list_files(container, "p/o")


def test_a_listing_without_an_end_is_refused() -> None:
    def blobs() -> Iterator[Any]:
        for number in itertools.count():
            yield SimpleNamespace(name=f"p/o/{number}", size=1, etag="1", metadata=None)

    with pytest.raises(AnswerInvalidError, match="more than 100000 files"):
        blob_store.list_files(SimpleNamespace(list_blobs=lambda **_: blobs()), "p/o")


def store(**other: str) -> SimpleNamespace:
    known = {"account_name": "account1", "container_name": "data-1", "protocol": "https"}
    known |= {"endpoint": "core.windows.net", **other}
    return SimpleNamespace(**known, credentials=SimpleNamespace(sas_token=None, account_key=None))


@pytest.mark.parametrize(
    "other",
    [
        {"account_name": "evil.example/x?"},
        {"account_name": "a@evil.example"},
        {"container_name": "../x"},
        {"protocol": "file"},
        {"endpoint": "evil.example/"},
        {"endpoint": "evil.example"},
        {"protocol": "http"},
    ],
)
def test_a_datastore_does_not_lead_the_login_elsewhere(other: dict[str, str]) -> None:
    with pytest.raises(AnswerInvalidError, match="a datastore"):
        blob_store.connect(store(**other), object(), is_private_cloud=False)


def test_a_listing_that_begins_again_is_refused_at_once() -> None:
    blob = SimpleNamespace(name="p/o/a", size=1, etag="1", metadata=None)
    container = SimpleNamespace(list_blobs=lambda **_: itertools.repeat(blob))
    with pytest.raises(AnswerInvalidError, match="lists 'p/o/a' twice"):
        blob_store.list_files(container, "p/o")


def test_a_name_longer_than_the_service_s_limit_is_refused() -> None:
    blob = SimpleNamespace(name="p/o/" + "x/" * 35_000, size=1, etag="1", metadata=None)
    container = SimpleNamespace(list_blobs=lambda **_: [blob])
    with pytest.raises(AnswerInvalidError, match="longer than a name can be"):
        blob_store.list_files(container, "p/o")
