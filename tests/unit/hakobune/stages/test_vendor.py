import csv
import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import (
    BaseUnavailableError,
    BuildkitMissingError,
    HashMismatchError,
    ImageInvalidError,
    VendorDamagedError,
    VendorIncompleteError,
)
from hakobune.model.lock import Lock, LockedDebian, LockedWheel
from hakobune.model.project import Project
from hakobune.model.secrets import BuildSecrets
from hakobune.model.vendor import VendorListing
from hakobune.oci.layout import Layout, unpack
from hakobune.stages.base_image import debian_tag
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render
from hakobune.stages.vendor import LISTING, build_offline, plan_offline, vendor
from hakobune.transform.vendor_listing import read_listing, write_listing
from hakobune.transform.write_lock import write_lock
from tests.samples import (
    BUILDS,
    BUILDX,
    DIGEST,
    ENGINE,
    ENVIRONMENT,
    REMOVES_IMAGE,
    SAVES,
    TAGS,
    FakeReporter,
    FakeRunner,
    completed,
    make_lock,
    write_project,
)
from tests.saved_images import WRONG, Change, File, digest_of, index_of, named, write_archive

NO_SECRETS = BuildSecrets(ca_bundle=None, pip_conf="", extra_index_url="")
CONTENTS = {"six": b"a wheel", "uv": b"a tool"}


DEB = b"a Debian package"
GIT = LockedDebian(
    name="git",
    version="1-1",
    architecture="amd64",
    size=len(DEB),
    sha256=hashlib.sha256(DEB).hexdigest(),
    path="pool/main/g/git/git_1-1_amd64.deb",
    suite="trixie",
)


class Engine:
    """An engine that fetches these wheels and has a base."""

    def __init__(  # noqa: PLR0913 - each has a default and is given by name
        self,
        contents: dict[str, bytes] = CONTENTS,
        *,
        is_old: bool = False,
        is_classic: bool = False,
        answered: str = "",
        base: str = "etc",
        change: Change = lambda _: None,
    ) -> None:
        self.change = change
        self.answered, self.base, self.documents = answered, base, dict[str, bytes]()
        self.contents, self.asked = contents, list[list[str]]()
        self.is_old, self.is_classic, self.is_loaded = is_old, is_classic, False
        self.loaded: dict[str, Any] = {}
        self.deb = DEB

    def __call__(self, command: Sequence[str]) -> Completed | None:
        words = list(command)
        if "imagetools" in words:
            return self.ask_registry(words)
        if "info" in words:
            return completed("" if self.is_classic else "io.containerd.snapshotter.v1")
        if words[:3] == ["docker", "image", "inspect"] and "vendored" in words[3]:
            return completed(exit_code=0 if self.is_loaded else 1)
        if words[:2] == ["docker", "load"]:
            self.is_loaded = True
            with tarfile.open(words[3]) as tar:
                document = tar.extractfile("manifest.json")
                assert document is not None
                self.loaded = json.load(document)[0]
                assert f"./{self.loaded['Config']}" in tar.getnames()
            return completed("Loaded image\n")
        if words[:3] == ["docker", "image", "inspect"]:
            return completed(json.dumps([{"Id": DIGEST, "Config": {}}]))
        if words[:2] == ["docker", "save"]:
            self.save(words)
        if "--output" in words and words[1] == "buildx":
            self.fetch(words)
        others = (answer(words) for answer in (ENGINE, BUILDX, SAVES, BUILDS, TAGS, REMOVES_IMAGE))
        return next((done for done in others if done is not None), None)

    def ask_registry(self, words: list[str]) -> Completed:
        if "--raw" not in words:
            digest = {"digest": self.answered}
            return completed(json.dumps(digest), exit_code=0 if self.answered else 1)
        document = self.documents.get(words[-1].partition("@")[2])
        if document is None:
            return completed(exit_code=1, stderr="ERROR: python: not found")
        return completed(document.decode())

    def save(self, words: list[str]) -> None:
        archive = save(
            Path(words[4]),
            self.base,
            is_pinned="@" in words[2],
            is_classic=self.is_classic,
            change=self.change,
        )
        if self.is_old:
            archive.write_bytes(archive.read_bytes().replace(b"oci-layout", b"oci-absent"))

    def fetch(self, words: list[str]) -> None:
        text = Path(words[words.index("--file") + 1]).read_text(encoding="utf-8")
        kind, place = next(csv.reader([words[words.index("--output") + 1]]))
        assert kind == "type=local"
        folder = Path(place.removeprefix("dest="))
        folder.mkdir()
        self.asked.append([name for name in self.contents if f"\n{name}==" in text])
        for name in self.asked[-1]:
            (folder / f"{name}-1-py3-none-any.whl").write_bytes(self.contents[name])
        if f" {GIT.sha256} " in text:
            (folder / GIT.file).write_bytes(self.deb)


def save(
    path: Path,
    base: str,
    *,
    is_pinned: bool = True,
    is_classic: bool = False,
    change: Change = lambda _: None,
) -> Path:
    """Save a base: under an index of two platforms, or as the classic store does."""
    return write_archive(
        path,
        [[File(base, kind="folder")]],
        other_platform=is_pinned and not is_classic,
        level=None if is_classic else 6,
        change=change,
    )


def registry_s(tmp_path: Path, base: str = "etc") -> tuple[str, dict[str, bytes]]:
    """Return the digest that a registry has for a base, and its documents by digest."""
    with tarfile.open(save(tmp_path / f"{base}.tar", base)) as tar:
        blobs = {m.name: file.read() for m in tar if (file := tar.extractfile(m))}
    digest = json.loads(blobs["index.json"])["manifests"][0]["digest"]
    return digest, {name.replace("blobs/sha256/", "sha256:"): data for name, data in blobs.items()}


def wheel(name: str) -> LockedWheel:
    content = CONTENTS[name]
    return LockedWheel(
        name=name,
        version="1",
        file=f"{name}-1-py3-none-any.whl",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    lock = replace(
        make_lock(environment_sha256=hashlib.sha256(ENVIRONMENT).hexdigest()),
        packages=(wheel("six"),),
        tools=(wheel("uv"),),
    )
    (tmp_path / "project").mkdir()
    found = write_project(tmp_path / "project", lock=lock)
    render(found, read_fresh_lock(found), FakeRunner(), FakeReporter())
    return found


def fill(project: Project, folder: Path, engine: Engine | None = None) -> Engine:
    engine = engine or Engine()
    vendor(project, FakeRunner([engine]), FakeReporter(), folder=folder, secrets=NO_SECRETS)
    return engine


def test_the_folder_holds_wheels_tools_base_and_a_listing_of_all(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "v"
    engine = fill(project, folder)
    assert engine.asked == [["six", "uv"]]
    listing = read_listing((folder / LISTING).read_bytes())
    assert listing is not None
    assert listing.base == debian_tag(read_fresh_lock(project))
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there == {path for path, _ in listing.files} | {LISTING, ".gitignore"}
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"
    for path, sha256 in listing.files:
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == sha256


def test_a_registry_that_answers_first_now_gives_the_base(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    digest, _ = registry_s(tmp_path)
    fill(project, folder, Engine(answered=digest))
    listing = read_listing((folder / LISTING).read_bytes())
    assert listing is not None
    assert listing.base == f"docker.io/library/python@{digest}"
    assert read_fresh_lock(project).registry_base.digest == digest
    plan_offline(project, FakeRunner([Engine()]), folder=folder)


def test_a_listing_of_another_image_than_the_lock_s_is_refused(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "v"
    digest, _ = registry_s(tmp_path)
    fill(project, folder, Engine(answered=digest))
    name = f"docker.io/library/python@{digest}"
    shutil.copytree(folder, tmp_path / "other")
    unpack(save(tmp_path / "o.tar", "opt"), tmp_path / "opt")
    shutil.rmtree(tmp_path / "other/base")
    (tmp_path / "opt").rename(tmp_path / "other/base")
    index = json.loads((tmp_path / "other/base/index.json").read_bytes())
    lay_listing(tmp_path / "other", name, index["manifests"][0]["digest"])
    with pytest.raises(VendorDamagedError, match=f"not the image {name}"):
        plan_offline(project, FakeRunner([Engine()]), folder=tmp_path / "other")
    listing = read_listing((folder / LISTING).read_bytes())
    assert listing is not None
    alone = tuple(item for item in listing.files if item[0].startswith("wheels/"))
    (folder / LISTING).write_bytes(write_listing(replace(listing, files=alone)))
    (folder / "base/index.json").unlink()
    with pytest.raises(VendorDamagedError, match=f"not the image {name}"):
        plan_offline(project, FakeRunner([Engine()]), folder=folder)
    for damaged in (folder, tmp_path / "other"):
        fill(project, damaged)
        plan_offline(project, FakeRunner([Engine()]), folder=damaged)


@pytest.mark.parametrize("what", WRONG)
def test_a_base_whose_manifest_is_wrong_is_neither_vendored_nor_built_from(
    project: Project, tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "v"
    with pytest.raises(ImageInvalidError):
        fill(project, folder, Engine(change=WRONG[what]))
    assert list((folder / "base").iterdir()) == []
    fill(project, folder)
    layout = Layout(folder=folder / "base")
    (before,) = layout.index().manifests
    values = json.loads(layout.place(before.digest).read_bytes())
    WRONG[what](values)
    content = json.dumps(values).encode()
    layout.keep(content)
    index = index_of(named(content, before.media_type))
    (folder / "base/index.json").write_bytes(index)
    base = str(debian_tag(read_fresh_lock(project)))
    lay_listing(folder, base, digest_of(content))
    with pytest.raises(VendorDamagedError, match="is not the image hakobune-base"):
        plan_offline(project, FakeRunner([Engine()]), folder=folder)


def test_a_registry_that_serves_another_document_for_the_base_is_named(
    project: Project, tmp_path: Path
) -> None:
    digest, documents = registry_s(tmp_path)
    engine = Engine(answered=digest, is_classic=True)
    for served in (b"no JSON", documents[digest] + b" "):
        engine.documents = {digest: served}
        with pytest.raises(HashMismatchError, match="other bytes"):
            fill(project, tmp_path / "v", engine)


def lay_listing(folder: Path, base: str, digest: str) -> None:
    """Write the listing of the files that lie in a folder."""
    paths = [p for part in ("base", "wheels") for p in (folder / part).rglob("*") if p.is_file()]
    listing = VendorListing(
        base=base,
        base_digest=digest,
        files=tuple(
            (p.relative_to(folder).as_posix(), hashlib.sha256(p.read_bytes()).hexdigest())
            for p in paths
        ),
    )
    (folder / LISTING).write_bytes(write_listing(listing))


def test_the_classic_store_s_base_is_tied_to_the_lock_by_the_registry_s_documents(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "v"
    digest, documents = registry_s(tmp_path)
    engine = Engine(answered=digest, is_classic=True)
    with pytest.raises(BaseUnavailableError, match=digest):
        fill(project, folder, engine)
    engine.documents = documents
    fill(project, folder, engine)
    plan_offline(project, FakeRunner([engine]), folder=folder)
    (folder / "base/index.json").unlink()
    engine.base = "opt"
    with pytest.raises(HashMismatchError, match=digest):
        fill(project, folder, engine)


def test_only_what_is_missing_or_damaged_is_fetched_again(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    fill(project, folder)
    assert fill(project, folder).asked == []
    (folder / "wheels/six-1-py3-none-any.whl").write_bytes(b"damaged")
    assert fill(project, folder).asked == [["six"]]
    assert (folder / "wheels/six-1-py3-none-any.whl").read_bytes() == CONTENTS["six"]
    for path in sorted((folder / "base").rglob("*")):
        if path.is_file():
            path.write_bytes(b"damaged")
            runner = FakeRunner([Engine()])
            vendor(project, runner, FakeReporter(), folder=folder, secrets=NO_SECRETS)
            assert len(runner.called("save")) == 1
            plan_offline(project, FakeRunner([Engine()]), folder=folder)


def test_what_an_earlier_lock_had_goes_and_a_stranger_s_file_stays(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "v"
    fill(project, folder)
    (folder / "wheels/mine.whl").write_bytes(b"x")
    lock: Lock = replace(read_fresh_lock(project), packages=())
    project.lock_path.write_bytes(write_lock(lock, written_from=project.environment))
    fill(project, folder)
    assert {p.name for p in (folder / "wheels").iterdir()} == {"uv-1-py3-none-any.whl", "mine.whl"}


def test_a_listing_that_leads_outside_removes_nothing(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    fill(project, folder)
    (folder / "mine.txt").write_bytes(b"x")
    (folder / "wheels/mine").mkdir()
    (folder / "wheels/mine/x").write_bytes(b"x")
    listing = read_listing((folder / LISTING).read_bytes())
    assert listing is not None
    for path in ("wheels/..", "wheels/../mine.txt", "wheels/mine", "wheels/mine/"):
        changed = replace(listing, files=(*listing.files, (path, "d" * 64)))
        (folder / LISTING).write_bytes(write_listing(changed))
        fill(project, folder)
        assert (folder / "mine.txt").is_file()
        assert (folder / "wheels/mine/x").is_file()
    changed = replace(listing, files=(*listing.files, ("wheels/..", "d" * 64)))
    (folder / LISTING).write_bytes(write_listing(changed))
    with pytest.raises(VendorDamagedError, match=LISTING):
        plan_offline(project, FakeRunner([Engine()]), folder=folder)


def test_another_file_than_the_lock_s_is_not_taken(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    with pytest.raises(HashMismatchError, match="uv-1"):
        fill(project, folder, Engine({**CONTENTS, "uv": b"another"}))
    assert not (folder / LISTING).exists()
    assert [p.name for p in folder.iterdir() if p.name.startswith(".fetching")] == []
    assert fill(project, folder).asked == [["six", "uv"]]


def test_an_engine_whose_saved_images_cannot_be_built_from_is_told(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(BuildkitMissingError, match=r"26\.1\.5"):
        fill(project, tmp_path / "v", Engine(is_old=True))


def test_a_build_takes_all_from_the_folder_and_has_no_network(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "v"
    fill(project, folder)
    runner = FakeRunner([Engine()])
    image = build_offline(project, runner, FakeReporter(), folder=folder)
    assert image.id == DIGEST
    (command,) = runner.called("buildx", "build")
    listing = read_listing((folder / LISTING).read_bytes())
    assert listing is not None
    assert command[command.index("--network") + 1] == "none"
    assert f"vendor={folder}/wheels" in command
    assert f"{listing.base}=oci-layout://{folder}/base@{listing.base_digest}" in command
    assert "--secret" not in command
    assert not runner.called("imagetools")
    assert not runner.called("pull")
    assert command == plan_offline(project, FakeRunner([Engine()]), folder=folder)[0]


def test_a_vendored_folder_may_have_any_name(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "v:1@x, y"
    fill(project, folder)
    runner = FakeRunner([Engine()])
    build_offline(project, runner, FakeReporter(), folder=folder)
    (command,) = runner.called("buildx", "build")
    (layout,) = (word for word in command if "=oci-layout://" in word)
    path, _, digest = layout.partition("=oci-layout://")[2].partition("@")
    assert re.fullmatch(r"[^:@]+", path)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)


def test_an_engine_with_the_classic_store_is_given_the_base_once(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "v"
    fill(project, folder)
    listing = read_listing((folder / LISTING).read_bytes())
    assert listing is not None
    engine = Engine(is_classic=True)
    runner = FakeRunner([engine])
    for _ in range(2):
        build_offline(project, runner, FakeReporter(), folder=folder)
    assert len(runner.called("load")) == 1
    (name,) = engine.loaded["RepoTags"]
    assert name == f"hakobune-base:vendored-{listing.base_digest[7:19]}"
    for command in runner.called("buildx", "build"):
        assert f"{listing.base}=docker-image://{name}" in command


def test_what_a_folder_lacks_is_named_before_anything_is_built(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "v"
    with pytest.raises(VendorIncompleteError, match="v does not exist"):
        plan_offline(project, FakeRunner([Engine()]), folder=folder)
    folder.mkdir()
    with pytest.raises(VendorIncompleteError, match=f"has no {LISTING}"):
        plan_offline(project, FakeRunner([Engine()]), folder=folder)
    fill(project, folder)
    (folder / "wheels/six-1-py3-none-any.whl").unlink()
    (folder / "base/index.json").unlink()
    runner = FakeRunner([Engine()])
    with pytest.raises(VendorIncompleteError, match=r"2 of \d") as caught:
        build_offline(project, runner, FakeReporter(), folder=folder)
    assert "wheels/six-1-py3-none-any.whl" in caught.value.what
    assert "base/index.json" in caught.value.what
    assert "hakobune vendor" in caught.value.remedy
    assert not runner.called("build")


def with_debian(project: Project) -> None:
    """Lock a Debian package for trixie, which the base is made of, and for another release."""
    other = replace(GIT, suite="bookworm", path="pool/main/g/git/git_0-1_amd64.deb")
    lock = read_fresh_lock(project)
    lock = replace(lock, packages=(*lock.packages, GIT, other))
    project.lock_path.write_bytes(write_lock(lock, written_from=project.environment))
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())


def test_the_base_s_debian_packages_lie_beside_the_wheels(project: Project, tmp_path: Path) -> None:
    with_debian(project)
    folder, engine = tmp_path / "v", fill(project, tmp_path / "v")
    assert {path.name for path in (folder / "wheels").glob("*.deb")} == {"git_1-1_amd64.deb"}
    asked = len(engine.asked)
    fill(project, folder, engine)
    assert len(engine.asked) == asked
    (folder / "wheels/git_1-1_amd64.deb").unlink()
    with pytest.raises(VendorIncompleteError, match=r"git_1-1_amd64\.deb"):
        plan_offline(project, FakeRunner([Engine()]), folder=folder)


def test_a_debian_package_of_other_bytes_is_refused(project: Project, tmp_path: Path) -> None:
    with_debian(project)
    engine = Engine()
    engine.deb = b"another"
    with pytest.raises(HashMismatchError, match=r"git_1-1_amd64\.deb"):
        fill(project, tmp_path / "v", engine)


def test_a_changed_file_is_named(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    fill(project, folder)
    listing = read_listing((folder / LISTING).read_bytes())
    assert listing is not None
    for path, _ in listing.files:
        content = (folder / path).read_bytes()
        (folder / path).write_bytes(content + b"\n")
        with pytest.raises(VendorDamagedError, match=path):
            plan_offline(project, FakeRunner([Engine()]), folder=folder)
        (folder / path).write_bytes(content)
    (folder / LISTING).write_bytes((folder / LISTING).read_bytes().replace(b"six", b"sex"))
    with pytest.raises(VendorDamagedError, match=LISTING):
        plan_offline(project, FakeRunner([Engine()]), folder=folder)


def test_a_folder_of_another_base_is_told(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    fill(project, folder)
    lock = read_fresh_lock(project)
    assert lock.debian_base is not None
    moved = tuple(replace(p, version="9") for p in lock.debian_base.packages)
    other = replace(lock, debian_base=replace(lock.debian_base, packages=moved))
    project.lock_path.write_bytes(write_lock(other, written_from=project.environment))
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    with pytest.raises(VendorIncompleteError, match=str(debian_tag(lock))):
        plan_offline(project, FakeRunner([Engine()]), folder=folder)
