"""The commands of test_rehearsal.py in a workspace whose storage allows no account keys."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Drydock, Hakobune, Site, calling, environment

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
QUICK = ("--order", "1,0,0", "--backtest_windows", "0")


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drydock]:
    """A stand-in of its own, started without keys."""
    drydock = Drydock(state=tmp_path_factory.mktemp("keyless") / "state")
    drydock.run("start", "--keyless")
    try:
        drydock.env = json.loads(drydock.run("env", "--json"))
        yield drydock
    finally:
        drydock.run("stop")


def calling_there(keyless: Drydock, folder: Path) -> Hakobune:
    return calling(Site(env=environment(keyless), is_azure=False), folder)


def test_data_image_job_and_model_get_there_by_the_login_alone(
    keyless: Drydock, passed: Path
) -> None:
    hakobune = calling_there(keyless, passed)
    done = hakobune("submit", "--create-compute", "--register", *QUICK)
    assert done.returncode == 0, done.stderr
    assert '--role "Storage Blob Data Contributor"' in done.stderr
    assert done.stdout.splitlines()[-1].startswith("bit-identical to the local run")
    log = (keyless.state / "log.txt").read_text(encoding="utf-8")
    assert "listSecrets" not in log
    assert "KeyBasedAuthenticationNotPermitted" not in log

    # Whoever got this far lacks nothing: the doctor must not say otherwise.
    asked = hakobune("doctor", "--cloud", "--json", HAKOBUNE_COMPUTE=None)
    found = {one["step"]: one for one in json.loads(asked.stdout)["findings"]}
    of_the_cloud = ("cloud", "roles", "storage", "push", "compute")
    assert {found[step]["state"] for step in of_the_cloud} == {"ok"}, asked.stdout
    assert "without keys" in found["storage"]["what"]
