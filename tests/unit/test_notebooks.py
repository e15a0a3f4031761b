"""The notebooks: their outputs are of one run, and each cell runs with the SDK's own types."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 400_000  # bytes, so that a page with the notebook loads quickly
NOBODY = "00000000-0000-0000-0000-000000000000"  # in place of a subscription's id
# What `hakobune export` writes, as far as a notebook looks at it.
DOCUMENTS = {
    "environment.yml": "name: arima-env\nversion: '0123'\nimage: registry/arima-env@sha256:0123\n",
    "compute.yml": "name: cpu-cluster\ntype: amlcompute\nsize: Standard_D2s_v3\nmin_instances: 0\n",
    "job.yml": "type: command\ncommand: python -m trainer\nenvironment: azureml:arima-env:0123\n"
    "compute: azureml:cpu-cluster\noutputs:\n  output:\n    type: uri_folder\n",
}
METRIC = dict.fromkeys(
    ("RMSE", "R2", "MAE", "skill", "best_baseline", "order", "seasonal_order"), "1"
) | {"verdict": "better"}
FORECAST = "date,forecast,lower_80,upper_80,lower_95,upper_95\n2024-01-01,3,2,4,1,5\n"


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def run_cells(path: Path) -> None:
    names: dict[str, Any] = {}
    for cell in cells(path, "code"):
        tree = ast.parse("".join(cell["source"]))
        exec(compile(tree, cell["id"], "exec"), names)  # noqa: S102 - the notebook's own


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_of_a_known_form(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert {cell["cell_type"] for cell in notebook["cells"]} == {"code", "markdown"}
    assert all(isinstance(line, str) for cell in notebook["cells"] for line in cell["source"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_keeps_the_outputs_of_one_run_and_nothing_of_a_machine(path: Path) -> None:
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert all(cell["metadata"] == {} for cell in code)
    assert path.stat().st_size < LARGEST, "draw smaller pictures"
    # Without pictures: base64 has slashes, too. Azure's nodes mount a job's folder in /mnt/azureml.
    read = [cell["source"] for cell in cells(path, "markdown") + code]
    for output in outputs:
        data = {"text/plain": output.get("text", []), **output.get("data", {})}
        read += [lines for kind, lines in data.items() if not kind.startswith("image/")]
    text = "\n".join("".join(lines) for lines in read).replace(" /mnt/azureml/", "")
    assert not re.search(r"(?<![\w.}])/(home|root|tmp|work|Users|mnt|var)/|[A-Z]:\\", text)
    assert set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)) <= {NOBODY}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_links_of_a_notebook_lead_somewhere(path: Path) -> None:
    text = "".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (path.parent / target).exists(), target


class Cloud:
    """A workspace that has nothing yet, with the signatures of the SDK's own operations."""

    def __init__(self) -> None:
        from azure.ai.ml import operations
        from azure.core.exceptions import ResourceNotFoundError

        self.workspace_name = "w"
        self.environments = create_autospec(operations.EnvironmentOperations, instance=True)
        self.environments.get.side_effect = ResourceNotFoundError
        self.environments.create_or_update.side_effect = lambda environment: environment
        self.compute = create_autospec(operations.ComputeOperations, instance=True)
        self.compute.get.side_effect = ResourceNotFoundError
        made = SimpleNamespace(name="cpu-cluster", size="Standard_D2s_v3")
        self.compute.begin_create_or_update.return_value.result.return_value = made
        self.jobs = create_autospec(operations.JobOperations, instance=True)
        self.jobs.create_or_update.return_value = SimpleNamespace(
            name="j1", studio_url="https://j1"
        )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


@pytest.fixture
def tool(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Write down the tool's commands, and leave the files that they would."""
    called: list[list[str]] = []

    run_really = subprocess.run

    def run(command: Any, **options: Any) -> Any:
        if command[:3] != [sys.executable, "-m", "hakobune"]:
            return run_really(command, **options)
        assert options["cwd"] == project
        called.append(command[3:])
        if command[3] == "export":
            folder = Path(command[command.index("--to") + 1])
            folder.mkdir(parents=True)
            for name, text in DOCUMENTS.items():
                (folder / name).write_text(text)
        if command[3] == "fetch":
            folder = project / "runs" / command[4]
            folder.mkdir(parents=True)
            (folder / "metric.json").write_text(json.dumps(METRIC))
            (folder / "forecast.csv").write_text(FORECAST)
            (folder / "pred.png").touch()
        return subprocess.CompletedProcess(command, 0, stdout="done\n")

    monkeypatch.setattr(subprocess, "run", run)
    return called


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK's own use of marshmallow
@pytest.mark.process  # the SDK and matplotlib ask the system who it is
def test_submit_runs_from_top_to_bottom_in_an_empty_workspace(
    tool: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("azure.ai.ml")
    import azure.ai.ml
    import matplotlib as mpl

    mpl.use("agg")
    for name in ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE"):
        monkeypatch.setenv(f"HAKOBUNE_{name}", name.lower())
    cloud = Cloud()
    given: list[str] = []

    def client(_credential: object, *names: str) -> Cloud:
        given.extend(names)
        return cloud

    monkeypatch.setattr(azure.ai.ml, "MLClient", client)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(Image=Path))
    run_cells(ROOT / "notebooks" / "submit.ipynb")
    assert given == ["subscription", "resource_group", "workspace"]
    assert [words[0] for words in tool] == ["train", "push", "export", "fetch"]
    assert tool[-1] == ["fetch", "j1"]
    (submitted,) = (call.args[0] for call in cloud.jobs.create_or_update.call_args_list)
    assert submitted.environment == "arima-env:0123"
    cloud.jobs.stream.assert_called_once_with("j1")
    cloud.compute.begin_create_or_update.assert_called_once()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.process
def test_submit_stops_where_the_registered_environment_is_another_image(
    tool: list[list[str]], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("azure.ai.ml")
    import azure.ai.ml

    (project / "config.json").touch()
    cloud = Cloud()
    cloud.environments.get.side_effect = None
    cloud.environments.get.return_value = SimpleNamespace(image="registry/arima-env@sha256:9")
    monkeypatch.setattr(azure.ai.ml.MLClient, "from_config", lambda _credential, path: cloud)
    for name in ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE"):
        monkeypatch.delenv(f"HAKOBUNE_{name}", raising=False)
    with pytest.raises(RuntimeError, match="another image"):
        run_cells(ROOT / "notebooks" / "submit.ipynb")
    cloud.jobs.create_or_update.assert_not_called()
    assert [words[0] for words in tool] == ["train", "push", "export"]
