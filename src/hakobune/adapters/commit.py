"""The project's commit, the files that git knows, and what commits hold, through git's program."""

import io
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hakobune.adapters.process import Runner, printable
from hakobune.errors import ConfigurationInvalidError
from hakobune.model.record import valid_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFile:
    """A file that git tracks or does not ignore; its name is relative to the folder asked for.

    `is_crlf` tells whether git stores it with LF line ends, and it has CRLF in this checkout
    without an attribute that asks for it.
    """

    name: str
    is_crlf: bool


def files_of_git(runner: Runner, folder: Path) -> tuple[GitFile, ...] | None:
    """Return the files below a folder that git tracks or does not ignore, sorted by name.

    None where no repository is above the folder, or where the repository ignores the folder
    itself. A tracked file that was removed is listed too. Raises ConfigurationInvalidError where
    git cannot read the repository.
    """
    # Without a repository, no process is started.
    if not any((above / ".git").exists() for above in (folder, *folder.resolve().parents)):
        return None
    command = ["git", "-C", str(folder), "ls-files", "-z", "--eol"]
    command += ["--cached", "--others", "--exclude-standard"]
    done = runner.capture(command, env={"LC_ALL": "C"})
    if done.exit_code != 0:
        if not folder.is_dir() or "not a git repository" in done.stderr:
            return None
        said = printable(done.stderr.strip().partition("\n")[0])
        raise ConfigurationInvalidError(
            f"git cannot list the files of {folder}: {said}",
            remedy="see what `git status` says there; the image takes the files that git does not "
            "ignore",
        )
    found = {}
    for entry in done.stdout.split("\0"):
        facts, _, name = entry.partition("\t")
        if "\ufffd" in name:
            raise ConfigurationInvalidError(
                f"{folder}: the file {printable(name)} has a name that is not UTF-8",
                remedy="rename it, or add it to .gitignore",
            )
        if name:
            is_crlf = re.search(r"\bi/lf\s+w/(crlf|mixed)\b", facts) and "eol=crlf" not in facts
            found[name] = GitFile(name=name, is_crlf=bool(is_crlf))
    return tuple(found[name] for name in sorted(found)) or None


def is_ignored(runner: Runner, folder: Path) -> bool:
    """Tell whether git ignores the folder itself; it does not where there is no repository."""
    if not any((above / ".git").exists() for above in folder.resolve().parents):
        return False
    command = ["git", "-C", str(folder.parent), "check-ignore", "--quiet", "--", folder.name]
    return runner.capture(command).exit_code == 0


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
