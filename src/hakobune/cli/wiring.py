"""Makes what a command works with, and hands it in: project, console, adapters.

Only this module of `cli` may import adapters. Each part is imported and made when a command first
uses it: `--help` and `lock --check` load neither the SDK of Azure nor what starts processes.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hakobune.console import Console
from hakobune.errors import HakobuneError

if TYPE_CHECKING:
    from hakobune.adapters.patience import Patience
    from hakobune.adapters.process import Runner
    from hakobune.model.cloud import Cloud
    from hakobune.model.destination import Destination
    from hakobune.model.project import Project
    from hakobune.model.sandbox import Sandbox
    from hakobune.model.secrets import BuildSecrets
    from hakobune.settings import Settings
    from hakobune.stages.deliver import Services
    from hakobune.stages.ready import Making


class Wiring:
    """What one command works with. Tests hand in another one; see `main`."""

    @cached_property
    def cwd(self) -> Path:
        """Return the folder in which the command was started."""
        return Path.cwd()

    @cached_property
    def console(self) -> Console:
        """Return the console; it measures the first stage's seconds from now on."""
        return Console()

    @cached_property
    def project(self) -> "Project":
        """Return the project around that folder, with what arrived there since the last command.

        Raises ConfigurationInvalidError.
        """
        from hakobune.stages.project import has_arrivals, open_project  # noqa: PLC0415

        found = open_project(self.cwd)
        if has_arrivals(found):
            from hakobune.stages.arrivals import collect  # noqa: PLC0415

            collect(found, self.runner, self.console)
        return found

    def run_names(self) -> list[str]:
        """Return the names of the project's runs, for a shell's completion; nothing is moved."""
        from hakobune.stages.project import names_of_runs, open_project  # noqa: PLC0415

        try:
            return names_of_runs(open_project(self.cwd))
        except HakobuneError:
            return []

    def job_names(self) -> list[str]:
        """Return the names of the project's jobs, the newest first, for a shell's completion."""
        from hakobune.stages.job_notes import notes  # noqa: PLC0415
        from hakobune.stages.project import open_project  # noqa: PLC0415

        try:
            return [note.name for note in notes(open_project(self.cwd)) if note.is_submitted]
        except HakobuneError:
            return []

    @cached_property
    def settings(self) -> "Settings":
        """Return how this machine reaches the package index."""
        from functools import partial  # noqa: PLC0415

        from hakobune.adapters.package_index import keyring_password  # noqa: PLC0415
        from hakobune.settings import read_settings  # noqa: PLC0415

        return read_settings(keyring=partial(keyring_password, self.runner))

    @property
    def build_secrets(self) -> "BuildSecrets":
        """Return what a build needs and no layer holds, with the indexes that the lock names.

        Raises ConfigurationInvalidError where a variable of an index's address is not set.
        """
        from hakobune.stages.build import with_mirror  # noqa: PLC0415
        from hakobune.stages.project import read_current_lock  # noqa: PLC0415

        lock = read_current_lock(self.project)
        return with_mirror(lock, self.runner, self.settings.build_secrets(lock.indexes))

    @cached_property
    def sandbox(self) -> "Sandbox":
        """Return what the project's training may use on this machine.

        Raises ConfigurationInvalidError for a limit of the environment that is none.
        """
        from dataclasses import replace  # noqa: PLC0415

        from hakobune.model.sandbox import SANDBOXES, TRAIN  # noqa: PLC0415

        row = replace(SANDBOXES[TRAIN], gpus=self.project.gpus)
        return row.limited(*self.settings.limits)

    @property
    def making(self) -> "Making":
        """Return how a lock and an image are made where they are missing or out of date."""
        from hakobune.stages.lock import LockWishes  # noqa: PLC0415
        from hakobune.stages.ready import Making  # noqa: PLC0415

        return Making(
            wishes=lambda: LockWishes(
                index=self.settings.uv_environment, asked=self.settings.asked_indexes
            ),
            secrets=lambda: self.build_secrets,
        )

    @cached_property
    def runner(self) -> "Runner":
        """Return what starts programs."""
        from hakobune.adapters.process import SystemRunner  # noqa: PLC0415

        return SystemRunner()

    @cached_property
    def patience(self) -> "Patience":
        """Return how often and how long a service that is down is retried."""
        from hakobune.adapters.patience import Patience, SystemClock  # noqa: PLC0415

        return Patience(clock=SystemClock(), reporter=self.console)

    @cached_property
    def no_patience(self) -> "Patience":
        """Return the same without a retry, for a dry run."""
        from dataclasses import replace  # noqa: PLC0415

        return replace(self.patience, pauses_s=())

    def destination(self, given: "Destination") -> "Destination":
        """Return where to, from the options, the environment or a config.json above the project.

        Raises CloudUnknownError for a rehearsal that does not lead to a running drydock.
        """
        from dataclasses import asdict  # noqa: PLC0415

        from hakobune.settings import read_destination  # noqa: PLC0415

        found = read_destination(asdict(given), self.project.root)
        if found.rehearsal is not None:
            from hakobune.adapters.rehearsal import require_running  # noqa: PLC0415

            require_running(found.rehearsal)
        return found

    def cloud(self, to: "Destination") -> "Cloud":
        """Return the workspace. Raises DestinationIncompleteError unless it is named whole."""
        from hakobune.adapters.azure_ml import AzureWorkspace  # noqa: PLC0415

        to.require_workspace()
        # One for each place: it has a login, and connections.
        if to not in self._workspaces:
            self._workspaces[to] = AzureWorkspace(to, self.patience)
        return self._workspaces[to]

    def impatient_cloud(self, to: "Destination") -> "Cloud":
        """Return the workspace for questions that are not repeated: those of doctor."""
        from hakobune.adapters.azure_ml import AzureWorkspace  # noqa: PLC0415

        to.require_workspace()
        return AzureWorkspace(to, self.no_patience)

    @cached_property
    def _workspaces(self) -> "dict[Destination, Cloud]":
        return {}

    def registry(self, to: "Destination") -> str:
        """Return the container registry that is named, else the workspace's own."""
        return to.registry or self.cloud(to).registry()

    def services(self, to: "Destination") -> "Services":
        """Return what a delivery works with. Raises DestinationIncompleteError."""
        from hakobune.stages.deliver import Services  # noqa: PLC0415

        return Services(
            project=self.project, cloud=self.cloud(to), runner=self.runner, patience=self.patience
        )


# The command's first argument; a new one is made unless `main` was handed one.
pass_wiring = click.make_pass_decorator(Wiring, ensure=True)
