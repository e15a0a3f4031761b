"""A training in the container beside the same training as a plain process.

The plain process runs in the image's own file system, unpacked in a folder (chroot), so the
environment is the same to the byte. Needs root. Medians, taken in turns. A fresh container looks up
each file for the first time on its own mount; a running one has done so.
"""

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measure import image_tag, report, report_head, run, timed

ROUNDS = 5
IMPORT_ROUNDS = 11
TRAINING = ["python", "-m", "trainer", "--order", "1,1,0", "--output", "/tmp/out"]
SHUT_IN = ("--read-only", "--network", "none", "--tmpfs", "/tmp")
# The interpreter tells its own seconds: starting a container is counted in the row above.
IMPORT = [
    *("python", "-c"),
    "import time; t = time.perf_counter(); import pmdarima; print(time.perf_counter() - t)",
]
ENVIRONMENT = [
    *("env", "-i", "PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "USER=hakobune"),
    *("LOGNAME=hakobune", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "LANG=C.UTF-8"),
]


def main() -> None:
    """Print the medians."""
    if os.geteuid() != 0:
        sys.exit("run this as root: the plain process runs in a chroot")
    chroot = shutil.which("chroot") or "/usr/sbin/chroot"
    image = image_tag()
    with tempfile.TemporaryDirectory() as folder:
        container = run(["docker", "create", image]).strip()
        tree = Path(folder, "tree")
        tree.mkdir()
        run(["/bin/sh", "-c", f"docker export {container} | tar -x -C {tree}"])
        run(["docker", "rm", container])
        # The engine gives a container these; python reads random numbers from the last.
        for name in ("proc", "dev"):
            (tree / name).mkdir(exist_ok=True)
        run(
            [
                "/bin/sh",
                "-c",
                f"cp -a /dev/null /dev/urandom /dev/random {tree}/dev/ 2>/dev/null || :",
            ]
        )
        report_head()
        plain = [*ENVIRONMENT, chroot, str(tree)]
        inside, outside = [], []
        for _ in range(ROUNDS):
            run(["rm", "-rf", f"{tree}/tmp/out"])
            outside.append(timed([*plain, *TRAINING])[0])
            inside.append(timed(_container(image, TRAINING))[0])
        mine, theirs = statistics.median(inside), statistics.median(outside)
        name = "training, seconds on the clock"
        report(name, f"{mine:.2f} s", f"{theirs:.2f} s", mine / theirs, "+1.5 s")
        print(f"  the container adds {mine - theirs:+.2f} s")
        running = run(["docker", "run", "-d", "--rm", *SHUT_IN, image, "sleep", "600"]).strip()
        times: dict[str, list[float]] = {"plain": [], "running": [], "fresh": []}
        for _ in range(IMPORT_ROUNDS):
            times["plain"].append(float(run([*plain, *IMPORT])))
            times["running"].append(float(run(["docker", "exec", running, *IMPORT])))
            times["fresh"].append(float(run(_container(image, IMPORT))))
        run(["docker", "rm", "--force", running])
        theirs = statistics.median(times["plain"])
        for kind in ("running", "fresh"):
            mine = statistics.median(times[kind])
            name = f"import pmdarima in a {kind} container"
            report(name, f"{mine:.2f} s", f"{theirs:.2f} s", mine / theirs, "1.0x")
        started = statistics.median(timed(_container(image, ["true"]))[0] for _ in range(ROUNDS))
        print(f"  of which starting and removing an empty container takes {started:.2f} s")


def _container(image: str, command: list[str]) -> list[str]:
    return ["docker", "run", "--rm", *SHUT_IN, image, *command]


if __name__ == "__main__":
    main()
