"""Which commit the project's folder is of, through the git program."""

from pathlib import Path

from hakobune.adapters.process import Runner


def commit_of(runner: Runner, folder: Path) -> tuple[str, bool] | None:
    """Return the commit's id and whether files differ from it; None where there is no commit."""
    head = runner.capture(["git", "-C", str(folder), "rev-parse", "--verify", "HEAD"])
    if head.exit_code != 0:
        return None
    status = runner.capture(["git", "-C", str(folder), "status", "--porcelain"])
    return head.stdout.strip(), status.exit_code != 0 or bool(status.stdout.strip())
