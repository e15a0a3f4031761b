"""A layout and a digest: whether the one is the image that the other names."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from hakobune.errors import ImageInvalidError
from hakobune.oci.documents import OCI_MANIFEST
from hakobune.oci.layout import Layout, keep_documents, require_image, unpack
from hakobune.oci.walk import Repository, walk
from tests.saved_images import (
    ARM64,
    CONFIG,
    LAYER,
    File,
    config_of,
    digest_of,
    index_of,
    layer_tar,
    named,
    write_archive,
)


def is_image_of(layout: Path, manifest: str, digest: str) -> bool:
    try:
        require_image(layout, manifest, digest)
    except ImageInvalidError:
        return False
    return True


FILES = [[File("etc", kind="folder")], [File("etc/x", b"1")]]


def documents(archive: Path) -> tuple[str, dict[str, bytes]]:
    """Return the digest that a registry would have for the image, and its blobs by digest."""
    with tarfile.open(archive) as tar:
        blobs = {m.name: file.read() for m in tar if (file := tar.extractfile(m))}
    digest = json.loads(blobs["index.json"])["manifests"][0]["digest"]
    return digest, {name.replace("blobs/sha256/", "sha256:"): data for name, data in blobs.items()}


@pytest.fixture
def layout(tmp_path: Path) -> tuple[Path, str, str]:
    """A layout, its manifest's digest, and that of the index above."""
    archive = write_archive(tmp_path / "a.tar", FILES, other_platform=True)
    manifest = unpack(archive, tmp_path / "base")
    assert manifest is not None
    return tmp_path / "base", manifest, documents(archive)[0]


def test_a_layout_is_its_manifest_s_and_its_index_s(layout: tuple[Path, str, str]) -> None:
    folder, manifest, index = layout
    assert index != manifest
    assert is_image_of(folder, manifest, index)
    assert is_image_of(folder, manifest, manifest)
    for other in ("sha256:" + "a1" * 32, "sha256:../../index.json", ""):
        assert not is_image_of(folder, manifest, other)
        assert not is_image_of(folder, other, index)


def test_each_part_that_is_changed_or_missing_is_seen(layout: tuple[Path, str, str]) -> None:
    folder, manifest, index = layout
    for path in (folder / "blobs/sha256").iterdir():
        content = path.read_bytes()
        for changed in (b"", b"[]", b"[" * 100_000, content + b"\n"):
            path.write_bytes(changed)
            assert not is_image_of(folder, manifest, index), path
        path.unlink()
        assert not is_image_of(folder, manifest, index), path
        path.write_bytes(content)
    for wrong in ("{}", '{"manifests": []}', '{"manifests": [{"digest": "x"}]}', "[]"):
        (folder / "index.json").write_text(wrong)
        assert not is_image_of(folder, manifest, index)
    shutil.rmtree(folder)
    assert not is_image_of(folder, manifest, index)


def test_what_the_classic_store_saves_is_known_by_its_configuration(tmp_path: Path) -> None:
    registry = write_archive(tmp_path / "r.tar", FILES, other_platform=True)
    digest, blobs = documents(registry)
    folder = tmp_path / "base"
    manifest = unpack(write_archive(tmp_path / "s.tar", FILES, level=None), folder)
    assert manifest is not None
    assert not is_image_of(folder, manifest, digest)
    keep_documents(folder, Repository(fetch=blobs.get), digest)
    assert is_image_of(folder, manifest, digest)
    tree = walk(Layout(folder=folder), manifest)
    another = layer_tar([File("opt", kind="folder")])
    env = config_of(*tree.configuration.diff_ids, config={"Env": ["A=1"]})
    values = json.loads(tree.steps[-1].content)
    for change in (
        {"layers": values["layers"][:1]},
        {"layers": [values["layers"][0], named(another, LAYER)]},
        {"config": named(env, CONFIG)},
    ):
        other = json.dumps({**values, **change}).encode()
        for content in (another, env, other):
            Layout(folder=folder).keep(content)
        (folder / "index.json").write_bytes(index_of(named(other, OCI_MANIFEST)))
        assert not is_image_of(folder, digest_of(other), digest)
    (folder / "index.json").write_bytes(index_of(named(tree.steps[-1].content, OCI_MANIFEST)))
    assert is_image_of(folder, manifest, digest)


def test_an_index_without_our_platform_leads_nowhere(tmp_path: Path) -> None:
    index = index_of(named(b"{}", OCI_MANIFEST, platform=ARM64))
    digest = digest_of(index)
    with pytest.raises(ImageInvalidError, match="linux/amd64"):
        keep_documents(tmp_path, Repository(fetch={digest: index}.get), digest)
    assert not list(tmp_path.iterdir())


def test_a_registry_s_documents_are_kept_only_where_their_digests_are_right(
    tmp_path: Path,
) -> None:
    digest, blobs = documents(write_archive(tmp_path / "r.tar", FILES, other_platform=True))
    (amd64,) = (
        entry["digest"]
        for entry in json.loads(blobs[digest])["manifests"]
        if entry["platform"]["architecture"] == "amd64"
    )
    for place in (digest, amd64):
        for content in (blobs[place] + b" ", b"no JSON", None):
            served = {**blobs, place: content}
            with pytest.raises(ImageInvalidError, match=place[:19]):
                keep_documents(tmp_path / "base", Repository(fetch=served.get), digest)
    assert not (tmp_path / "base").exists()
