"""Starts MLflow's server, and beside it the import of the finished runs in `runs`."""

import os
import subprocess
import sys
from pathlib import Path

STORE = Path("/workspace/store/mlflow")


def main() -> None:
    """Become the server, which ends with the container."""
    subprocess.Popen([sys.executable, "-m", "board.import_runs"])
    server = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{STORE}/mlflow.db"]
    artifacts = ["--serve-artifacts", "--artifacts-destination", f"{STORE}/artifacts"]
    place = ["--host", "0.0.0.0", "--port", "5000"]  # noqa: S104 - the container's own; compose publishes it on 127.0.0.1
    os.execv(sys.executable, [*server, *store, *artifacts, *place])  # noqa: S606 - the same


if __name__ == "__main__":
    main()
