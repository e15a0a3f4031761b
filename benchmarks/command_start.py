"""What `hakobune --help` and `hakobune lock --check` cost beside a bare interpreter.

Processor milliseconds, medians of twenty runs taken in turns.
"""

import os
import statistics
import sys
from pathlib import Path

from measure import report, report_head, timed

ROUNDS = 20
HAKOBUNE = str(Path(sys.executable).with_name("hakobune"))


def main() -> None:
    """Print the medians."""
    commands = {
        "hakobune --help": [HAKOBUNE, "--help"],
        "hakobune lock --check": [HAKOBUNE, "lock", "--check"],
    }
    bare = [sys.executable, "-c", "pass"]
    # Without the question for security builds, which waits for a network.
    os.environ["HAKOBUNE_OFFLINE"] = "1"
    report_head()
    for name, command in commands.items():
        timed(command)
        ours, reference = [], []
        for _ in range(ROUNDS):
            reference.append(timed(bare)[1])
            ours.append(timed(command)[1])
        mine, theirs = statistics.median(ours) * 1000, statistics.median(reference) * 1000
        report(f"{name}, CPU", f"{mine:.0f} ms", f"{theirs:.0f} ms", mine / theirs, "+100 ms")
        print(f"  adds {mine - theirs:+.0f} ms")


if __name__ == "__main__":
    main()
