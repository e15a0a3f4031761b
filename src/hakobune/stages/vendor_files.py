"""Files of a vendored folder that the image's own base fetches, within a build."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.process import Runner
from hakobune.errors import HashMismatchError
from hakobune.model.lock import LockedDebian, LockedSdist, LockedWheel
from hakobune.model.reporter import Reporter
from hakobune.model.secrets import BuildSecrets
from hakobune.stages.build import build_arguments

Fetched = LockedWheel | LockedSdist | LockedDebian


def fetch_into(  # noqa: PLR0913 - what is fetched, how and where to
    rendered: bytes,
    wheels: Sequence[Fetched],
    runner: Runner,
    reporter: Reporter,
    *,
    base: str,
    folder: Path,
    secrets: BuildSecrets,
) -> None:
    """Build the rendered Dockerfile, which gives these files, and move them into the folder.

    Raises HashMismatchError for a file that is not the locked one, and what the build raises.
    """
    files.require_space(folder, sum(wheel.size for wheel in wheels))
    # On the folder's own disk, so that each file gets its final name in one step.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as text:
        fetched = Path(text)
        dockerfile = fetched / "Dockerfile"
        files.write_bytes(dockerfile, rendered)
        command = docker_cli.export_command(
            folder=fetched / "out",
            dockerfile=dockerfile,
            context=fetched,
            arguments=build_arguments(base),
            secrets=secrets,
        )
        docker_cli.build(runner, command, reporter, name="vendor", secrets=secrets)
        for wheel in wheels:
            path = fetched / "out" / wheel.file
            if not path.is_file() or files.sha256_of(path) != wheel.sha256:
                raise HashMismatchError(
                    f"{wheel.file} was served with another sha256 than the lock's",
                    remedy="do not build: find out whether lock or index was changed",
                )
            files.move_folder(path, folder / wheel.file)


def report_fetched(
    stage: str, fetched: Sequence[Fetched], all_of: Sequence[Fetched], reporter: Reporter
) -> None:
    """Print how many files were fetched, and their size."""
    size = sum(package.size for package in fetched) / 1e6
    reporter.done(
        stage,
        f"{len(fetched)} of {len(all_of)} fetched ({size:.0f} MB), the rest were already present",
    )
