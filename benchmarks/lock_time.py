"""What `hakobune lock` of this project takes, with uv's cache empty and full.

In a copy of the project with its lock, beside the resolver alone, which keeps the same pins: the
seconds that hakobune adds are its own. A busy machine or a slow index shows in both. A first lock
lists Debian's packages, too, which needs seconds more.
"""

import shutil
import statistics
import sys
import tempfile
import tomllib
from pathlib import Path

from measure import ROOT, report, report_head, timed

ROUNDS = 3
HAKOBUNE = str(Path(sys.executable).with_name("hakobune"))
UV = str(Path(sys.executable).with_name("uv"))


def main() -> None:
    """Print the medians."""
    lock = tomllib.loads((ROOT / "environments/arima-env.lock").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        project = folder / "project"
        for name in ("environments", "src", "docker", "pyproject.toml"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
            project.mkdir(exist_ok=True)
            copy(ROOT / name, project / name)
        wanted = folder / "wanted.txt"
        wanted.write_text("\n".join(lock["requirements"][1:]) + "\n", encoding="utf-8")
        alone = [UV, "pip", "compile", str(wanted), "--quiet", "--no-config"]
        # Its own interpreter, so that uv does not start every other one.
        alone += ["--python", sys.executable, "--python-version", lock["python"]]
        alone += ["--only-binary", ":all:"]
        alone += ["-o", str(folder / "answer.txt")]
        pins = [f"{one['name']}=={one['version']}\n" for one in lock["packages"]]
        (folder / "answer.txt").write_text("".join(pins), encoding="utf-8")
        ours = ["sh", "-c", f"cd '{project}' && '{HAKOBUNE}' lock"]
        report_head()
        for state, bound in (("cold", "5 s"), ("warm", "1 s")):
            rows: list[list[tuple[float, float]]] = [[], []]
            for number in range(ROUNDS):
                for row, command, kept in zip(rows, (ours, alone), ("ours", "alone"), strict=True):
                    cache = folder / (f"{kept}-{number}" if state == "cold" else f"{kept}-0")
                    row.append(timed(command, env={"UV_CACHE_DIR": str(cache)}))
            for kind, place in (("wall", 0), ("CPU", 1)):
                mine, theirs = (statistics.median(one[place] for one in row) for row in rows)
                what = f"hakobune lock, {state} cache, {kind}"
                report(what, f"{mine:.2f} s", f"{theirs:.2f} s", mine / theirs, bound)


if __name__ == "__main__":
    main()
