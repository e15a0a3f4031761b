"""Starts MLflow's server over the runs that trainings logged into `runs/mlflow`."""

import os
import sys
from pathlib import Path

# The path that the training's container has too: it stands in each run, before its pictures.
STORE = Path("/workspace/runs/mlflow")


def main() -> None:
    """Become the server, which ends with the container."""
    STORE.mkdir(exist_ok=True)
    server = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", STORE.as_uri()]
    os.execv(sys.executable, [*server, "--host", "0.0.0.0", "--port", "5000", "--workers", "1"])  # noqa: S104, S606 - the container's own; compose publishes it on 127.0.0.1


if __name__ == "__main__":
    main()
