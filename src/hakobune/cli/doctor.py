"""`hakobune doctor`."""

from dataclasses import asdict

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show_findings
from hakobune.model.finding import exit_code_of
from hakobune.settings import find_login, read_destination
from hakobune.stages.doctor import examine


@click.command("doctor")
@json_option(
    findings="each with step, state (ok, weak or no), what and remedy",
    exit_code="0, 14 or 5",
)
@pass_wiring
def command(wiring: Wiring) -> Document:
    """Check what each step needs on this machine, and print how to fix what is missing.

    One container is started, which sends a file each way through a mounted folder.

    Exit code 0: every step will work. 14: a step works, but degraded. 5: a step cannot work.
    """
    settings = wiring.settings
    findings = examine(
        wiring.cwd,
        wiring.runner,
        settings.uv_environment(),
        proxies=settings.proxies,
        has_docker_proxies=settings.has_docker_proxies,
        login=find_login(),
        destination=lambda root: read_destination({}, root),
    )
    show_findings(findings)
    return {"findings": [asdict(found) for found in findings], "exit_code": exit_code_of(findings)}
