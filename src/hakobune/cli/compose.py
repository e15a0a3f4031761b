"""`hakobune compose`."""

import click

from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.compose import write_compose


@click.command("compose")
@pass_wiring
def command(wiring: Wiring) -> None:
    """Write docker-compose.yml, to run the image by plain `docker compose run`.

    hakobune train reads no such file: both containers are made from one table. A compose file that
    is there and differs is not overwritten: the differences are printed, and the exit code is 3.
    """
    write_compose(wiring.project, wiring.console)
