"""Builds whose paths hold what separates fields elsewhere: buildx reads its options as CSV."""

import secrets
from pathlib import Path

import pytest

from hakobune.adapters import docker_cli
from hakobune.adapters.process import SystemRunner
from hakobune.model.secrets import BuildSecrets
from tests.samples import FakeReporter

pytestmark = pytest.mark.container
ODD = ("a, b", 'quote "x"', "箱舟", "c:d@e")


@pytest.mark.parametrize("name", ODD)
def test_a_build_takes_any_path(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    (root / "file.txt").write_text("x", encoding="utf-8")
    (root / "wheels").mkdir()
    (root / "wheels/w.whl").write_text("w", encoding="utf-8")
    dockerfile = root / "Dockerfile"
    text = "FROM scratch AS vendor\nFROM scratch\nCOPY file.txt /\nCOPY --from=vendor / /wheels\n"
    dockerfile.write_text(text, encoding="utf-8")
    bundle = root / "ca.pem"
    bundle.write_text("CA", encoding="utf-8")
    given = BuildSecrets(ca_bundle=bundle, pip_conf="[global]\n", extra_index_url="")
    folder = root / "out"
    command = docker_cli.export_command(
        folder=folder, dockerfile=dockerfile, context=root, arguments={}, secrets=given
    )
    vendor = ("--build-context", f"vendor={root / 'wheels'}")
    runner = SystemRunner()
    docker_cli.build(runner, [*command[:-1], *vendor, command[-1]], FakeReporter(), secrets=given)
    assert (folder / "file.txt").read_text(encoding="utf-8") == "x"
    assert (folder / "wheels/w.whl").read_text(encoding="utf-8") == "w"
    tag = f"hakobune-paths:{secrets.token_hex(4)}"
    command = docker_cli.build_command(
        tag=tag, dockerfile=dockerfile, context=root, arguments={}, secrets=given
    )
    try:
        docker_cli.build(runner, command, FakeReporter(), secrets=given)
        assert docker_cli.has_image(runner, tag)
    finally:
        docker_cli.remove_tag(runner, tag)
