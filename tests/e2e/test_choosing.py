"""Which workspace the tests of test_cloud.py go to."""

import os
import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT
from tests.samples import PATIENCE_S

pytestmark = pytest.mark.process
NAMES = ("HAKOBUNE_", "AZURE", "ARM_")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "subscription, resource_group, workspace not given"),
        ({"AZURE_SUBSCRIPTION_ID": "s", "HAKOBUNE_WORKSPACE": "w"}, "resource_group not given"),
    ],
)
def test_without_a_workspace_the_cloud_s_tests_are_skipped_with_the_reason(
    given: dict[str, str], missing: str
) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(NAMES)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "cloud", "-p", "no:cacheprovider", "tests/e2e"],
        cwd=ROOT,
        env={**env, **given, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout
    assert f"no workspace of Azure in the environment: {missing}" in done.stdout
    summary = done.stdout.splitlines()[-1]
    assert "skipped" in summary
    assert "passed" not in summary
