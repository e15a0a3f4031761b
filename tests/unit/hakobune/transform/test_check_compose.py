"""A compose file is the container of `hakobune train`, or each difference has its line."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hakobune.transform.check_compose import compose_differences
from hakobune.transform.read_project import read_project
from hakobune.transform.write_compose import render_compose
from tests.renamed import rename
from tests.samples import make_project

ROOT = Path(__file__).resolve().parents[4]
PROJECT = make_project(Path("/nowhere"))
WRITTEN = render_compose(PROJECT, environment="demo")


def found(*contents: bytes, project: Any = PROJECT) -> list[str]:
    names = ("compose.yml", "compose.override.yml")
    pairs = list(zip(names, contents, strict=False))
    return compose_differences(pairs, project=project, tag="demo:local")


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    whole = yaml.safe_load(WRITTEN)
    change(whole["services"]["train"])
    return yaml.safe_dump(whole, sort_keys=False).encode()


def test_what_hakobune_writes_agrees() -> None:
    assert found(WRITTEN) == []
    gpus = replace(PROJECT, gpus="all")
    text = render_compose(gpus, environment="demo")
    service = yaml.safe_load(text)["services"]["train"]
    assert service["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    ]
    assert found(text, project=gpus) == []
    assert "reserves GPUs" in found(text)[0]
    assert "reserves no GPUs" in found(WRITTEN, project=gpus)[0]


def test_a_renamed_copy_for_a_test_is_the_same_file_but_for_its_names(tmp_path: Path) -> None:
    for name in ("docker-compose.yml", "pyproject.toml", "environments"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    rename(tmp_path, "renamed-copy")
    before, after = (
        yaml.safe_load((folder / "docker-compose.yml").read_text(encoding="utf-8"))
        for folder in (ROOT, tmp_path)
    )
    assert after.pop("name") == "renamed-copy" != before.pop("name")
    assert json.dumps(after) == json.dumps(before).replace("arima-env:", "renamed-copy:")


@pytest.mark.parametrize("folder", [".", "tests/cases/word-count"])
def test_the_repository_s_own_files_agree(folder: str) -> None:
    text = (ROOT / folder / "pyproject.toml").read_text(encoding="utf-8")
    project = read_project(text, root=ROOT / folder)
    content = (ROOT / folder / "docker-compose.yml").read_bytes()
    name = {".": "arima-env", "tests/cases/word-count": "word-count"}[folder]
    pairs = [("docker-compose.yml", content)]
    assert compose_differences(pairs, project=project, tag=f"{name}:local") == []


DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "image": (
        {"image": "python:3.13"},
        "`image` is 'python:3.13', and hakobune train has 'demo:local'",
    ),
    "network": ({"network_mode": "bridge"}, "`network_mode` is 'bridge', and hakobune train has"),
    "networks": ({"networks": ["a"]}, "'networks' is a setting that hakobune train does not have"),
    "root": ({"read_only": False}, "`read_only` is 'false', and hakobune train has 'true'"),
    "user": ({"user": "1000"}, "`user` is '1000', and hakobune train has '0:0'"),
    "capabilities": ({"cap_add": ["SYS_ADMIN"]}, "`cap_add` is '[SYS_ADMIN]', and"),
    "privileged": ({"privileged": True}, "'privileged' is a setting that hakobune train does not"),
    "memory": ({"mem_limit": "64g"}, "`mem_limit` is '64g', and hakobune train has '4g'"),
    "tmp": ({"tmpfs": "/tmp"}, "`tmpfs` is '/tmp', and"),
    "program": ({"entrypoint": ["bash"]}, "it does not run 'python -m demo'"),
    "rights": ({"entrypoint": "python -m demo"}, "keeps the user and capabilities"),
    "variables": ({"environment": ["A=1", "HAKOBUNE_RUN_ID"]}, "does not set 'A'"),
    "a mapping of variables": ({"environment": {"LANG": "C"}}, "does not set 'LANG'"),
    "runs": ({"volumes": ["./runs:/workspace/runs"]}, "it mounts './runs' at '/workspace/runs'"),
    "no runs": ({"volumes": []}, "it does not mount ./runs/.incoming at /workspace/runs"),
    "code": (
        {"volumes": ["./src/demo:/app/demo:ro", "./runs/.incoming:/workspace/runs"]},
        "it mounts './src/demo' at '/app/demo' and hakobune train does not",
    ),
    "engine": (
        {"volumes": ["/var/run/docker.sock:/s", "./runs/.incoming:/workspace/runs"]},
        "it mounts '/var/run/docker.sock' at '/s', for writing,",
    ),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_each_difference_is_named_with_its_line(case: str) -> None:
    change, words = DIFFERENT[case]
    content = edited(lambda service: service.update(change))
    lines = found(content)
    (line,) = [line for line in lines if words in line]
    number = int(line.split(":")[1])
    (key,) = change
    assert content.decode().splitlines()[number - 1].strip().startswith(f"{key}:")
    assert line.startswith(f"compose.yml:{number}: service 'train': ")


def test_a_missing_limit_is_named_with_the_service(tmp_path: Path) -> None:
    (line,) = found(edited(lambda service: service.pop("pids_limit")))
    assert line == (
        "compose.yml:3: service 'train': `pids_limit` is missing, and hakobune train has '4096'"
    )


SAME: dict[str, dict[str, Any]] = {
    "sizes": {"mem_limit": "${HAKOBUNE_MEMORY-4096m}", "shm_size": 2147483648},
    "numbers": {"cpus": 0.0, "pids_limit": "4096"},
    "names": {"cap_add": ["CAP_SETPCAP", "setuid", "SETGID"], "cap_drop": ["all"]},
    "privileges": {"security_opt": ["no-new-privileges=true"]},
    "order": {"tmpfs": ["/tmp:size=2g,exec"]},
    "volumes": {"volumes": ["./data:/workspace/data:ro", "./runs/.incoming:/workspace/runs:rw"]},
    "source": {"volumes": ["./src/demo:/checkout:ro", "./runs/.incoming:/workspace/runs"]},
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_setting_in_other_words_is_no_difference(case: str) -> None:
    assert found(edited(lambda service: service.update(SAME[case]))) == []


def test_anchors_and_merges_are_read_as_compose_does() -> None:
    content = WRITTEN.replace(b"services:\n  train:\n", b"services:\n  train: &a\n")
    content += b"  other:\n    <<: *a\n    read_only: false\n"
    place = content.index(b"secrets:\n  ca")
    content = content[:place] + b"x: 1\n" + content[place:]
    text = content.decode()
    moved = text[text.index("  other:") :]
    text = text.replace(moved, "").replace("x: 1\n", moved)
    (line,) = found(text.encode())
    assert ": service 'other': `read_only` is 'false'" in line
    assert text.splitlines()[int(line.split(":")[1]) - 1] == "    read_only: false"


def test_a_service_of_another_image_is_nobody_s_business() -> None:
    def change(service: dict[str, Any]) -> None:
        del service["user"]

    whole = yaml.safe_load(edited(change))
    whole["services"] = {"database": {**whole["services"]["train"], "image": "postgres:17"}}
    assert found(yaml.safe_dump(whole).encode()) == []


def test_another_service_may_be_on_an_internal_network_and_on_no_other() -> None:
    def differences(networks: Any, services_networks: Any) -> list[str]:
        whole = yaml.safe_load(WRITTEN)
        node = dict(whole["services"]["train"])
        del node["network_mode"]
        whole["services"]["node"] = node | {"networks": services_networks}
        return found(yaml.safe_dump(whole | {"networks": networks}, sort_keys=False).encode())

    inside = {"nodes": {"internal": True}}
    assert differences(inside, ["nodes"]) == differences(inside, {"nodes": {}}) == []
    for networks, names in (({"nodes": {}}, ["nodes"]), (inside, ["nodes", "default"]), ({}, [])):
        (one,) = differences(networks, names)
        assert "service 'node': `network_mode` is missing" in one


def test_a_second_file_is_laid_over_the_first() -> None:
    over = b"services:\n  train:\n    volumes: ['./more:/more']\n    network_mode: host\n"
    first, second = found(WRITTEN, over)
    where = "compose.override.yml"
    assert first.startswith(f"{where}:3: service 'train': it mounts './more' at '/more'")
    assert second.startswith(f"{where}:4: service 'train': `network_mode` is 'host'")


LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"services: [", "compose.yml:1: not YAML: "),
        (b"\xff\xfe", "compose.yml:1: not YAML"),
        (b"a: \x00", "compose.yml:1: not YAML"),
        (b"[" * 5000, "compose.yml:1: nested too deeply, or too large"),
        (f"{LAUGHS}services: {{train: *a39}}".encode(), "compose.yml:1: nested too deeply"),
        (f"{MERGES}services: {{train: *a39}}".encode(), "compose.yml:1: nested too deeply"),
        (b"services: &a {train: {<<: *a}}", "compose.yml:1: nested too deeply, or too large"),
    ],
)
def test_a_file_that_is_none_is_named(content: bytes, words: str) -> None:
    (line,) = found(content)
    assert line.startswith(words)


@pytest.mark.parametrize(
    "content", [b"", b"services:", b"services: 3", b"- a", b"services: {train: 3}", b"a: 1"]
)
def test_a_file_without_services_has_no_difference(content: bytes) -> None:
    assert found(content) == []


LEAF = st.sampled_from([None, True, 3, -1.5, "", "a:b:ro", "$", "${A:-}", "\x1b[2J", "1g", "gpu"])
ENTRY = st.dictionaries(st.sampled_from(["source", "target", "read_only", "x"]), LEAF, max_size=3)
JUNK = LEAF | ENTRY | st.lists(LEAF | ENTRY, max_size=3)
KEYS = ["image", "volumes", "entrypoint", "environment", "deploy", "tmpfs", "cpus", "cap_add", "x"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=4))
def test_whatever_a_service_holds_is_compared(service: dict[str, Any]) -> None:
    lines = found(yaml.safe_dump({"services": {"train": service}}).encode())
    assert lines
    assert all(line.isprintable() for line in lines)
