"""Changed model files and records whose seal is right all the same."""

import hashlib
import json
from pathlib import Path
from typing import Any

from trainer.record import write_json


def resealed(values: dict[str, Any]) -> bytes:
    """Return a saved model of any values, NaN and infinity too, that its seal vouches for."""
    body = {name: value for name, value in values.items() if name != "sha256"}
    digest = hashlib.sha256((json.dumps(body) + "\n").encode()).hexdigest()
    return (json.dumps(body | {"sha256": digest}) + "\n").encode()


def reseal_record(path: Path, **changes: object) -> None:
    """Change fields of a record that its seal vouches for."""
    record = json.loads(path.read_text()) | changes
    del record["sha256"]
    digest = hashlib.sha256(write_json(record)).hexdigest()
    path.write_bytes(write_json(record | {"sha256": digest}))
