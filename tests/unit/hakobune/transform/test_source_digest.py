import hashlib
import subprocess
from pathlib import Path

import pytest

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
def test_the_image_s_build_computes_the_same(tmp_path: Path) -> None:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    command = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[0] == source_digest(FILES)
    dockerfile = render_dockerfile(
        make_lock(),
        make_project(tmp_path),
        source=Source(sha256="f" * 64, folders=()),
        programs=Programs(
            import_packages="", finish_packages="", compile_library="", fetch_sdists=""
        ),
    )
    assert f"found=$({command} | cut -c 1-64)\n".encode() in dockerfile
