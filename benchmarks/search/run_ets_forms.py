"""Every form of exponential smoothing by statsforecast, each a JSON line; runs in .venv-bench."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from statsforecast.ets import ets_f  # type: ignore[import-not-found]  # in .venv-bench only

from search.protocol import read_tasks


def main() -> None:
    """Fit the forms that the season allows; `height` leaves out a constant, as theirs does."""
    warnings.simplefilter("ignore")
    for task in read_tasks(Path(sys.argv[-1])):
        for form in sys.argv[1].split(","):
            if form[-1] != "N" and task.season < 2:  # noqa: PLR2004 - no season
                continue
            letters = form[0] + form[1] + form[-1]
            found = ets_f(np.array(task.values), task.season, letters, damped="d" in form)
            alpha, beta, gamma, _ = (float(number) for number in found["par"][:4])
            line = {"name": task.name, "form": form, "height": float(found["loglik"])}
            # NaN is a smoothing that the form lacks, and not equal to itself.
            is_usual = not beta > alpha + 1e-6 and not gamma > 1 - alpha + 1e-6
            print(json.dumps({**line, "is_usual": is_usual}), flush=True)


if __name__ == "__main__":
    main()
