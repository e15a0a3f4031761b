"""A canary against a drydock whose nodes differ in one thing: it names exactly that one."""

import json
from pathlib import Path

import pytest

from drydock.assumptions import ASSUMPTIONS, known, write_broken
from drydock.output_mounts import reason_against
from tests.e2e.conftest import Drydock, Site, calling

pytestmark = pytest.mark.e2e
# Each costs 7 CPU seconds, most of them for the import of the SDK.
QUICK = ("rename",)
NEEDS_FUSE = pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-")
MOUNTED = ("canary", "--create-compute", "--output-mode", "rw_mount", "--json")


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.minutes)
        for name in ASSUMPTIONS
    ],
)
def test_the_canary_names_exactly_what_is_broken(
    site: Site, drydock: Drydock, small: Path, name: str
) -> None:
    write_broken(drydock.state, known([name]))
    try:
        done = calling(site, small)("canary", "--create-compute", "--json")
    finally:
        write_broken(drydock.state, known([]))
    assert done.returncode in (5, 14), done.stderr
    found = json.loads(done.stdout)
    assert [one["step"] for one in found["findings"] if one["state"] != "ok"] == [name]
    kept = json.loads(Path(found["file"]).read_bytes())
    assert kept["findings"] == found["findings"]


IN_MOUNT = ("output", "rename", "append", "mkdir", "fsync", "arrival")


@NEEDS_FUSE
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.minutes) for name in IN_MOUNT],
)
def test_a_mounted_output_s_canary_names_exactly_what_is_broken(
    site: Site, drydock: Drydock, small: Path, name: str
) -> None:
    write_broken(drydock.state, known([name]))
    try:
        done = calling(site, small)(*MOUNTED)
    finally:
        write_broken(drydock.state, known([]))
    found = json.loads(done.stdout)
    assert [one["step"] for one in found["findings"] if one["state"] != "ok"] == [name]
    if name != "output":  # a mount cannot be read-only here: that node has a folder
        assert found["facts"]["output"].startswith("fuse"), found["facts"]


@NEEDS_FUSE
@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (None, []),
        pytest.param("rename-refused", ["rename"], marks=pytest.mark.minutes),
        pytest.param("copy-failed", ["rename"], marks=pytest.mark.minutes),
        pytest.param("rename-corrupted", ["rename"], marks=pytest.mark.minutes),
    ],
)
def test_a_mounted_output_s_own_faults_are_seen_by_the_canary(
    site: Site, drydock: Drydock, small: Path, fault: str | None, names: list[str]
) -> None:
    if fault is not None:
        drydock.inject(fault)
    done = calling(site, small)(*MOUNTED)
    found = json.loads(done.stdout)
    assert [one["step"] for one in found["findings"] if one["state"] != "ok"] == names, done.stderr
    assert found["facts"]["rename of a folder"].startswith("EIO")


def test_a_node_as_assumed_has_nothing_to_name(site: Site, drydock: Drydock, small: Path) -> None:
    done = calling(site, small)("canary", "--create-compute")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("; observed: ") == len(ASSUMPTIONS)


def test_doctor_asks_the_workspace_and_names_what_it_refuses(
    site: Site, drydock: Drydock, small: Path
) -> None:
    drydock.inject("no-permission", "datastores_*", 9)
    done = calling(site, small)("doctor", "--cloud", "--json")
    found = {one["step"]: one for one in json.loads(done.stdout)["findings"]}
    assert (found["cloud"]["state"], found["push"]["state"]) == ("ok", "ok"), done.stderr
    assert found["storage"]["state"] == "no"
    assert found["storage"]["remedy"]
    assert "Traceback" not in done.stderr
