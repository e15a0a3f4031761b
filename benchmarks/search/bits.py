"""Every bit of what our search finds: one line a task, name and sha256.

A process of its own, so that it can run on an emulated processor, with another kernel or BLAS.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from search.hard import hard_cases
from search.protocol import Reply, Task, read_tasks
from search.run_hakobune import fit, reply_of
from trainer.fit.fitting import Data, Likelihood, predict
from trainer.fit.order import Order
from trainer.fit.starts import fit_from_many


def main() -> None:
    """Print a digest of order, parameters, AICc and forecast of each task."""
    orders = {case.name: case.order for case in hard_cases()}
    for task in read_tasks(Path(sys.argv[-1])):
        order = orders.get(task.name)
        reply = fit(task) if order is None else fit_given(task, order)
        print(task.name, digest(reply), flush=True)


def fit_given(task: Task, order: Order) -> Reply:
    """Fit a given order, as the program does, and forecast."""
    values = np.array(task.values)
    fitted = fit_from_many(Likelihood(Data(values), order))
    mean, _ = predict(fitted, values, task.horizon)
    return reply_of(task, fitted, tuple(mean.tolist()))


def digest(reply: Reply) -> str:
    """Return a checksum in which every bit of every number counts."""
    numbers = (
        *(*reply.ar, *reply.ma, *reply.seasonal_ar, *reply.seasonal_ma),
        *(reply.mean or 0.0, reply.log_likelihood, reply.aicc, *reply.forecast),
    )
    text = f"{reply.order} {reply.mean is None} {[number.hex() for number in numbers]}"
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
