"""The tables of `hakobune lock` are what docs/reference/update_tables.py makes of their sources."""

import gzip
import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location(
    "update_tables", ROOT / "docs/reference/update_tables.py"
)
assert SPEC is not None
assert SPEC.loader is not None
TABLES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(TABLES)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_a_name_is_taken_only_where_the_package_is_the_same_software(tmp_path: Path) -> None:
    mapping = {
        "numpy": ["numpy"],
        "PyTables": ["tables"],
        "geos": None,
        "inkscape": ["lxml"],  # it only contains a copy
        "ray-core": ["aiohttp", "ray"],
        "tensorboard": ["tensorboard", "tensorflow-tensorboard"],
        "_odd": ["odd"],
    }
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps(mapping), encoding="utf-8")
    assert rows(TABLES.names(path)) == ["pytables tables", "numpy", "tensorboard"]


def test_an_image_has_the_newest_debian_that_its_history_names() -> None:
    history = (
        "-Tags: 3.8.20-slim-bullseye, 3.13.5-slim-bookworm, 3.9.1-windowsservercore\n"
        "+Tags: 3.8.20-slim-bookworm, 3.6.1-slim-stretch, 3.9.2-slim-alpine3.12, 3.15.0rc1-slim\n"
    )
    assert rows(TABLES.images(history)) == ["3.8.20 bookworm", "3.13.5 bookworm"]


def test_the_tables_that_lie_here_have_what_they_should() -> None:
    data = ROOT / "src/hakobune/data"
    names = {
        line.split()[0]: line.split()[-1] for line in rows((data / "conda_names.txt").read_text())
    }
    assert names["python-graphviz"] == "graphviz"
    assert {"geos", "gsl", "tk", "ffmpeg", "python"}.isdisjoint(names)
    assert len(names) > 15_000
    images = dict(line.split() for line in rows((data / "python_images.txt").read_text()))
    assert (images["3.8.20"], images["3.13.6"]) == ("bookworm", "trixie")


def test_a_library_s_package_is_left_out_where_policy_names_it(tmp_path: Path) -> None:
    listed = {
        "trixie": (
            "usr/lib/x86_64-linux-gnu/libpq.so.5                        libs/libpq5\n"
            "usr/lib/x86_64-linux-gnu/libpq.so.5.17                     libs/libpq5\n"
            "usr/lib/x86_64-linux-gnu/libglib-2.0.so.0                  libs/libglib2.0-0t64\n"
            "usr/lib/x86_64-linux-gnu/libodbc.so.2                      libs/libodbc2\n"
            "usr/lib/x86_64-linux-gnu/libpq.so                          libdevel/libpq-dev\n"
            "usr/lib/x86_64-linux-gnu/science/libx.so.1                 libs/libx1\n"
            "usr/lib/x86_64-linux-gnu/liby.so.1                         games/y\n"
        ),
        "bookworm": "usr/lib/x86_64-linux-gnu/libglib-2.0.so.0 libs/libglib2.0-0\n",
        "bullseye": "usr/lib/x86_64-linux-gnu/libodbc.so.2 libs/libodbc1\n",
        "forky": "usr/lib/x86_64-linux-gnu/libnew.so.1 libs/libnew1\n",
    }
    for release, text in listed.items():
        (tmp_path / f"{release}.gz").write_bytes(gzip.compress(text.encode()))
    assert rows(TABLES.libraries(tmp_path)) == [
        "libglib-2.0.so.0 libglib2.0-0",
        "libodbc.so.2 libodbc2 bullseye:libodbc1",
        "libpq.so.5",
    ]
