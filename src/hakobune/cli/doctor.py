"""`hakobune doctor`."""

import click

from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show_findings
from hakobune.model.finding import exit_code_of
from hakobune.stages.doctor import examine


@click.command("doctor")
@pass_wiring
def command(wiring: Wiring) -> None:
    """Check what each step needs on this machine, and print how to fix what is missing.

    Exit code 0: every step will work. 14: a step works, but degraded. 5: a step cannot work.
    """
    findings = examine(wiring.cwd, wiring.runner, wiring.settings.uv_environment())
    show_findings(findings)
    click.get_current_context().exit(exit_code_of(findings))
