"""One process of the fuzzer: `python -m hostile.worker KIND SEED FIRST COUNT FOLDER`.

Prints a line of JSON for each input that did something wrong, and one at the end. The number of the
input at work stands in FOLDER/at, for the case that the process does not survive it.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from hostile.answers import Jobs, Listings
from hostile.draw import Draw
from hostile.inputs import CondaFiles, Records, Settings
from hostile.program import Room
from hostile.watch import CPU_S, LimitError, Watch, limit_memory, peak_bytes

KINDS: dict[str, Any] = {
    "record": Records,
    "listing": Listings,
    "config": Settings,
    "conda": CondaFiles,
    "job": Jobs,
}


def main() -> None:
    """Run the inputs of this process."""
    kind, seed, first, count, folder = sys.argv[1:]
    root = Path(folder)
    room = Room(root / "room")
    os.chdir(room.project)
    target = KINDS[kind](room)
    watch = Watch()
    run(watch, target, room, Draw(f"{seed}:{kind}:warm", str(room.victim)))  # imports its modules
    limit_memory()
    before, slowest = peak_bytes(), 0.0
    with (root / "at").open("w", encoding="ascii") as at:
        for number in range(int(first), int(first) + int(count)):
            os.pwrite(at.fileno(), f"{number:10}".encode(), 0)
            began = time.process_time()
            draw = Draw(f"{seed}:{kind}:{number}", str(room.victim))
            found = run(watch, target, room, draw)
            slowest = max(slowest, time.process_time() - began)
            if found:
                print(json.dumps({"input": number, "found": found}), flush=True)
    grown = peak_bytes() - before
    print(json.dumps({"done": int(count), "cpu_s": slowest, "bytes": grown}), flush=True)


def run(watch: Watch, target: Any, room: Room, draw: Draw) -> list[str]:
    """Return what one input did wrong."""
    check = target.prepare(draw)
    found, began = [], time.process_time()
    try:
        with watch.input(*target.allowed):
            found = check()
    except LimitError as exc:
        found = [str(exc)]
    if not found and time.process_time() - began > CPU_S:  # the library swallowed our exception
        found = [f"more than {CPU_S:.0f} s of CPU"]
    found += watch.seen
    if damage := room.damage():
        found += damage
        room.repair()
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    main()
