"""One kind of member of ours, named by `--kind`; the last value where that cannot be fitted."""

import sys

import numpy as np

from search.protocol import Reply, Task, serve
from trainer.members.kinds import fit as fit_kind
from trainer.members.kinds import run
from trainer.members.member import MemberUnavailableError

_KIND = sys.argv[sys.argv.index("--kind") + 1]


def fit(task: Task) -> Reply:
    """Fit and forecast."""
    values = np.array(task.values)
    try:
        member = fit_kind(_KIND, values, task.season)
    except MemberUnavailableError:
        member = fit_kind("naive", values, 1)
    ahead = run(member, values, task.horizon)
    return Reply(name=task.name, cpu_s=0.0, forecast=tuple(ahead.mean.tolist()))


if __name__ == "__main__":
    serve(fit)
