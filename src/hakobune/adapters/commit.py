"""Which commit the project's folder is of, and what commits hold, through the git program."""

import io
import tarfile
from pathlib import Path
from typing import IO

from hakobune.adapters.process import Runner
from hakobune.model.record import valid_commit


def commit_of(runner: Runner, folder: Path) -> tuple[str, bool] | None:
    """Return the commit's id and whether files differ from it; None where there is no commit."""
    head = runner.capture(["git", "-C", str(folder), "rev-parse", "--verify", "HEAD"])
    if head.exit_code != 0:
        return None
    status = runner.capture(["git", "-C", str(folder), "status", "--porcelain"])
    return head.stdout.strip(), status.exit_code != 0 or bool(status.stdout.strip())


def _is_commit(runner: Runner, root: Path, commit: str) -> bool:
    """Tell whether the id is a commit's, and not that of a tag or a tree."""
    command = ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "--end-of-options"]
    done = runner.capture([*command, f"{commit}^{{commit}}"])
    return done.exit_code == 0 and done.stdout.strip() == commit


def tree_at(
    runner: Runner, root: Path, commit: str, folder: str, ignored: tuple[str, ...]
) -> dict[str, bytes] | None:
    """Return contents by relative path of the files below a folder as a commit has them.

    None where this repository does not know the commit. What is called by an ignored name is left
    out, as with `files.read_tree`. Raises ValueError for a commit that is not an id.
    """
    if not valid_commit(commit) or not _is_commit(runner, root, commit):
        return None
    found: dict[str, bytes] = {}

    def consume(stream: IO[bytes]) -> None:
        content = stream.read()
        if content:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                for member in archive:
                    path = member.name.removeprefix(f"{folder}/")
                    if member.isfile() and not set(path.split("/")) & set(ignored):
                        file = archive.extractfile(member)
                        found[path] = file.read() if file else b""

    # Both come from a run's record: neither is an option, and the folder is no pattern.
    command = ["git", "--literal-pathspecs", "-C", str(root), "archive", "--format=tar"]
    command += ["--end-of-options", commit, folder]
    done = runner.pipe(command, consume)
    return found if done.exit_code == 0 and found else None
