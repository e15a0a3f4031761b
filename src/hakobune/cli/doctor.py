"""`hakobune doctor`."""

from pathlib import Path

import click

from hakobune.console import show_findings
from hakobune.settings import read_settings
from hakobune.stages.doctor import examine
from hakobune.stages.machine import system_runner


@click.command("doctor")
def command() -> None:
    """Say what this machine has and lacks for each step, and what to do about each lack.

    Exit code 0: every step will work. 4: a step works in another way than it should. 5: a step
    cannot work.
    """
    findings = examine(Path.cwd(), system_runner(), read_settings().uv_environment())
    show_findings(findings)
    click.get_current_context().exit(max(finding.exit_code for finding in findings))
