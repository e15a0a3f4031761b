from datetime import date

import pytest

from hakobune.stages.project import conda_names
from hakobune.transform.read_spec import read_spec
from hakobune.transform.spec_warnings import Doubts, spec_warnings

NAMES = conda_names(())
DOUBTS = Doubts(
    python_ends={"3.8": date(2024, 10, 7), "3.13": date(2029, 10, 31)},
    retired={"azureml-core": "azure-ai-ml replaces it"},
)


def warnings(
    *lines: str, python: str = "3.13", today: date = date(2026, 1, 1), **files: str
) -> list[str]:
    text = "dependencies:\n" + "".join(f"  - {line}\n" for line in lines)
    others = {name.replace("_", "."): content.encode() for name, content in files.items()}
    spec = read_spec(text.encode(), file="env.yml", names=NAMES, read=others.get)
    return list(spec_warnings(spec, python, DOUBTS, file="env.yml", today=today))


@pytest.mark.parametrize(
    ("python", "today", "count"),
    [
        ("3.8", date(2024, 10, 7), 0),
        ("3.8", date(2024, 10, 8), 1),
        ("3.8.20", date(2026, 1, 1), 1),
        ("3.13", date(2026, 1, 1), 0),
        ("3.99", date(2026, 1, 1), 0),
    ],
)
def test_a_python_without_security_fixes_is_warned_of(python: str, today: date, count: int) -> None:
    found = warnings("six", "python=3", python=python, today=today)
    assert len(found) == count
    assert all(
        line == "env.yml:3: warning: Python 3.8 gets no security fixes since 2024-10-07; "
        "choose Python 3.13 or newer"
        for line in found
    )


def test_where_no_known_python_is_kept_none_is_named() -> None:
    (found,) = warnings("six", python="3.8", today=date(2040, 1, 1))
    assert found.startswith("env.yml:1: warning: ")
    assert found.endswith("since 2024-10-07")


def test_a_retired_package_is_named_with_its_line_also_of_an_included_file() -> None:
    found = warnings("pip: [-r r.txt]", "python=3.8", "six", python="3.8", r_txt="\nAzureML_Core\n")
    assert [line.split(": ")[0] for line in found] == ["r.txt:2", "env.yml:3"]
    assert found[0].endswith("SDK v1, which is retired: azure-ai-ml replaces it")


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (("numpy", "numpy"), 1),
        (("numpy", "numpy>=1", "pip: [NumPy]"), 2),
        (("pytorch=2.1", "pip: [torch==2.0]"), 1),
        # An exported environment: one package of the index.
        (("matplotlib=3.9=py_0", "matplotlib-base=3.9=py_0"), 0),
        (("pip: ['six<1; python_version<\"3\"', 'six>=1; python_version>\"3\"']",), 0),
    ],
)
def test_doubled_lines_are_warned_of(lines: tuple[str, ...], count: int) -> None:
    found = warnings(*lines)
    assert len(found) == count
    assert all("is asked for on line 2, too" in line for line in found)
