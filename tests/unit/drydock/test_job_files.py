import io
import tarfile

import pytest

from drydock.job_files import (
    InputMissingError,
    Pieces,
    find_input,
    pack_folders,
    pack_inputs,
    upload,
)
from drydock.job_spec import BlobPlace
from tests.unit.drydock.machine_fakes import MemoryStore, packed


def make_store(**files: bytes) -> MemoryStore:
    return MemoryStore({("c", name.replace("__", "/")): text for name, text in files.items()})


def place(path: str) -> BlobPlace:
    return BlobPlace(container="c", path=path)


def test_a_blob_of_this_name_is_a_file() -> None:
    found = find_input(make_store(in__data=b"12", in__data2=b"3"), "x", place("in/data"), "/to")
    assert found.path == "/to/data"
    assert [(name, blob.name, blob.size) for name, blob in found.files] == [("data", "in/data", 2)]


@pytest.mark.parametrize("path", ["in", "in/"])
def test_a_path_above_blobs_is_a_folder_and_its_neighbours_are_not_in_it(path: str) -> None:
    store = make_store(in__a=b"1", in__b__c=b"2", inside=b"3")
    found = find_input(store, "x", place(path), "/to")
    assert found.path == "/to"
    assert [name for name, _ in found.files] == ["a", "b/c"]


def test_a_whole_container_is_a_folder() -> None:
    found = find_input(make_store(a=b"1", b__c=b"2"), "x", place(""), "/to")
    assert [name for name, _ in found.files] == ["a", "b/c"]


def test_a_mark_of_an_empty_folder_is_no_file() -> None:
    store = MemoryStore({("c", "in/"): b"", ("c", "in/sub/"): b""})
    with pytest.raises(InputMissingError, match="input x: no blob exists at c/in/"):
        find_input(store, "x", place("in/"), "/to")


def test_inputs_lie_in_the_tar_where_the_container_shall_have_them() -> None:
    store = make_store(in__a=b"hello", in__b__c=b"12")
    packed_inputs = pack_inputs(store, [find_input(store, "x", place("in"), "/to/x")])
    with packed_inputs, tarfile.open(fileobj=packed_inputs) as archive:
        found = {m.name: (m.mode, archive.extractfile(m).read()) for m in archive}  # type: ignore[union-attr]
    assert found == {"to/x/a": (0o444, b"hello"), "to/x/b/c": (0o444, b"12")}


def test_folders_are_for_any_user() -> None:
    with tarfile.open(fileobj=pack_folders(["/a/b"])) as archive:
        (member,) = archive.getmembers()
    assert (member.name, member.isdir(), member.mode) == ("a/b", True, 0o777)


@pytest.mark.parametrize("step", [1, 7, 512, 100_000])
def test_an_output_becomes_blobs_below_its_path(step: int) -> None:
    whole = packed("out", "/x/out", {"/x/out/a": b"1" * 2000, "/x/out/b/c": b"", "/x/out/d": b"3"})
    store = MemoryStore()
    pieces = [whole[at : at + step] for at in range(0, len(whole), step)]
    assert upload(store, place("job/out/"), pieces) == 3
    assert store.content == {
        ("c", "job/out/a"): b"1" * 2000,
        ("c", "job/out/b/c"): b"",
        ("c", "job/out/d"): b"3",
    }


@pytest.mark.parametrize(
    ("path", "marks"),
    [("job/out/", ["job/out", "job/out/b", "job/out/b/c"]), ("", ["b", "b/c"])],
)
def test_a_mounted_output_has_a_mark_for_itself_and_each_folder(
    path: str, marks: list[str]
) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name in ("out/", "out/b", "out/b/c"):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
    store = MemoryStore()
    assert upload(store, place(path), [whole.getvalue()], is_mounted=True) == 0
    assert store.folders == [("c", name) for name in marks]
    bare = MemoryStore()
    upload(bare, place(path), [whole.getvalue()])
    assert bare.folders == []


def test_a_link_in_an_output_is_left_out() -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        link = tarfile.TarInfo("out/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    store = MemoryStore()
    assert upload(store, place("job"), [whole.getvalue()]) == 0
    assert store.content == {}


def test_pieces_read_as_one_file() -> None:
    file = Pieces([b"ab", b"", b"cdef", b"g"])
    assert [file.read(3), file.read(1), file.read(), file.read(2)] == [b"abc", b"d", b"efg", b""]
