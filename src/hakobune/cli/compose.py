"""`hakobune compose`."""

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.model.project import COMPOSE
from hakobune.stages.compose import write_compose


@click.command("compose")
@json_option(
    file="the compose file's name",
)
@pass_wiring
def command(wiring: Wiring) -> Document:
    """Write docker-compose.yml, to run the image by plain `docker compose run`.

    hakobune train reads no such file: both containers are made from one table. A compose file that
    is there and differs is not overwritten: the differences are printed, and the exit code is 3.
    """
    write_compose(wiring.project, wiring.console)
    return {"file": COMPOSE}
