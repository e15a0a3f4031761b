from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from hakobune.model.project import Command
from hakobune.model.sandbox import SANDBOXES, TRAIN
from hakobune.transform.check_compose import compose_differences
from hakobune.transform.write_compose import render_compose
from tests.samples import make_project

ROOT = Path(__file__).resolve().parents[4]
PROJECT = replace(
    make_project(Path("/nowhere")),
    source=".",
    command=("python", "scripts/train.py", "--note", "it costs $5: \"a\" {b} 'c'\nü"),
    service="fit",
)
TEXT = render_compose(PROJECT, environment="demo-env").decode()


def service() -> dict[str, Any]:
    (found,) = yaml.safe_load(TEXT)["services"].items()
    assert found[0] == "fit"
    return dict(found[1])


def test_each_command_is_a_service_of_its_name() -> None:
    many = Command(name="many", command=("python", "many.py"), inputs=(), outputs=())
    project = replace(PROJECT, commands=(many,))
    content = render_compose(project, environment="demo-env")
    services = yaml.safe_load(content)["services"]
    assert list(services) == ["fit", "many"]
    assert services["many"]["entrypoint"][3:] == ["many", "python", "/app/many.py"]
    assert services["many"]["profiles"] == ["many"]
    tag = services["fit"]["image"]
    assert not compose_differences([("c.yml", content)], project=project, tag=tag)
    other = content.replace(b"/app/many.py", b"/app/other.py")
    (found,) = compose_differences([("c.yml", other)], project=project, tag=tag)
    assert "service 'many': it does not run 'python /app/many.py'" in found


def test_a_written_compose_file_is_the_table() -> None:
    wanted = SANDBOXES[TRAIN].compose_service()
    assert {key: service()[key] for key in wanted} == wanted


def test_it_is_the_repository_s_own_file_but_for_what_is_ours() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    whole, ours = yaml.safe_load(TEXT), yaml.safe_load(text)
    train = ours["services"]["train"]
    assert whole["secrets"] == ours["secrets"]
    assert set(service()) == set(train)
    for key in ("build", "command", "environment", "platform"):
        assert service()[key] == train[key]
    assert service()["entrypoint"][:3] == train["entrypoint"][:3]


def test_the_image_and_the_program_are_the_project_s() -> None:
    assert service()["image"] == "demo-env:local"
    note = "it costs $$5: \"a\" {b} 'c'\nü"
    words = ["fit", "python", "/app/scripts/train.py", "--note", note]
    assert service()["entrypoint"][3:] == words


def test_it_is_a_text_for_people() -> None:
    assert TEXT.startswith("# Written by `hakobune compose`")
    assert "&id" not in TEXT
    assert render_compose(PROJECT, environment="demo-env").decode() == TEXT
