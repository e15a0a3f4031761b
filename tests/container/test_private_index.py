"""A package of an index that needs a login: locked and built, and the password is nowhere."""

import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import pytest

from tests.index_samples import serve, wheel
from tests.samples import assert_failed

pytestmark = pytest.mark.container
Hakobune = Callable[..., subprocess.CompletedProcess[str]]

PYPROJECT = """\
[tool.hakobune]
environment = "conda.yml"
source = "prog"
command = ["python", "-m", "prog"]
[tool.hakobune.indexes]
team = {{ address = "{address}", packages = ["ix-core", "ix-broken"] }}
"""


@contextmanager
def arguments_seen() -> Iterator[set[str]]:
    """Collect the argument lists of all processes of this machine, as `ps` shows them."""
    seen: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.2):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def test_a_login_of_netrc_reaches_lock_and_build_and_is_kept_nowhere(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path
) -> None:
    name, password = f"hk-index-{secrets.token_hex(4)}", secrets.token_hex(12)
    project, netrc = tmp_path / "project", tmp_path / "logins"
    (project / "prog").mkdir(parents=True)
    (project / "prog/__main__.py").write_text("import ix_core\n", encoding="utf-8")
    conda = f"name: {name}\ndependencies:\n  - python=3.13\n  - pip: [ix-core]\n"
    (project / "conda.yml").write_text(conda, encoding="utf-8")
    # The build's containers are to reach it, so it listens where they see this machine.
    bridge = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    netrc.write_text(f"machine {bridge} login jo password {password}\n", encoding="utf-8")
    netrc.chmod(0o600)
    wheels = (wheel("ix-core", "1.0"), wheel("ix-broken", "1.0", body="1 / 0\n"))
    try:
        with (
            serve(*wheels, login=f"jo:{password}", host=bridge) as index,
            arguments_seen() as seen,
        ):
            text = PYPROJECT.format(address=index.address)
            (project / "pyproject.toml").write_text(text, encoding="utf-8")
            locked = hakobune("lock", cwd=project, NETRC=str(netrc))
            assert locked.returncode == 0, locked.stderr
            built = hakobune("build", cwd=project, NETRC=str(netrc))
            assert built.returncode == 0, built.stderr
            refused = hakobune("build", "--dry-run", cwd=project, NETRC=str(netrc))

            (project / "conda.yml").write_text(conda.replace("core]", "core, ix-broken]"), "utf-8")
            assert hakobune("lock", cwd=project, NETRC=str(netrc)).returncode == 0
            broken = hakobune("build", cwd=project, NETRC=str(netrc))
        assert_failed(broken, "import-failed")
        assert "ix-broken: import ix_broken ends with ZeroDivisionError" in broken.stderr
        assert "(broken as published: its files are the wheel's)" in broken.stderr

        image = engine.images.get(f"{name}:local")
        done = (locked, built, refused, broken)
        texts = [text for each in done for text in (each.stdout, each.stderr)]
        texts += [path.read_text("utf-8") for path in (project / "docker").iterdir()]
        texts += [(project / "conda.lock").read_text("utf-8"), str(image.history()), *seen]
        assert any("docker" in text for text in seen)
        assert not [text[:100] for text in texts if password in text]
        carry = b""
        for chunk in image.save():
            assert password.encode() not in carry + chunk
            carry = chunk[-len(password) :]
    finally:
        for found in engine.images.list(name=name):
            engine.images.remove(str(found.id), force=True)
