"""`hakobune verify`."""

from dataclasses import asdict
from pathlib import Path

import click

from hakobune.cli.options import Document, json_option, run_argument
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_link
from hakobune.stages.check_signature import Demand
from hakobune.stages.record import find_run
from hakobune.stages.verify import summary, walk


@click.command("verify")
@run_argument()
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The public key that the run has to be signed with.",
)
@click.option("--require-signature", is_flag=True, help="Refuse an unsigned run.")
@json_option(
    run="the run's name",
    links="each with name, what, digest and is_seen (false: not verifiable here)",
    summary="the last line",
)
@pass_wiring
def command(wiring: Wiring, *, run: str, key: Path | None, require_signature: bool) -> Document:
    """Walk a run's chain, offline, from its files to its image, and name the first broken link.

    RUN is a folder, or its name in runs/. Each hash is computed from the bytes on this machine:
    files, data, lock, Dockerfile, source, layers of the image. Links that cannot be checked here
    are marked `--` and do not fail; a missing image is reported last, after all else held.

    Only a signature detects deliberate changes: name the signer's public key with --key, or list
    the accepted keys as `signers` in [tool.hakobune].
    """
    folder = find_run(wiring.project, run, cwd=wiring.cwd)
    demand = Demand(key=key, is_required=require_signature)
    links = []
    for link in walk(wiring.project, folder, wiring.runner, demand):
        show_link(link)
        links.append(link)
    show(f"{folder.name}: {summary(links)}")
    walked = [asdict(link) for link in links]
    return {"run": folder.name, "links": walked, "summary": summary(links)}
