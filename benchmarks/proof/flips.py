"""One bit of a run's chain flipped at a time: each has to break the chain.

The run is a real one, signed, on data of a file; a flip is in any file of it, in its record (each
field in turn), in the data, the signature, the key, and the image's own archive.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from hakobune.adapters.process import Completed, SystemRunner
from hakobune.errors import HakobuneError, ImageChangedError
from hakobune.model.project import Project
from hakobune.stages.project import open_project
from hakobune.stages.record import read_run_record
from hakobune.stages.verify import check_image, walk
from measure import ROOT, run

Row = tuple[str, int, int]
_LAYER_FLIPS = 20


def table(flips: int = 2400) -> list[Row]:
    """Return what was flipped, how many flips were seen, and of how many."""
    rng = random.Random(20261125)
    with tempfile.TemporaryDirectory(prefix="hakobune-flips-") as folder:
        project, made = _made_run(Path(folder))
        places = [path for path in sorted(made.rglob("*")) if path.is_file()]
        places.append(project.root / "sales.csv")
        record = made / "record.json"
        rows = [
            _row("each field of record.json", project, made, record, _in_each_field(record, rng))
        ]
        each = max(1, (flips - rows[0][2]) // len(places))
        for path in places:
            name = str(path.relative_to(made)) if made in path.parents else "the data"
            spots = ((rng.randrange(path.stat().st_size), rng.randrange(8)) for _ in range(each))
            rows.append(_row(name, project, made, path, spots))
        image = read_run_record(made).outside
        assert image is not None
        rows.append(_layers(image.image, Path(folder), rng))
    return rows


def _made_run(root: Path) -> tuple[Project, Path]:
    """Return a project of its own with a signed run in it, which the real image made."""
    for name in ("pyproject.toml", "docker-compose.yml"):
        shutil.copy(ROOT / name, root / name)
    for name in ("docker", "environments", "src"):
        (root / name).symlink_to(ROOT / name)
    (root / "data").mkdir()
    lines = [f"2026-{1 + day // 28:02}-{1 + day % 28:02},{100 + day % 7 * 5}" for day in range(84)]
    (root / "sales.csv").write_text("\n".join(["date,sales", *lines]) + "\n", encoding="utf-8")
    command = ("train", "--order", "1,0,0", "--backtest_windows", "0", "--input", "sales.csv")
    _hakobune(root, *command)
    (made,) = [path.parent for path in (root / "runs").glob("*/record.json")]
    key = root / "key.pem"
    run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)])
    _hakobune(root, "sign", made.name, "--key", str(key))
    return open_project(root), made


def _hakobune(root: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hakobune", *command],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"hakobune {command[0]}: {done.stderr[-2000:]}")


def _row(
    name: str, project: Project, made: Path, path: Path, spots: Iterator[tuple[int, int]]
) -> Row:
    content = path.read_bytes()
    seen = count = 0
    for place, bit in spots:
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        is_seen = _breaks(project, made)
        seen, count = seen + is_seen, count + 1
        if not is_seen:
            print(f"not seen: {name}, byte {place}, bit {bit}", file=sys.stderr)
    path.write_bytes(content)
    print(f"{name}: {seen} of {count}", file=sys.stderr)
    return name, seen, count


def _breaks(project: Project, made: Path) -> bool:
    """Tell whether the chain breaks before the image, which no file of the run is part of."""
    try:
        for link in walk(project, made, SystemRunner()):
            if link.name == "base":
                return False
    except HakobuneError:
        return True
    return False


def _in_each_field(path: Path, rng: random.Random) -> Iterator[tuple[int, int]]:
    """Yield a place in each value of the record, and a bit."""
    content = path.read_bytes()
    start = 0
    for value in _values(json.loads(content)):
        text = json.dumps(value, ensure_ascii=False).encode()
        found = content.index(text, start)
        # The same order as in the file: each search goes on where the last one ended.
        start = found + len(text)
        yield found + rng.randrange(len(text)), rng.randrange(8)


def _values(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


class _FlippedArchive(SystemRunner):
    """Pipes a saved archive with one bit flipped, as an engine with a bad disk would."""

    def __init__(self, archive: Path, place: int, bit: int) -> None:
        self.archive, self.place, self.bit = archive, place, bit

    def pipe(self, command: Any, consume: Callable[[IO[bytes]], None]) -> Completed:  # noqa: ANN401 - not looked at
        """Give the archive to the reader."""
        del command
        with self.archive.open("r+b") as file:
            file.seek(self.place)
            (byte,) = file.read(1)
            file.seek(self.place)
            file.write(bytes([byte ^ (1 << self.bit)]))
        with self.archive.open("rb") as file:
            consume(file)
        return Completed(exit_code=0, stdout="", stderr="")


def _layers(image: str, folder: Path, rng: random.Random) -> Row:
    archive = folder / "image.tar"
    run(["docker", "save", image, "--output", str(archive)])
    whole = archive.stat().st_size
    seen = 0
    for _ in range(_LAYER_FLIPS):
        # Not in the padding at the archive's end, which is no part of the image.
        flipped = _FlippedArchive(archive, rng.randrange(1024, whole - 4096), rng.randrange(8))
        try:
            check_image(image, flipped)
        except ImageChangedError:
            seen += 1
        with archive.open("r+b") as file:  # and back
            file.seek(flipped.place)
            (byte,) = file.read(1)
            file.seek(flipped.place)
            file.write(bytes([byte ^ (1 << flipped.bit)]))
    print(f"layers of the image: {seen} of {_LAYER_FLIPS}", file=sys.stderr)
    return "layers of the image", seen, _LAYER_FLIPS
