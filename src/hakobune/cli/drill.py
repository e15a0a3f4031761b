"""`hakobune drill`."""

import click

from hakobune.cli.options import Document, Duration, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_table
from hakobune.model.drill import MOST_NODES

_HEAD = ("drill", "done twice", "lost", "time lost", "bytes", "what was taken away")


@click.group("drill")
def command() -> None:
    """Take parts of a job away on this machine, and compare what it makes."""


@command.command("eviction", context_settings={"ignore_unknown_options": True})
@click.option(
    "--nodes",
    type=click.IntRange(2, MOST_NODES),
    default=3,
    show_default=True,
    metavar="N",
    help="Nodes of a program that is `distributed`; of another one there is one.",
)
@click.option(
    "--limit",
    type=Duration(),
    default="30m",
    show_default=True,
    help="The longest that one job may take.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@json_option(
    undisturbed="seconds of the job without a disturbance",
    drills="for each drill its name, what was taken away, seconds, seconds lost, how much was done "
    "twice and lost (null: the program does not count), files that differ, and any problem",
)
@pass_wiring
def eviction(wiring: Wiring, *, nodes: int, limit: int, arguments: tuple[str, ...]) -> Document:
    """Run the job here, take nodes away as a preemption does, and compare the results.

    The job runs once undisturbed, then once for each drill, in containers of the image with the
    sandbox of train, on a network without a way out. For a program that is `distributed`: a node
    while it writes, all nodes but the first, node 0, all nodes, and what works on a node, three
    times. For any other: the one container in the middle. What is taken away starts again with the
    same output, as Azure ML does, but for the node that is lost while it writes. A drill fails if a
    file differs, is missing, or a node does not end with 0; times are for reading and never fail.

    All arguments go to the program, as with hakobune train.
    """
    from hakobune.stages.drill import drill, require_passed  # noqa: PLC0415 - the group is quick
    from hakobune.stages.ready import ready_image  # noqa: PLC0415
    from hakobune.stages.train import plan_train  # noqa: PLC0415

    project, runner, console = wiring.project, wiring.runner, wiring.console
    training = plan_train(
        project, arguments, cwd=wiring.cwd, is_terminal=False, sandbox=wiring.sandbox
    )
    image = ready_image(project, runner, console, how=wiring.making)
    first, found = drill(
        project, training, runner, console, image=image, nodes=nodes, limit_s=limit
    )
    rows = [
        (
            one.target.value,
            "-" if one.twice is None else f"{one.twice:,} {one.unit}",
            "-" if one.lost is None else f"{one.lost:,} {one.unit or 'files'}",
            "-" if one.problem else f"{one.lost_s:+.1f} s",
            one.outcome,
            one.how,
        )
        for one in found
    ]
    show_table([_HEAD, *rows])
    show(f"undisturbed: {first.seconds:.1f} s")
    require_passed(found)
    return {
        "undisturbed": round(first.seconds, 1),
        "drills": [
            {
                "name": one.target.value,
                "taken": one.how,
                "seconds": round(one.seconds, 1),
                "seconds_lost": round(one.lost_s, 1),
                "unit": one.unit,
                "twice": one.twice,
                "lost": one.lost,
                "differing": list(one.differing),
                "problem": one.problem,
            }
            for one in found
        ],
    }
