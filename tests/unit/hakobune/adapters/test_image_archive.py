import json
from pathlib import Path

import pytest

from hakobune.adapters import image_archive
from hakobune.errors import FileNotWritableError
from tests.saved_images import File, write_archive


def test_an_archive_gives_documents_and_layers(tmp_path: Path) -> None:
    archive = write_archive(
        tmp_path / "a.tar", [[File("app", kind="folder")], [File("app/x", b"1")]]
    )
    image = image_archive.read_image(archive)
    assert image.config["architecture"] == "amd64"
    assert [layer.diff_id for layer in image.layers] == image.config["rootfs"]["diff_ids"]
    assert [layer["digest"] for layer in image.manifest["layers"]] == [
        f"sha256:{layer.sha256}" for layer in image.layers
    ]
    (file,) = image_archive.read_files(archive, image.layers[1])
    assert (file.path, file.size, file.mode, file.mtime) == ("app/x", 1, 0o644, 315532800)


def test_the_first_differing_byte_is_found_beyond_the_first_megabyte(tmp_path: Path) -> None:
    one = bytes(3_000_000)
    two = bytearray(one)
    two[2_500_001] = 7
    pairs = {"middle": (one, bytes(two)), "shorter": (b"abc", b"ab"), "same": (b"x", b"x")}
    archives = tuple(
        write_archive(tmp_path / f"{n}.tar", [[File(p, c[n]) for p, c in pairs.items()]])
        for n in (0, 1)
    )
    first, second = (image_archive.read_image(archive).layers[0] for archive in archives)
    folder = tmp_path / "files"
    folder.mkdir()
    found = image_archive.first_differences(
        (archives[0], archives[1]), (first, second), {"middle", "shorter"}, folder
    )
    assert found == {"middle": 2_500_001, "shorter": 2}


def test_a_damaged_archive_is_an_error_of_ours(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(b"no tar" * 200)
    with pytest.raises(FileNotWritableError, match=r"a\.tar"):
        image_archive.read_image(archive)


def test_a_layout_is_unpacked_with_its_one_manifest_and_what_names_it(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar", [[File("app/x", b"1")]], other_platform=True)
    folder = tmp_path / "base"
    digest = image_archive.unpack_layout(archive, folder)
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    assert [m["digest"] for m in index["manifests"]] == [digest]
    manifest = json.loads((folder / f"blobs/{str(digest).replace(':', '/')}").read_bytes())
    needed = [digest, manifest["config"]["digest"], *(x["digest"] for x in manifest["layers"])]
    blobs = {f"sha256:{p.name}": p.read_bytes() for p in (folder / "blobs/sha256").iterdir()}
    (above,) = set(blobs) - set(needed)
    assert set(needed) < set(blobs)
    assert digest in [m["digest"] for m in json.loads(blobs[above])["manifests"]]
