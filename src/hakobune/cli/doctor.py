"""`hakobune doctor`."""

from pathlib import Path

import click

from hakobune.console import show_findings
from hakobune.model.finding import exit_code_of
from hakobune.settings import read_settings
from hakobune.stages.doctor import examine
from hakobune.stages.machine import system_runner


@click.command("doctor")
def command() -> None:
    """Check what each step needs on this machine, and print how to fix what is missing.

    Exit code 0: every step will work. 14: a step works, but degraded. 5: a step cannot work.
    """
    findings = examine(Path.cwd(), system_runner(), read_settings().uv_environment())
    show_findings(findings)
    click.get_current_context().exit(exit_code_of(findings))
