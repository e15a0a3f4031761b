"""A submit that is killed, and run again: one job (`rehearsal --only kills` takes fifty)."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Drydock, Site, calling, command_line

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SUBMIT = ("submit", "--create-compute", "--fetch", "--text", "text.txt")


def test_a_submit_killed_at_any_moment_goes_on_with_its_job(
    site: Site, drydock: Drydock, small: Path
) -> None:
    hakobune = calling(site, small)
    began = time.monotonic()
    whole = hakobune(*SUBMIT, "--tag", "kill=none")
    assert whole.returncode == 0, whole.stderr
    seconds = time.monotonic() - began
    for part in (0.6, 0.95):
        before = set(drydock.resources("jobs"))
        command = (*SUBMIT, "--tag", f"kill={part}")
        child = subprocess.Popen(
            command_line(*command),
            cwd=small,
            env=site.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds * part)
        child.kill()
        child.wait()
        again = hakobune(*command)
        assert again.returncode == 0, again.stderr
        assert len(set(drydock.resources("jobs")) - before) == 1, part


def test_again_is_another_job(site: Site, drydock: Drydock, small: Path) -> None:
    hakobune = calling(site, small)
    before = set(drydock.resources("jobs"))
    words = ("submit", "--create-compute", "--text", "text.txt", "--tag", "kill=again")
    names = [hakobune(*words, *more).stdout for more in ((), (), ("--again",))]
    assert names[0] == names[1] != names[2]
    assert len(set(drydock.resources("jobs")) - before) == 2
