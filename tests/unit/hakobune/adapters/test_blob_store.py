from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hakobune.adapters import blob_store
from hakobune.adapters.patience import TransientError
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


def test_files_are_listed_by_name_below_their_folder() -> None:
    blobs = [
        SimpleNamespace(name="p/o/b", size=2, etag="2", metadata=None),
        SimpleNamespace(name="p/o/a/x", size=1, etag="1", metadata={}),
        SimpleNamespace(name="p/o/a", size=0, etag="3", metadata={"hdi_isfolder": "true"}),
    ]
    asked = []

    def list_blobs(name_starts_with: str) -> list[Any]:
        asked.append(name_starts_with)
        return blobs

    found = blob_store.list_files(SimpleNamespace(list_blobs=list_blobs), "p/o")
    assert [(file.name, file.place, file.size_bytes) for file in found] == [
        ("a/x", "p/o/a/x", 1),
        ("b", "p/o/b", 2),
    ]
    # Without the slash the files of an output `o2` would be taken too.
    assert asked == ["p/o/"]
