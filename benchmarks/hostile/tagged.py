"""Fetches a job whose tag `git.commit` somebody in the workspace changed."""

import os
import sys
import tempfile
from pathlib import Path

from hostile.answers import JOB, Jobs
from hostile.draw import MARK, Draw
from hostile.program import Room, hakobune, problems

_COMMITS = (f"--output={MARK}", f"--remote={MARK}", f"-{MARK}", "HEAD", "main", "HEAD:x", "@{-1}")


def main() -> None:
    """Fetch a job once for each hostile tag; exit with 1 where one was accepted."""
    room = Room(Path(tempfile.mkdtemp()) / "room")
    os.chdir(room.project)
    jobs = Jobs(room)
    accepted = []
    for commit in _COMMITS:
        jobs.prepare(Draw("1", str(room.victim)))
        job = {**jobs.job, "properties": {**jobs.job["properties"]}}
        job["properties"]["tags"] = {**job["properties"]["tags"], "git.commit": commit}
        draw = Draw("2", str(room.victim))
        jobs.answers.update(job=draw.dump(job), environment=draw.dump(jobs.environment))
        jobs.recorder.seen.clear()
        outcome = hakobune("fetch", JOB)
        if outcome.code == 0 or problems(outcome) or jobs.recorder.seen:
            accepted.append(commit)
    print(f"accepted: {accepted}" if accepted else f"{len(_COMMITS)} tags refused")
    sys.exit(bool(accepted))
