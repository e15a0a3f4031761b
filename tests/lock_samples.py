"""What answers a lock: uv, the host's list of Debian packages, and source distributions."""

import calendar
import io
import tarfile
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hakobune.adapters.process import Completed
from hakobune.transform.debian_packages import write_packages
from tests.samples import completed, make_lock

PYLOCK = ('lock-version = "1.0"', 'created-by = "uv"')
PACKAGE = """\
[[packages]]
name = "{name}"
version = "{version}"
wheels = [{{ url = "https://x.example/{stem}-{version}-py3-none-any.whl", size = 5, \
hashes = {{ sha256 = "{sha256}" }} }}]
"""


class Uv:
    """Answers as uv does; keeps what was asked and preferred."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.preferred: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> Completed | None:
        if "compile" not in command:
            return None
        names = [line.split("=")[0] for line in Path(command[3]).read_text("utf-8").splitlines()]
        answer = Path(command[command.index("-o") + 1])
        pins = tomllib.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
        self.asked += names
        self.preferred.append([f"{p['name']}=={p['version']}" for p in pins.get("packages", [])])
        packages = (
            PACKAGE.format(
                name=name, stem=name.replace("-", "_"), version="1.17.0", sha256="5" * 64
            )
            for name in names
        )
        answer.write_text("\n".join([*PYLOCK, *packages]), encoding="utf-8")
        return completed()


def debian_list() -> str:
    base = make_lock().debian_base
    assert base is not None
    wanted = ("ca-certificates", "libstdc++6", "python3", "python3-venv", "tzdata")
    packages = tuple(replace(base.packages[0], name=name) for name in wanted)
    return write_packages(packages).replace(".deb\n", ".deb\ttrixie\t-\tbase\n")


def sdist(**files: str) -> bytes:
    """Return an archive; in a file's name `__` means `/` and `_dot_` means `.`."""
    paths = {
        key: key.replace("__", "/").replace("_dot_", ".").replace("PKG_INFO", "PKG-INFO")
        for key in files
    }
    return sdist_of({path.replace("_egg", ".egg-info"): files[key] for key, path in paths.items()})


def sdist_of(files: dict[str, str], *, year: int = 1970) -> bytes:
    """Return an archive with these files below its folder, written in the middle of a year."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"demo-1.0/{path}")
            entry.mtime = calendar.timegm((year, 7, 1, 0, 0, 0))
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()
