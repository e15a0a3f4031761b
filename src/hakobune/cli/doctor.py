"""`hakobune doctor`."""

from dataclasses import asdict

import click

from hakobune.cli.options import DEFAULT_COMPUTE, Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show_findings
from hakobune.model.cloud import Cloud
from hakobune.model.destination import Destination
from hakobune.model.finding import Finding, exit_code_of
from hakobune.settings import find_login, read_destination
from hakobune.stages.doctor import examine
from hakobune.stages.doctor_cloud import examine_cloud


@click.command("doctor")
@click.option(
    "--cloud",
    "is_cloud",
    is_flag=True,
    help="Also ask for your roles, and ask workspace, storage, registry and compute.",
)
@json_option(
    findings="each with step, state (ok, weak or no), what and remedy",
    exit_code="0, 14 or 5",
)
@pass_wiring
def command(wiring: Wiring, *, is_cloud: bool) -> Document:
    """Check what each step needs on this machine, and print how to fix what is missing.

    One container is started, which sends a file each way through a mounted folder. With --cloud the
    workspace of the environment or of config.json is asked too; each answer is waited for a minute.
    Nothing changes there: the upload that tries the right to push is begun and given up.

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
    if is_cloud:
        findings += _cloud_findings(wiring)
    show_findings(findings)
    return {"findings": [asdict(found) for found in findings], "exit_code": exit_code_of(findings)}


def _cloud_findings(wiring: Wiring) -> tuple[Finding, ...]:
    made: list[Cloud] = []  # one login for all questions

    def cloud() -> Cloud:
        if not made:
            made.append(wiring.impatient_cloud(wiring.destination(Destination())))
        return made[0]

    named = read_destination({}, wiring.cwd)
    return examine_cloud(
        cloud,
        wiring.runner,
        wiring.no_patience,
        registry_name=named.registry,
        compute=named.compute or DEFAULT_COMPUTE,
    )
