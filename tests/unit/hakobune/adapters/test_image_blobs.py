"""An image's archive is what its id says, or it is told what is not."""

import hashlib
import io
import json
import tarfile

import pytest

from hakobune.adapters.image_blobs import wrong_blob
from tests.run_samples import archive, tar
from tests.samples import FakeRunner, on


def test_a_whole_archive_has_nothing_wrong() -> None:
    image, saved = archive(b"\x1fone", b"\x1ftwo")
    runner = FakeRunner(piped=saved)
    assert wrong_blob(runner, image) == ""
    assert runner.calls == [["docker", "save", image]]


def test_the_classic_store_s_configuration_names_layers_by_what_they_unpack_to() -> None:
    layer = b"unpacked"
    digest = hashlib.sha256(layer).hexdigest()
    configuration = json.dumps({"rootfs": {"diff_ids": [f"sha256:{digest}"]}}).encode()
    top = hashlib.sha256(configuration).hexdigest()
    whole = {f"blobs/sha256/{top}": configuration, f"blobs/sha256/{digest}": layer}
    assert wrong_blob(FakeRunner(piped=tar(whole)), f"sha256:{top}") == ""
    other = {**whole, f"blobs/sha256/{digest}": b"another!"}
    assert digest[:12] in wrong_blob(FakeRunner(piped=tar(other)), f"sha256:{top}")


def test_an_index_names_manifests_whose_layers_are_looked_at() -> None:
    image, _ = archive(b"\x1fone", b"\x1ftwo")
    inner, saved = contents(b"\x1fone", b"\x1ftwo")
    assert image == f"sha256:{inner}"
    amd64 = {"digest": image, "platform": {"os": "linux", "architecture": "amd64"}}
    absent = {"digest": "sha256:" + "0" * 64, "platform": {"os": "linux", "architecture": "arm64"}}
    index = json.dumps({"manifests": [absent, amd64]}).encode()
    top = hashlib.sha256(index).hexdigest()
    whole = {**saved, f"blobs/sha256/{top}": index}
    assert wrong_blob(FakeRunner(piped=tar(whole)), f"sha256:{top}") == ""
    layer = hashlib.sha256(b"\x1ftwo").hexdigest()
    other = {**whole, f"blobs/sha256/{layer}": b"\x1f2wo"}
    assert f"{layer[:12]} has other bytes" in wrong_blob(
        FakeRunner(piped=tar(other)), f"sha256:{top}"
    )
    del other[f"blobs/sha256/{inner}"]
    assert f"{inner[:12]} is missing" in wrong_blob(FakeRunner(piped=tar(other)), f"sha256:{top}")


def contents(*layers: bytes) -> tuple[str, dict[str, bytes]]:
    """Return an image's digest and the files of its archive."""
    image, saved = archive(*layers)
    with tarfile.open(fileobj=io.BytesIO(saved)) as opened:
        found = {member.name: opened.extractfile(member) for member in opened}
        return image.removeprefix("sha256:"), {n: f.read() for n, f in found.items() if f}


@pytest.mark.parametrize("content", [b"{}", b'{"manifests": []}', b"\x1fno JSON"])
def test_a_digest_that_names_no_layers_proves_nothing(content: bytes) -> None:
    top = hashlib.sha256(content).hexdigest()
    saved = tar({f"blobs/sha256/{top}": content})
    assert "neither a configuration nor layers" in wrong_blob(
        FakeRunner(piped=saved), f"sha256:{top}"
    )


@pytest.mark.parametrize(
    ("saved", "said"),
    [(b"", "no readable archive"), (b"x" * 2000, "no readable archive"), (tar({}), "is missing")],
)
def test_what_is_no_image_is_told(saved: bytes, said: str) -> None:
    image, _ = archive(b"\x1fone")
    assert said in wrong_blob(FakeRunner(piped=saved), image)


def test_the_engine_s_own_words_are_kept() -> None:
    runner = FakeRunner([on("save", exit_code=1, stderr="no space left on device\n")])
    assert wrong_blob(runner, "sha256:x") == "docker save fails: no space left on device"
