import json
from pathlib import Path

import pytest

from hakobune.adapters import docker_cli
from hakobune.errors import (
    BuildFailedError,
    BuildkitMissingError,
    DiskFullError,
    DockerfileStaleError,
    EngineMissingError,
    HakobuneError,
    HashMismatchError,
    ImageMissingError,
    ImportFailedError,
    IndexUnreachableError,
)
from hakobune.model.secrets import BuildSecrets
from tests.samples import BUILDX, DIGEST, REMOVES, STOPS, FakeReporter, FakeRunner, on


def test_the_engine_s_version_is_returned() -> None:
    assert docker_cli.engine_version(FakeRunner([on("version", stdout="26.1.5\n")])) == "26.1.5"


@pytest.mark.parametrize(
    ("code", "stderr", "what"),
    [
        (127, "[Errno 2] No such file", "there is no `docker` program"),
        (1, "x\nCannot connect to the daemon", "no Docker engine answers: Cannot connect to the"),
        (1, "permission denied while trying", "the Docker engine refuses this user: permission"),
    ],
)
def test_a_missing_engine_is_told_apart_from_a_forbidden_one(
    code: int, stderr: str, what: str
) -> None:
    with pytest.raises(EngineMissingError) as caught:
        docker_cli.engine_version(FakeRunner([on("version", exit_code=code, stderr=stderr)]))
    assert caught.value.what.startswith(what)
    assert "docker/engine.sh ensure" in caught.value.remedy


def test_an_engine_without_buildkit_is_refused() -> None:
    with pytest.raises(BuildkitMissingError, match=r"20\.10\.24"):
        docker_cli.require_buildkit(FakeRunner(), "20.10.24")
    runner = FakeRunner([on("buildx", exit_code=1, stderr="is not a docker command")])
    with pytest.raises(BuildkitMissingError, match="no buildx plugin"):
        docker_cli.require_buildkit(runner, "28.0.0")
    docker_cli.require_buildkit(FakeRunner([BUILDX]), "26.1.5+dfsg1")


def test_an_image_that_is_not_there_names_the_command() -> None:
    said = "Error response from daemon: No such image: demo:local\n"
    with pytest.raises(ImageMissingError) as caught:
        docker_cli.inspect(FakeRunner([on("inspect", exit_code=1, stderr=said)]), "demo:local")
    assert "hakobune build" in caught.value.remedy


def test_an_engine_that_is_not_there_is_not_taken_for_a_missing_image() -> None:
    said = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?\n"
    runner = FakeRunner([on("docker", exit_code=1, stderr=said)])
    with pytest.raises(EngineMissingError, match="no Docker engine answers"):
        docker_cli.inspect(runner, "demo:local")


def test_an_image_is_its_id_size_and_base() -> None:
    facts = [{"Id": DIGEST, "Size": 7, "Config": {"Labels": {docker_cli.BASE_LABEL: "debian"}}}]
    image = docker_cli.inspect(FakeRunner([on("inspect", stdout=json.dumps(facts))]), "demo:local")
    assert (image.tag, image.id, image.base, image.size_bytes) == (
        "demo:local",
        DIGEST,
        "debian",
        7,
    )


def test_a_build_command_holds_no_secret_s_text_and_no_provenance() -> None:
    command = docker_cli.build_command(
        tag="demo:local",
        dockerfile=Path("/p/docker/Dockerfile"),
        context=Path("/p"),
        arguments={"A": "1"},
        secrets=BuildSecrets(ca_bundle=None, pip_conf="hidden", extra_index_url=""),
    )
    assert command == [
        *("docker", "buildx", "build", "--platform", "linux/amd64", "--provenance=false"),
        *("--progress=plain", "--load", "--tag", "demo:local", "--file", "/p/docker/Dockerfile"),
        *("--build-arg", "A=1", "--secret", "id=pip_conf,env=HAKOBUNE_SECRET_PIP_CONF", "/p"),
    ]


@pytest.mark.parametrize(
    ("output", "error", "what"),
    [
        ("#9 3.1 write x: no space left on device", DiskFullError, "the disk filled up during the"),
        (
            "#9 1.2 error: Hash mismatch for `six==1.17.0`",
            HashMismatchError,
            "file for six==1.17.0",
        ),
        (
            "#9 1.1 THESE PACKAGES DO NOT MATCH THE HASHES FROM\n#9 1.1     uv==0.9 from https://x",
            HashMismatchError,
            "file for uv==0.9",
        ),
        (
            "#12 0.3 src/demo changed after this Dockerfile was rendered; run: hakobune render",
            DockerfileStaleError,
            "src/demo changed after",
        ),
        ("#9 ERROR: process did not complete: exit code: 7", BuildFailedError, "exit code: 7"),
        ("", BuildFailedError, "docker could not build the image"),
    ],
)
def test_a_failed_build_is_named_by_its_cause(
    output: str, error: type[HakobuneError], what: str
) -> None:
    runner = FakeRunner([on("build", stdout=output, exit_code=1)])
    with pytest.raises(error) as caught:
        docker_cli.build(runner, ["docker", "build"], FakeReporter())
    assert what in caught.value.what


def test_packages_that_cannot_be_imported_are_named_once_each_without_control_codes() -> None:
    output = (
        "#9 1.1 OSError: libgomp.so.1: cannot open shared object file\n"
        "#9 1.2 hakobune: cannot import one: lib.so needs the system library libgomp.so.1\n"
        "#9 1.3 hakobune: cannot import two: import two ends with E: \x1b[2J" + "x" * 999 + "\n"
        "------\n"
        "1.2 hakobune: cannot import one: lib.so needs the system library libgomp.so.1\n"
    )
    with pytest.raises(ImportFailedError) as caught:
        docker_cli.build(
            FakeRunner([on("build", stdout=output, exit_code=1)]),
            ["docker", "build"],
            FakeReporter(),
        )
    one, two = caught.value.what.splitlines()
    assert one == "the image cannot import one: lib.so needs the system library libgomp.so.1"
    assert two.startswith("the image cannot import two: import two ends with E: \\x1b[2Jxxx")
    assert len(two) < 350
    assert "hakobune lock" in caught.value.remedy


def test_whatever_ends_us_the_container_does_not_go_on() -> None:
    class Interrupted(FakeRunner):
        def attach(self, *_args: object, **_more: object) -> int:
            raise KeyboardInterrupt

    runner = Interrupted([STOPS, REMOVES])
    with pytest.raises(KeyboardInterrupt):
        docker_cli.train(runner, ["docker", "run"], "hakobune-1")
    assert [call[1] for call in runner.calls] == ["stop", "rm"]
    assert all(call[-1] == "hakobune-1" for call in runner.calls)


@pytest.mark.parametrize(
    "line",
    [
        "#9 1.2 pip: Failed to establish a new connection: [Errno -3]",
        "#9 1.2   cause: dns error",
        "#9 1.2 pip WARNING: Temporary failure in name resolution",
    ],
)
def test_a_step_without_a_network_is_told_from_a_broken_one(line: str) -> None:
    output = f'#9 RUN pip install\n{line}\nERROR: process "/bin/sh -c pip install" did not\n'
    with pytest.raises(IndexUnreachableError) as caught:
        docker_cli.build(
            FakeRunner([on("build", exit_code=1, stdout=output)]),
            ["docker", "build"],
            FakeReporter(),
        )
    assert "--offline" in caught.value.remedy


def test_only_the_caches_of_the_namespace_are_removed() -> None:
    def record(name: str, namespace: str) -> str:
        return f'ID:\t\t{name}\nDescription:\tcached mount /c from x\n with id "{namespace}//c"\n'

    listed = "\n".join([record("one", ""), record("two", "ours"), record("three", "ours2")])
    runner = FakeRunner([on("du", stdout=listed), on("prune")])
    docker_cli.remove_caches(runner, "ours")
    (pruned,) = runner.called("prune")
    assert pruned[-2:] == ["--filter", 'id="^(two)$"']


def test_nothing_is_pruned_where_no_record_is_named() -> None:
    """Without a filter, `prune --all` would take everything."""
    runner = FakeRunner([])
    docker_cli.remove_records(runner, [])
    assert not runner.calls


def test_an_image_that_cannot_be_saved_is_an_error_of_ours(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    full = on("save", exit_code=1, stderr="write: no space left on device")
    with pytest.raises(DiskFullError, match="no space"):
        docker_cli.save(FakeRunner([full]), "x", archive)
    gone = on("save", exit_code=1, stderr="No such image: x")
    with pytest.raises(ImageMissingError, match="No such image"):
        docker_cli.save(FakeRunner([gone]), "x", archive)


def test_a_build_to_a_folder_makes_no_image(tmp_path: Path) -> None:
    command = docker_cli.export_command(
        folder=tmp_path / "out",
        dockerfile=tmp_path / "Dockerfile",
        context=tmp_path,
        arguments={"A": "1"},
    )
    assert not {"--load", "--tag", ""} & set(command)
    assert command[command.index("--output") + 1] == f"type=local,dest={tmp_path / 'out'}"
