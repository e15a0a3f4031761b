"""What the locks must keep to, beside what `hakobune lock` itself checks."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
# What azureml-mlflow itself asks for, by its version (its Requires-Dist). Above a ceiling Azure's
# tracking server and datastores are used through code that Microsoft did not test with.
CEILINGS = {
    "1.62.0.post6": ("mlflow-skinny<=3.15.0", "azure-storage-blob<=12.27.1,>=12.5.0"),
}


def versions_of(lock: str) -> dict[str, str]:
    found = tomllib.loads((ROOT / lock).read_text(encoding="utf-8"))
    return {package["name"]: package["version"] for package in found["packages"]}


def test_mlflow_and_storage_stay_below_the_ceilings_of_azureml_mlflow() -> None:
    versions = versions_of("environments/arima-env.lock")
    plugin = versions["azureml-mlflow"]
    assert plugin in CEILINGS, "read its Requires-Dist, and add a row above"
    for requirement in map(Requirement, CEILINGS[plugin]):
        assert requirement.specifier.contains(Version(versions[requirement.name])), requirement


def test_azure_ai_ml_is_capped_below_the_minor_release_after_the_locked_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "environments/dev.lock").read_text(encoding="utf-8")
    line = next(line for line in lock.splitlines() if line.startswith("azure-ai-ml=="))
    locked = Version(line.removeprefix("azure-ai-ml==").removesuffix(" \\"))
    wanted = [
        Requirement(text)
        for text in (
            *project["project"]["optional-dependencies"]["azure"],
            *project["dependency-groups"]["test"],
        )
        if isinstance(text, str) and text.startswith("azure-ai-ml")
    ]
    assert len(wanted) == 2
    for requirement in wanted:
        assert requirement.specifier.contains(locked)
        assert not requirement.specifier.contains(Version(f"{locked.major}.{locked.minor + 1}.0"))
