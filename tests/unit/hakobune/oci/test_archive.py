"""An image's archive, as a file and as a stream: it is what the image's id names, or an error."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from hakobune.errors import ImageInvalidError
from hakobune.oci.archive import check_saved, open_image
from hakobune.oci.documents import OCI_INDEX, OCI_MANIFEST, Manifest
from hakobune.oci.layers import first_differences, read_files
from hakobune.oci.layout import unpack
from tests.run_samples import archive as saved_of
from tests.run_samples import tar, tar_of
from tests.saved_images import (
    AMD64,
    ARM64,
    CONFIG,
    File,
    config_of,
    digest_of,
    index_of,
    layer_tar,
    manifest_of,
    named,
    write_archive,
)


def test_an_archive_gives_documents_and_layers(tmp_path: Path) -> None:
    archive = write_archive(
        tmp_path / "a.tar", [[File("app", kind="folder")], [File("app/x", b"1")]]
    )
    with open_image(archive) as image:
        config = image.tree.configuration
        assert config.values["architecture"] == "amd64"
        assert list(config.diff_ids) == config.values["rootfs"]["diff_ids"]
        manifest = image.tree.steps[-1].document
        assert isinstance(manifest, Manifest)
        assert [layer["digest"] for layer in manifest.values["layers"]] == [
            layer.digest for layer in image.tree.layers
        ]
        (file,) = read_files(image.archive, image.tree.layers[1])
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
    folder = tmp_path / "files"
    folder.mkdir()
    with open_image(archives[0]) as first, open_image(archives[1]) as second:
        layers = [(image.archive, image.tree.layers[0]) for image in (first, second)]
        found = first_differences(layers[0], layers[1], {"middle", "shorter"}, folder)
    assert found == {"middle": 2_500_001, "shorter": 2}


def test_a_damaged_archive_is_an_error_of_ours(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(b"no tar" * 200)
    with pytest.raises(ImageInvalidError, match=r"a\.tar"), open_image(archive):
        pass


def test_a_layout_is_unpacked_with_its_one_manifest_and_what_names_it(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tar", [[File("app/x", b"1")]], other_platform=True)
    folder = tmp_path / "base"
    digest = unpack(archive, folder)
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    assert [m["digest"] for m in index["manifests"]] == [digest]
    manifest = json.loads((folder / f"blobs/{str(digest).replace(':', '/')}").read_bytes())
    needed = [digest, manifest["config"]["digest"], *(x["digest"] for x in manifest["layers"])]
    blobs = {f"sha256:{p.name}": p.read_bytes() for p in (folder / "blobs/sha256").iterdir()}
    (above,) = set(blobs) - set(needed)
    assert set(needed) < set(blobs)
    assert digest in [m["digest"] for m in json.loads(blobs[above])["manifests"]]


FILES = [[File("app", kind="folder")], [File("app/x", b"1")]]


def rewritten(path: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write an archive with other files in it."""
    with tarfile.open(path) as opened:
        contents = {m.name: file.read() for m in opened if (file := opened.extractfile(m))}
    change(contents)
    target.write_bytes(tar(contents))
    return target


def test_an_archive_of_an_engine_before_version_25_is_read(tmp_path: Path) -> None:
    """Its layers are not packed, and no file but the configuration's is named by a digest."""
    layers = [layer_tar(files) for files in FILES]
    config = config_of(*map(digest_of, layers))
    place = f"{digest_of(config)[7:]}.json"
    entry = {"Config": place, "Layers": ["a/layer.tar", "b/layer.tar"]}
    files = {
        "a/layer.tar": layers[0],
        "b/layer.tar": layers[1],
        place: config,
        "manifest.json": json.dumps([entry]).encode(),
    }
    (tmp_path / "a.tar").write_bytes(tar(files))
    with open_image(tmp_path / "a.tar") as image:
        assert [layer.digest for layer in image.tree.layers] == [digest_of(x) for x in layers]
        (file,) = read_files(image.archive, image.tree.layers[1])
    assert file.path == "app/x"
    for name in ("b/layer.tar", place):
        (tmp_path / "b.tar").write_bytes(tar({**files, name: files[name] + b" "}))
        with (
            pytest.raises(ImageInvalidError, match="other bytes"),
            open_image(tmp_path / "b.tar"),
        ):
            pass


def test_an_image_that_the_classic_store_saves_by_its_id_is_read(tmp_path: Path) -> None:
    """Its index names nothing then (Docker 25.0)."""

    def empty(contents: dict[str, bytes]) -> None:
        contents["index.json"] = b'{"schemaVersion": 2, "manifests": null}'

    saved = write_archive(tmp_path / "a.tar", FILES, level=None)
    with open_image(rewritten(saved, tmp_path / "b.tar", empty)) as image:
        assert [len(list(read_files(image.archive, each))) for each in image.tree.layers] == [1, 1]


def test_each_part_of_an_archive_that_is_changed_or_missing_is_named(tmp_path: Path) -> None:
    saved = write_archive(tmp_path / "a.tar", FILES, other_platform=True)
    with tarfile.open(saved) as opened:
        blobs = [name for name in opened.getnames() if name.startswith("blobs/")]
    for name in blobs:
        damaged = rewritten(saved, tmp_path / "b.tar", lambda c, n=name: c.update({n: c[n] + b" "}))  # type: ignore[misc] # a lambda's default
        with pytest.raises(ImageInvalidError, match=name[13:25]), open_image(damaged):
            pass


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """One program would read the first, another the second."""
    saved = write_archive(tmp_path / "a.tar", FILES)
    with tarfile.open(saved, "a") as opened:
        opened.addfile(tarfile.TarInfo("index.json"))
    with pytest.raises(ImageInvalidError, match="twice"), open_image(saved):
        pass
    image, content = saved_of(b"\x1fone")
    twice = io.BytesIO(content)
    with tarfile.open(fileobj=twice, mode="a") as opened:
        opened.addfile(tarfile.TarInfo(f"blobs/sha256/{image[7:]}"))
    assert "twice" in wrong(image, twice.getvalue())


def wrong(image: str, saved: bytes, failure: str = "") -> str:
    """Return what is wrong with the archive that an engine prints; nothing where it is whole."""
    stream = io.BytesIO(saved)

    def save(consume: Callable[[IO[bytes]], None]) -> str:
        consume(stream)
        return failure

    try:
        check_saved(image, save)
    except ImageInvalidError as exc:
        return exc.what
    finally:
        assert stream.read() == b"", "the engine can finish"
    return ""


def test_a_whole_archive_has_nothing_wrong() -> None:
    assert wrong(*saved_of(b"\x1fone", b"\x1ftwo")) == ""


def test_the_classic_store_s_configuration_names_layers_by_what_they_unpack_to() -> None:
    layer = b"unpacked"
    config = config_of(digest_of(layer))
    assert wrong(digest_of(config), tar_of(config, layer)) == ""
    named_so = f"blobs/sha256/{digest_of(layer)[7:]}"
    other = tar({f"blobs/sha256/{digest_of(config)[7:]}": config, named_so: b"another!"})
    assert digest_of(layer)[:19] in wrong(digest_of(config), other)


def test_an_index_names_manifests_whose_layers_are_looked_at() -> None:
    layers = (b"\x1fone", b"\x1ftwo")
    config = config_of(*map(digest_of, layers))
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    manifest = manifest_of(named(config, CONFIG), *(named(each, kind) for each in layers))
    absent = named(b"{}", OCI_MANIFEST, platform=ARM64)
    index = index_of(absent, named(manifest, OCI_MANIFEST, platform=AMD64))
    outer = index_of(named(index, OCI_INDEX))
    whole = (*layers, config, manifest, index, outer)
    for top in (index, outer, manifest):
        assert wrong(digest_of(top), tar_of(*whole)) == ""
        for each in (layers[1], config, manifest):
            place = f"blobs/sha256/{digest_of(each)[7:]}"
            kept = {f"blobs/sha256/{digest_of(c)[7:]}": c for c in whole if c != each}
            assert f"{digest_of(each)[:19]} is missing" in wrong(digest_of(top), tar(kept))
            changed = wrong(digest_of(top), tar({**kept, place: each[:-1] + b"?"}))
            assert f"{digest_of(each)[:19]} has other bytes" in changed


def test_another_platform_or_an_attestation_that_is_here_must_be_whole() -> None:
    layer = b"\x1fone"
    config = config_of(digest_of(layer))
    manifest = manifest_of(
        named(config, CONFIG), named(layer, "application/vnd.oci.image.layer.v1.tar+gzip")
    )
    unknown = {"os": "unknown", "architecture": "unknown"}
    statement = b'{"_type": "x"}'
    about = manifest_of(named(b"{}", CONFIG), named(statement, "application/vnd.in-toto+json"))
    index = index_of(
        named(about, OCI_MANIFEST, platform=unknown), named(manifest, OCI_MANIFEST, platform=AMD64)
    )
    image = (layer, config, manifest, index)
    assert wrong(digest_of(index), tar_of(*image)) == ""
    assert wrong(digest_of(index), tar_of(*image, about, statement, b"{}")) == ""
    said = wrong(digest_of(index), tar_of(*image, about, b"{}"))
    assert f"{digest_of(statement)[:19]} is missing" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "not an index, a manifest or a configuration"),
        (b'{"schemaVersion": 2, "manifests": []}', "names no image for linux/amd64"),
        (b"\x1fno JSON", "not JSON"),
    ],
)
def test_a_digest_that_names_no_layers_proves_nothing(content: bytes, said: str) -> None:
    assert said in wrong(digest_of(content), tar_of(content))


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (b"", "not a readable archive"),
        (b"x" * 2000, "not a readable archive"),
        (tar({}), "is missing"),
    ],
)
def test_what_is_no_image_is_told(saved: bytes, said: str) -> None:
    assert said in wrong(saved_of(b"\x1fone")[0], saved)


def test_the_engine_s_own_words_are_kept() -> None:
    said = wrong(digest_of(b""), b"", failure="no space left on device")
    assert said == "docker save fails: no space left on device"


def test_documents_that_fill_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    image, saved = saved_of(b"\x1fone")
    monkeypatch.setattr("hakobune.oci.archive._MOST_DOCUMENT_BYTES", 100)
    assert "bytes of documents" in wrong(image, saved)
