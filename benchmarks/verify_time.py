"""`hakobune verify` beside hashing the same bytes: the files of a run, and the image's archive.

Seconds on the clock, medians of five runs in turns. The run is one that lies in runs/ and is
complete; where none is, a training makes one.
"""

import shlex
import statistics
import sys
from pathlib import Path

from hakobune.stages.record import read_run_record
from measure import ROOT, report, report_head, run, timed

ROUNDS = 5
HAKOBUNE = str(Path(sys.executable).with_name("hakobune"))


def main() -> None:
    """Print the medians, and what verify takes beyond the hashing."""
    folder, image = _complete_run()
    files = [str(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    hashing = f"sha256sum {shlex.join(files)}; docker save {image} | sha256sum"
    verify, reference = [], []
    for _ in range(ROUNDS):
        reference.append(timed(["/bin/sh", "-c", hashing])[0])
        verify.append(timed([HAKOBUNE, "verify", folder.name])[0])
    mine, theirs = statistics.median(verify), statistics.median(reference)
    report_head()
    report("hakobune verify, sha256sum", f"{mine:.2f} s", f"{theirs:.2f} s", mine / theirs, "+1 s")
    print(f"  adds {mine - theirs:+.2f} s")


def _complete_run() -> tuple[Path, str]:
    """Return a run of the image that lies here now, and that image."""
    tag = run(["docker", "image", "inspect", "arima-env:local", "--format", "{{.Id}}"]).strip()
    for number in range(2):
        for path in sorted((ROOT / "runs").glob("*/record.json")):
            if tag.encode() in path.read_bytes():
                outside = read_run_record(path.parent).outside
                if outside is not None and outside.image == tag:
                    return path.parent, tag
        if number == 0:
            run([HAKOBUNE, "train", "--order", "1,0,0", "--backtest_windows", "0"])
    sys.exit("the training left no complete record")


if __name__ == "__main__":
    main()
