import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.transform.render_dockerfile import Programs, Source, render_dockerfile
from hakobune.transform.source_digest import source_digest
from tests.samples import make_lock, make_project

FILES = {"b.py": b"2", "a/z.py": b"1", "a.py": b"", "a-b/é.py": b"x\r\n"}


def test_the_digest_depends_on_names_and_contents() -> None:
    digests = {
        source_digest(FILES),
        source_digest({**FILES, "b.py": b"3"}),
        source_digest({**FILES, "c.py": b""}),
        source_digest({}),
    }
    assert len(digests) == 4


def test_the_digest_does_not_depend_on_order() -> None:
    assert source_digest(FILES) == source_digest(dict(reversed(FILES.items())))


def test_an_empty_tree_is_the_digest_of_nothing() -> None:
    assert source_digest({}) == hashlib.sha256(b"").hexdigest()


@pytest.mark.process
def test_the_image_s_build_computes_the_same_and_takes_the_listed_files_alone(
    tmp_path: Path,
) -> None:
    for name, content in {**FILES, "ignored.py~": b"backup"}.items():
        path = tmp_path / "build/source" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)
    source = Source(sha256=source_digest(FILES), files=tuple(sorted(FILES)), folders=())
    dockerfile = render_dockerfile(
        make_lock(),
        make_project(tmp_path),
        source=source,
        programs=Programs(
            import_packages="",
            finish_packages="",
            compile_library="",
            fetch_sdists="",
            fetch_debian="",
            check_libraries="",
            choose_arithmetic="",
        ),
    ).decode()
    stage = dockerfile.partition("FROM base AS source")[2]
    listed, script = re.findall(r"<<'END'[^\n]*\n(.*?)END\n", stage, re.DOTALL)[:2]
    (tmp_path / "build/source.txt").write_text(listed, encoding="utf-8")
    script = script.partition("ln -s")[0].replace("/image", f"{tmp_path}/image")
    script = script.replace("cd /build", f"cd {tmp_path}/build")

    def build() -> subprocess.CompletedProcess[str]:
        command = ["/bin/sh", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert build().returncode == 0
    app = tmp_path / "image/app"
    found = {p.relative_to(app / "demo").as_posix() for p in app.glob("demo/**/*") if p.is_file()}
    assert found == set(FILES)
    assert files.sha256_of(app / "source.sha256") == source.sha256
    (tmp_path / "build/source" / next(iter(FILES))).write_bytes(b"changed")
    assert "changed after this Dockerfile was rendered" in build().stderr
