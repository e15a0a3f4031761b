"""What goes wrong before a job runs: a line of what, one of what to do, a code of its own.

Nothing is left half made, and the same command under a better sky goes on. What needs no workspace
to be wrong is in tests/unit; what is simply not there is in test_cloud.py.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.stages.job_notes import NOTES
from tests.e2e.conftest import (
    Drydock,
    Hakobune,
    Site,
    forget,
    last_name,
    local,
    lock_of,
    name_anew,
    word_count,
)
from tests.samples import assert_failed

pytestmark = pytest.mark.e2e
SUBMIT = ("submit", "--again", "--create-compute", "--text", "text.txt")
KINDS = ("environments", "computes", "jobs", "models")
OTHER = "11111111-2222-3333-4444-555555555555"
LOGIN = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")
# A rehearsal requires drydock's login and registry, so these cases do without the variable.
FREE = {"HAKOBUNE_REHEARSAL": None}


def made(drydock: Drydock) -> dict[str, list[Path]]:
    return {kind: drydock.resources(kind) for kind in KINDS}


def said_once(done: subprocess.CompletedProcess[str], name: str, *words: str) -> None:
    """Expect one line of what, one or more of what to do, and no traceback."""
    assert_failed(done, name)
    assert done.stderr.count("error[") == 1
    assert done.stderr.count("fix: ") == 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("more", "env", "name", "said"),
    [
        ((), {**dict.fromkeys(LOGIN), **FREE}, "login-missing", "az login"),
        ((), {"AZURE_CLIENT_ID": "", **FREE}, "login-missing", "AZURE_CLIENT_ID"),
        ((), {"AZURE_CLIENT_SECRET": "wrong"}, "login-missing", "AZURE_CLIENT_SECRET"),
        ((), {"AZURE_TENANT_ID": OTHER}, "tenant-wrong", "AZURE_TENANT_ID"),
        ((), {"HAKOBUNE_SUBSCRIPTION": OTHER}, "workspace-not-found", "az account show"),
        (
            ("--registry", "127.0.0.1:1"),
            FREE,
            "registry-unreachable",
            "check the registry's name (127.0.0.1:1)",
        ),
        (("--compute", "odd name!"), {}, "name-invalid", "odd name!"),
        (("--compute", "c" * 99), {}, "name-invalid", "ccc"),
    ],
    ids=["nobody", "half", "secret", "tenant", "subscription", "registry", "characters", "length"],
)
def test_a_submit_that_cannot_go_says_why_and_leaves_nothing(  # noqa: PLR0913, PLR0917 - the case, and where
    hakobune: Hakobune,
    drydock: Drydock,
    small: Path,
    more: tuple[str, ...],
    env: Mapping[str, str | None],
    name: str,
    said: str,
) -> None:
    before = made(drydock)
    said_once(hakobune(*SUBMIT, *more, cwd=small, **env), name, said)
    assert made(drydock) == before
    again = hakobune(*SUBMIT, cwd=small)
    assert again.returncode == 0, again.stderr
    assert len(drydock.resources("jobs")) == len(before["jobs"]) + 1


def test_of_two_submits_at_once_one_is_refused(
    hakobune: Hakobune, drydock: Drydock, small: Path
) -> None:
    before = drydock.resources("jobs")
    # In place of a first submit, which would have to be slow for as long as this machine needs.
    with files.only_one(small / NOTES / ".lock") as is_alone:
        assert is_alone
        second = hakobune(*SUBMIT, cwd=small)
    said_once(second, "submit-running", "it prints the job's name")
    assert drydock.resources("jobs") == before
    after = hakobune(*SUBMIT, cwd=small)
    assert after.returncode == 0, after.stderr
    assert after.stdout.strip() == last_name(small)


def test_an_image_for_other_machines_is_not_pushed(
    hakobune: Hakobune, site: Site, drydock: Drydock, tmp_path: Path
) -> None:
    project = word_count(tmp_path / "project")
    name_anew(project, site, "arm")
    tag = f"{lock_of(project).environment}:local"
    show = ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", tag]
    labels = json.loads(subprocess.run(show, check=True, capture_output=True).stdout)
    words = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    build = ["docker", "buildx", "build", "--platform", "linux/arm64", "--provenance=false"]
    subprocess.run(
        [*build, "--load", "--tag", tag, *words, "-"],
        input=b"FROM scratch\nCOPY <<END /empty\nEND\n",
        check=True,
        capture_output=True,
    )
    try:
        before = made(drydock)
        for command in (("push",), SUBMIT):
            said_once(
                hakobune(*command, cwd=project),
                "platform-unsupported",
                "linux/arm64",
                "hakobune build",
            )
        assert made(drydock) == before
        local("build", cwd=project)
        local("smoke", "--text", "text.txt", cwd=project)
        again = hakobune(*SUBMIT, cwd=project)
        assert again.returncode == 0, again.stderr
    finally:
        forget(project, site)


def test_an_image_that_was_never_tried_is_not_submitted(
    hakobune: Hakobune, drydock: Drydock, small: Path
) -> None:
    receipts = small / ".hakobune/receipts"
    aside = receipts.rename(small / ".hakobune/aside")
    try:
        before = made(drydock)
        said_once(hakobune(*SUBMIT, cwd=small), "receipt-missing", "hakobune smoke")
        assert made(drydock) == before
    finally:
        aside.rename(receipts)


def test_a_job_that_was_deleted_meanwhile_is_told_as_gone(
    hakobune: Hakobune, site: Site, drydock: Drydock, small: Path
) -> None:
    submitted = hakobune(*SUBMIT, "--watch", cwd=small)
    assert submitted.returncode == 0, submitted.stderr
    job = last_name(small)
    site.ask("delete", job)
    models = drydock.resources("models")
    for command in ("watch", "fetch", "register", "cancel"):
        said_once(hakobune(command, job, cwd=small), "job-not-found", "the workspace has no job")
    assert not (small / "runs" / job).exists()
    assert drydock.resources("models") == models
