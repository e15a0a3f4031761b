"""A layout and a digest: whether the one is the image that the other names."""

import hashlib
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hakobune.adapters.image_archive import unpack_layout
from hakobune.adapters.image_layout import is_image_of, keep_document
from tests.saved_images import File, write_archive

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
    manifest = unpack_layout(archive, tmp_path / "base")
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
    manifest = unpack_layout(write_archive(tmp_path / "s.tar", FILES, level=None), folder)
    assert manifest is not None
    assert not is_image_of(folder, manifest, digest)
    named = keep_document(folder, blobs[digest])
    assert keep_document(folder, blobs[named]) == ""
    assert is_image_of(folder, manifest, digest)
    other = _with_other_layers(folder, manifest)
    assert not is_image_of(folder, other, digest)


def _with_other_layers(folder: Path, manifest: str) -> str:
    """Give the layout a manifest of the same configuration with one layer less."""
    path = folder / "blobs" / manifest.replace(":", "/")
    saved: dict[str, Any] = json.loads(path.read_bytes())
    content = json.dumps({**saved, "layers": saved["layers"][:1]}).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    keep_document(folder, content)
    (folder / "index.json").write_text(json.dumps({"manifests": [{"digest": digest}]}))
    return digest


def test_an_index_without_our_platform_leads_nowhere(tmp_path: Path) -> None:
    arm = {"digest": "x", "platform": {"os": "linux", "architecture": "arm64"}}
    with pytest.raises(KeyError, match="linux/amd64"):
        keep_document(tmp_path, json.dumps({"manifests": [arm]}).encode())
