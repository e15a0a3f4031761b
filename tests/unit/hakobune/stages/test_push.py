import hashlib
import json
from pathlib import Path

import pytest

from hakobune.adapters import registry as registries
from hakobune.errors import (
    DestinationIncompleteError,
    DigestMismatchError,
    DigestMissingError,
    ImageStaleError,
    NameInvalidError,
    PlatformUnsupportedError,
    RegistryRefusedError,
)
from hakobune.stages.push import UNKNOWN_REGISTRY, plan_push, push, require_digest
from tests.cloud_samples import make_patience
from tests.delivery_samples import CONFIGURATION, DIGEST, MANIFEST, MISSING, PUSH, Registry, image
from tests.samples import (
    CLASSIC,
    CONTAINERD,
    FakeReporter,
    FakeRunner,
    write_project,
)
from tests.saved_images import CONFIG, digest_of


def test_an_image_is_pushed_once_and_its_digest_read_back(tmp_path: Path) -> None:
    project, reporter = write_project(tmp_path), FakeReporter()
    runner = FakeRunner([Registry(), *PUSH, CONTAINERD, image(project)])  # type: ignore[list-item] # a fake
    planned = plan_push(project, runner, registry_name="registry.example")
    for _ in range(2):
        found = push(planned, runner, make_patience(), reporter)
        assert found.reference == f"registry.example/demo@{DIGEST}"
    assert len(runner.called("docker", "push")) == 1
    assert [stage[1].endswith("is there already") for stage in reporter.stages] == [False, True]
    # The second time too: what a push that was killed had left.
    assert runner.called("image", "rm") == [["docker", "image", "rm", planned.tagged]] * 2


def test_the_right_to_push_is_asked_once_and_before_the_push(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(repository: str) -> None:
        raise RegistryRefusedError(repository, remedy="")

    monkeypatch.setattr(registries, "require_writable", refuse)
    project = write_project(tmp_path)
    runner = FakeRunner([Registry(), *PUSH, CONTAINERD, image(project)])  # type: ignore[list-item] # a fake
    planned = plan_push(project, runner, registry_name="registry.example")
    with pytest.raises(RegistryRefusedError, match=r"registry\.example/demo"):
        push(planned, runner, make_patience(), FakeReporter())
    assert not runner.called("docker", "push")


def test_the_tag_is_derived_from_the_content(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([CONTAINERD, image(project)])
    planned = plan_push(project, runner, registry_name="registry.example/team")
    assert planned.tagged == f"registry.example/team/demo:{DIGEST[7:39]}"


def test_an_engine_that_knows_only_configurations_learns_the_digest(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([Registry(), *PUSH, CLASSIC, image(project, CONFIGURATION)])  # type: ignore[list-item] # a fake
    planned = plan_push(project, runner, registry_name="registry.example")
    assert planned.digest == ""
    with pytest.raises(DigestMissingError) as caught:
        require_digest(planned, runner, make_patience())
    assert caught.value.remedy == "hakobune push"
    assert push(planned, runner, make_patience(), FakeReporter()).digest == DIGEST
    assert require_digest(planned, runner, make_patience()).digest == DIGEST


def test_the_manifest_of_the_older_store_is_written_as_the_newer_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": CONFIG, "digest": CONFIGURATION, "size": 1},
        "layers": [],
    }
    registry = Registry(json.dumps(values, indent=3))
    written = json.dumps(values, indent=2)

    class Repository:
        def put(self, reference: str, content: bytes, media_type: str) -> bool:
            assert (reference, media_type) == (planned.tag, values["mediaType"])
            registry.manifest = content.decode()
            return True

    def opened(repository: str) -> Repository:
        assert repository == planned.repository
        return Repository()

    monkeypatch.setattr(registries, "open_repository", opened)
    project = write_project(tmp_path)
    runner = FakeRunner([registry, *PUSH, CLASSIC, image(project, CONFIGURATION)])  # type: ignore[list-item] # a fake
    planned = plan_push(project, runner, registry_name="registry.example")
    for _ in range(2):
        found = push(planned, runner, make_patience(), FakeReporter())
        assert found.digest == f"sha256:{hashlib.sha256(written.encode()).hexdigest()}"
        assert registry.manifest == written
    assert len(runner.called("docker", "push")) == 1


def test_another_image_under_the_name_stops_everything(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    other = Registry(MANIFEST.replace("c0", "d0"), is_there=True)
    runner = FakeRunner([other, *PUSH, CONTAINERD, image(project)])  # type: ignore[list-item] # a fake
    planned = plan_push(project, runner, registry_name="registry.example")
    with pytest.raises(DigestMismatchError):
        push(planned, runner, make_patience(), FakeReporter())
    assert not runner.called("docker", "push")


@pytest.mark.parametrize(
    "manifest",
    [
        "no JSON",
        "[]",
        "{}",
        MANIFEST.replace('"size": 1', '"size": "1"'),
        MANIFEST.replace(CONFIGURATION, "sha256:../../etc"),
        MANIFEST.replace(CONFIG, "text/html"),
        MANIFEST.replace("image.manifest", "image.other"),
        json.dumps({"schemaVersion": 2, "manifests": []}),
    ],
)
def test_what_a_registry_serves_instead_of_a_manifest_is_refused(
    tmp_path: Path, manifest: str
) -> None:
    """Even where its digest is the image's."""
    project = write_project(tmp_path)
    digest = digest_of(manifest.encode())
    engine = image(project, digest)
    runner = FakeRunner([Registry(manifest, is_there=True), *PUSH, CONTAINERD, engine])  # type: ignore[list-item] # a fake
    planned = plan_push(project, runner, registry_name="registry.example")
    with pytest.raises(DigestMismatchError, match="damaged"):
        push(planned, runner, make_patience(), FakeReporter())
    assert not runner.called("docker", "push")


def test_an_image_that_a_registry_loses_is_missing(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([MISSING, *PUSH, CONTAINERD, image(project)])
    planned = plan_push(project, runner, registry_name="registry.example")
    with pytest.raises(DigestMissingError, match="was pushed, and the registry does not have it"):
        push(planned, runner, make_patience(), FakeReporter())


def test_an_arm64_image_is_refused_before_the_push(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([image(project, Os="linux", Architecture="arm64")])
    with pytest.raises(PlatformUnsupportedError, match="linux/arm64"):
        plan_push(project, runner, registry_name="registry.example")


def test_an_image_of_earlier_code_is_not_pushed(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    answer = image(project)
    (project.root / project.source / "__main__.py").write_text("print(2)\n", encoding="utf-8")
    with pytest.raises(ImageStaleError):
        plan_push(project, FakeRunner([answer]), registry_name="registry.example")


def test_a_registry_must_be_named_and_fit(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([CLASSIC, image(project)])
    with pytest.raises(DestinationIncompleteError, match="no registry given"):
        plan_push(project, runner, registry_name="")
    with pytest.raises(NameInvalidError):
        plan_push(project, runner, registry_name="https://registry.example")
    unknown = plan_push(project, runner, registry_name=UNKNOWN_REGISTRY)
    assert unknown.repository == f"{UNKNOWN_REGISTRY}/demo"
