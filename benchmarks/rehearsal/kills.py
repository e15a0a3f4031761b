"""Submits that are killed at random moments and run again: one job and one model for each plan."""

import random
import re
import signal
import time
from collections import Counter

from rehearsal.stand import Stand, expect


def one_job_each(stand: Stand, number: int, seed: int | None) -> bool:
    """Kill this many `submit --register`, run each again, and tell whether each has one job.

    A plan differs from the next by its data, so that each makes a model of its own. The moments are
    spread over the time that a submit takes when nobody kills it.
    """
    seed = random.randrange(10**6) if seed is None else seed
    chance = random.Random(seed)
    began = time.monotonic()
    expect(stand.hakobune(*_plan(stand, "whole")), "submit")
    whole_s = time.monotonic() - began
    print(f"\nseed {seed}; a submit that nobody kills takes {whole_s:.1f} s")
    killed, before = 0, stand.counts()["models"]
    for index in range(number):
        command = _plan(stand, f"kill-{index}")
        moment_s = chance.uniform(0, whole_s)
        killed += stand.hakobune(*command, killed_after_s=moment_s).code == -signal.SIGKILL
        expect(stand.hakobune(*command), f"kill {index} after {moment_s:.2f} s, again")
    folder = stand.state / "resources/jobs"
    jobs = Counter(_tag(path.read_text("utf-8")) for path in folder.glob("*.json"))
    wrong = {f"kill-{n}": jobs[f"kill-{n}"] for n in range(number) if jobs[f"kill-{n}"] != 1}
    models = stand.counts()["models"] - before
    print(f"{number} submits, {killed} of them killed: {number - len(wrong)} with one job each")
    print(f"{models} models")
    if wrong:
        print(f"wrong: {wrong}")
    return not wrong and models == number


def _plan(stand: Stand, mark: str) -> tuple[str, ...]:
    stand.write_text(mark)
    submit = ("submit", "--create-compute", "--register", "--ungraded")
    return (*submit, "--tag", f"mark={mark}", "--text", "text.txt")


def _tag(text: str) -> str:
    """Return the mark of a job as drydock keeps it."""
    found = re.search(r'"mark":\s*"([\w-]+)"', text)
    return found[1] if found else ""
