import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Completed
from hakobune.errors import (
    BaseNotReproducedError,
    ImageInvalidError,
    ImageNotReproducedError,
    ImageStaleError,
)
from hakobune.model.project import Project
from hakobune.model.secrets import BuildSecrets
from hakobune.stages.base_image import debian_tag
from hakobune.stages.lock import pin_base
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import current_source, render
from hakobune.stages.reproduce import describe, reproduce_image
from tests.samples import (
    BUILDS,
    BUILDX,
    DIGEST,
    ENGINE,
    NO_REGISTRY,
    REMOVES_IMAGE,
    FakeReporter,
    FakeRunner,
    begins,
    completed,
    on,
    write_project,
)
from tests.saved_images import EPOCH, WRONG, File, write_archive

NO_SECRETS = BuildSecrets(ca_bundle=None, pip_conf="", extra_index_url="")
OTHER = "sha256:" + "b2" * 32
DOCKERFILE = """\
FROM base AS packages
COPY <<'END' /build/list
COPY not an instruction
END
FROM base
ARG HAKOBUNE_BASE
COPY --from=packages /venv /venv
LABEL a=b
"""
HISTORY = {
    "history": [
        {"created_by": "ADD rootfs.tar / # buildkit"},
        {"created_by": 'CMD ["python3"]', "empty_layer": True},
        {"created_by": "COPY /venv /venv # buildkit"},
    ]
}
BASE = [File("etc", kind="folder", mode=0o755)]
APP = File("venv/x", b"one")


def told(tmp_path: Path, one: Sequence[File], two: Sequence[File]) -> list[str]:
    """What is told of two images whose second layer holds these files."""
    archives = (
        write_archive(tmp_path / "1.tar", [BASE, one], config=HISTORY),
        write_archive(tmp_path / "2.tar", [BASE, two], config=HISTORY),
    )
    lines = describe(archives, DOCKERFILE, "docker/Dockerfile")
    assert lines[:1] == ["layer 2 of 2 (docker/Dockerfile:7: COPY --from=packages /venv /venv)"]
    return [line.strip() for line in lines[1:]]


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (
            File("venv/x", b"one", time=EPOCH + 61),
            "venv/x: time 1980-01-01T00:00:00Z and 1980-01-01T00:01:01Z",
        ),
        (
            File("venv/x", b"one", time=EPOCH + 0.25),
            "venv/x: time 1980-01-01T00:00:00Z and 1980-01-01T00:00:00.25Z",
        ),
        (File("venv/x", b"one", mode=0o755), "venv/x: mode 0644 and 0755"),
        (File("venv/x", b"one", owner=(0, 1000)), "venv/x: owner 0:0 and 0:1000"),
        (
            File("venv/x", b"onto"),
            "venv/x: size 3 bytes and 4 bytes, the first difference is at byte 2",
        ),
        (
            File("venv/x", b"oNe"),
            "venv/x: bytes 3 bytes and 3 bytes, the first difference is at byte 1",
        ),
        (File("venv/x", kind="link", link="y"), "venv/x: kind file and symbolic link"),
        (
            File("venv/x", b"one", extended=(("SCHILY.xattr.user.a", "b"),)),
            "venv/x: extended header none and SCHILY.xattr.user.a=b",
        ),
    ],
)
def test_what_differs_in_a_file_is_named(tmp_path: Path, other: File, line: str) -> None:
    assert told(tmp_path, [APP], [other])[0] == line


def test_another_link_target_is_named(tmp_path: Path) -> None:
    one, two = (File("venv/l", kind="link", link=target) for target in ("a", "b"))
    assert told(tmp_path, [one], [two]) == ["venv/l: link target a and b"]


def test_missing_and_added_files_are_named(tmp_path: Path) -> None:
    lines = told(tmp_path, [APP], [File("venv/y", b"one")])
    assert lines == ["venv/x: missing (file)", "venv/y: added (file)"]


def test_another_order_is_named_with_its_first_entry(tmp_path: Path) -> None:
    files = [File("venv/a"), File("venv/b"), File("venv/c")]
    assert told(tmp_path, files, [files[0], files[2], files[1]]) == [
        "entry 2: order venv/b and venv/c"
    ]


def test_another_compression_is_told_from_other_files(tmp_path: Path) -> None:
    files = [File("venv/x", bytes(range(256)) * 90)]
    archives = (
        write_archive(tmp_path / "1.tar", [files], level=1),
        write_archive(tmp_path / "2.tar", [files], level=9),
    )
    assert describe(archives, "", "")[1:] == ["  the same files, compressed differently"]


def test_fields_of_the_configuration_are_named(tmp_path: Path) -> None:
    archives = (
        write_archive(tmp_path / "1.tar", [BASE], config={"config": {"Env": ["A=1", "B=1"]}}),
        write_archive(
            tmp_path / "2.tar",
            [BASE],
            config={"config": {"Env": ["A=1", "B=2"], "Labels": {"made.by": "x"}}},
        ),
    )
    assert describe(archives, "", "") == [
        'image configuration, config.Env[1]: value "B=1" and "B=2"',
        'image configuration, config.Labels: value none and {"made.by": "x"}',
    ]


def test_the_same_image_differs_in_nothing(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "1.tar", [BASE, [APP]], config=HISTORY)
    assert describe((archive, archive), DOCKERFILE, "docker/Dockerfile") == []


def test_a_layer_that_is_wholly_another_is_told_in_a_few_lines(tmp_path: Path) -> None:
    one, two = ([File(f"venv/{n}", text) for n in range(40)] for text in (b"a", b"b"))
    lines = told(tmp_path, one, two)
    assert len(lines) == 13
    assert lines[-1] == "… and 28 more"


@pytest.mark.parametrize("what", WRONG)
def test_an_image_whose_manifest_is_wrong_is_not_compared(tmp_path: Path, what: str) -> None:
    whole = write_archive(tmp_path / "1.tar", [BASE, [APP]])
    wrong = write_archive(tmp_path / "2.tar", [BASE, [APP]], change=WRONG[what])
    for archives in ((whole, wrong), (wrong, whole)):
        with pytest.raises(ImageInvalidError):
            describe(archives, "", "")


def test_a_configuration_with_an_odd_history_is_compared_nevertheless(tmp_path: Path) -> None:
    odd = [{}, [], {"created_by": ""}, {"created_by": 5}, {"created_by": "COPY x"}]
    archives = tuple(
        write_archive(tmp_path / f"{n}.tar", [BASE, [APP]], config={"history": history})
        for n, history in enumerate(([], odd, "COPY"))
    )
    for other in archives[1:]:
        assert "history" in describe((archives[0], other), DOCKERFILE, "d")[0]
        assert "history" in describe((other, archives[0]), DOCKERFILE, "d")[0]


def test_a_time_that_no_clock_has_is_shown_as_a_number(tmp_path: Path) -> None:
    assert "1e+30 s" in told(tmp_path, [APP], [File("venv/x", b"one", time=1e30)])[0]


DU = begins("docker", "buildx", "du")


class Engine:
    """An engine that has the project's image, and gives what is built now these ids."""

    def __init__(self, project: Project, built: str, *, base: str, made: str = "") -> None:
        self.project, self.built, self.base, self.made = project, built, base, made

    def __call__(self, command: Sequence[str]) -> Completed | None:
        words = list(command)
        if words[:3] == ["docker", "image", "inspect"]:
            return completed(json.dumps([self.facts(words[-1])]))
        if words[:2] == ["docker", "save"]:
            files = [File("app/x", b"2" if words[2] == OTHER else b"1")]
            write_archive(Path(words[4]), [files])
            return completed()
        others = (ENGINE, BUILDX, NO_REGISTRY, BUILDS, REMOVES_IMAGE, DU, on("base/build.sh"))
        answers = (answer(words) for answer in others)
        return next((done for done in answers if done is not None), None)

    def facts(self, name: str) -> dict[str, object]:
        labels = {
            "hakobune.lock.sha256": read_fresh_lock(self.project).sha256,
            "hakobune.source.sha256": current_source(self.project, FakeRunner()).sha256,
            "org.opencontainers.image.base.name": self.base,
        }
        ids = {"demo:local": DIGEST, self.base: DIGEST}
        made = self.made if name.endswith("-base") else self.built
        return {"Id": ids.get(name, made or DIGEST), "Config": {"Labels": labels}}


def ready(tmp_path: Path) -> tuple[Project, FakeReporter, Patience]:
    project, reporter = write_project(tmp_path), FakeReporter()
    render(project, read_fresh_lock(project), FakeRunner(), reporter)
    return project, reporter, Patience(clock=NoClock(), reporter=reporter, pauses_s=())


class NoClock:
    def now(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def test_the_second_build_uses_nothing_of_the_first_and_is_removed(tmp_path: Path) -> None:
    project, reporter, patience = ready(tmp_path)
    base = str(debian_tag(read_fresh_lock(project)))
    runner = FakeRunner([Engine(project, DIGEST, base=base)])
    image = reproduce_image(project, runner, reporter, secrets=NO_SECRETS, patience=patience)
    assert image.id == DIGEST
    of_base, of_image = runner.called("buildx", "build")
    again = of_image[of_image.index("--tag") + 1]
    assert "--no-cache" in of_base
    assert "--no-cache" in of_image
    assert f"BUILDKIT_CACHE_MOUNT_NS={again}" in of_image
    assert f"HAKOBUNE_BASE={base}" in of_image
    assert {call[-1] for call in runner.called("image", "rm")} == {again, f"{again}-base"}


def test_an_image_that_comes_out_otherwise_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    project, reporter, patience = ready(tmp_path)
    base = str(debian_tag(read_fresh_lock(project)))
    runner = FakeRunner([Engine(project, OTHER, base=base)])
    with pytest.raises(ImageNotReproducedError) as caught:
        reproduce_image(project, runner, reporter, secrets=NO_SECRETS, patience=patience)
    assert "app/x: bytes" in caught.value.what
    assert DIGEST in caught.value.what
    assert OTHER in caught.value.what
    assert len(runner.called("image", "rm")) == 2


def test_a_base_that_comes_out_otherwise_is_told_before_the_image_is_built(tmp_path: Path) -> None:
    project, reporter, patience = ready(tmp_path)
    base = str(debian_tag(read_fresh_lock(project)))
    runner = FakeRunner([Engine(project, DIGEST, base=base, made=OTHER)])
    with pytest.raises(BaseNotReproducedError, match="app/x: bytes"):
        reproduce_image(project, runner, reporter, secrets=NO_SECRETS, patience=patience)
    assert len(runner.called("buildx", "build")) == 1


def test_an_image_on_a_base_that_the_lock_left_is_stale(tmp_path: Path) -> None:
    project, reporter, patience = ready(tmp_path)
    runner = FakeRunner([Engine(project, DIGEST, base="hakobune-base:older")])
    with pytest.raises(ImageStaleError, match="older"):
        reproduce_image(project, runner, reporter, secrets=NO_SECRETS, patience=patience)


def test_a_pinned_base_is_asked_for_again(tmp_path: Path) -> None:
    project, reporter, patience = ready(tmp_path)
    manifest = '{"layers": []}'
    digest = "sha256:1aae95ffbd8b4f06ac60f2d6c3dfbd34e2a8e0d84d5dbee4d7e9e8c1ca3e8c5a"
    lock = pin_base(project, read_fresh_lock(project), digest, reporter)
    render(project, lock, FakeRunner(), reporter)
    base = f"docker.io/library/python@{digest}"
    runner = FakeRunner([on("--raw", stdout=manifest), Engine(project, DIGEST, base=base)])
    with pytest.raises(BaseNotReproducedError, match="another manifest"):
        reproduce_image(project, runner, reporter, secrets=NO_SECRETS, patience=patience)
    unreachable = on("--raw", exit_code=1, stderr="dial tcp: lookup x: no such host")
    runner = FakeRunner([unreachable, Engine(project, DIGEST, base=base)])
    reproduce_image(project, runner, reporter, secrets=NO_SECRETS, patience=patience)
    assert any("not fetched again" in text for text in reporter.said)


def test_nothing_is_left_of_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    project, reporter, patience = ready(tmp_path / "project")
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    base = str(debian_tag(read_fresh_lock(project)))
    runner = FakeRunner([Engine(project, OTHER, base=base)])
    with pytest.raises(ImageNotReproducedError):
        reproduce_image(project, runner, reporter, secrets=NO_SECRETS, patience=patience)
    assert list(folder.iterdir()) == []
